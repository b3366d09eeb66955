"""Fetch an issuer's key set over httpx's transport interface."""

import asyncio

import httpx

from gateway.identity.keys import Fetch, KeysUnavailable

MAX_BYTES = 256 * 1024


def fetch_published(transport: httpx.AsyncBaseTransport, url: str, *, timeout_s: float = 2.0) -> Fetch:
    """Make the function that GETs the key set; redirects are not followed. It raises what the transport raises."""

    async def fetch() -> bytes:
        async with asyncio.timeout(timeout_s):
            response = await transport.handle_async_request(
                httpx.Request("GET", url, headers={"accept": "application/json"})
            )
            try:
                if response.status_code != httpx.codes.OK:
                    raise KeysUnavailable(f"Expected status 200 of the key set; got {response.status_code}.")
                return await _bounded(response)
            finally:
                await response.aclose()

    return fetch


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise KeysUnavailable(f"Expected a key set of at most {MAX_BYTES} bytes; got more.")
    return bytes(body)
