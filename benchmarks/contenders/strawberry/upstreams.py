"""The upstreams over httpx. TRANSPORT=aiohttp puts it over aiohttp, REMEMBER=1 keeps answers in aiocache."""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from aiocache import SimpleMemoryCache
from httpx_aiohttp import HttpxAiohttpClient

UPSTREAM = os.environ["UPSTREAM"]
SHOP = {"localityId": "msk", "channel": "WEB", "currency": "RUB", "language": "ru"}
LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256)
HEADERS = {"authorization": "Bearer bench"}

Json = dict[str, Any]


def make_client() -> httpx.AsyncClient:
    if os.environ.get("TRANSPORT") == "aiohttp":
        return HttpxAiohttpClient(base_url=UPSTREAM, limits=LIMITS, timeout=10, headers=HEADERS)
    return httpx.AsyncClient(base_url=UPSTREAM, limits=LIMITS, timeout=10, headers=HEADERS)


client = make_client()


async def fetch(path: str, body: Json) -> Json:
    response = await client.post(path, json=body)
    response.raise_for_status()
    answer: Json = response.json()
    return answer


def remembering(fetch: Callable[[str, Json], Awaitable[Json]]) -> Callable[[str, Json], Awaitable[Json]]:
    cache = SimpleMemoryCache()

    async def remembered(path: str, body: Json) -> Json:
        key = path + json.dumps(body)
        found = await cache.get(key)
        if found is None:
            found = await fetch(path, body)
            await cache.set(key, found, ttl=300)
        answer: Json = found
        return answer

    return remembered


post = remembering(fetch) if os.environ.get("REMEMBER") == "1" else fetch
