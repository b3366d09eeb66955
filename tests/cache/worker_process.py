"""A gateway process reduced to its cache: does what it is told on stdin, one JSON answer per line."""

import asyncio
import json
import sys
import time
from typing import Any

from clients.values import Dataset
from gateway.cache import codec
from gateway.cache.aiocache_store import open_store
from gateway.cache.levels import open_levels
from gateway.cache.purge import purge
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from tests.cache.scripted import TERMS, Upstream, ask
from tests.cache.workers import VALUE


async def work(url: str, namespace: str) -> None:
    """`ask N KEY...`: N callers at once; `version N`: what the upstream says from now on; `purge TAG...`."""
    levels, upstream = open_levels(), Upstream(takes_s=0.3)
    async with Shared(open_store(url, namespace=namespace), levels, timeout_s=2.0) as shared:
        source: Any = CachedSource(
            Dataset.PRICE, TERMS, upstream.fetch, lambda asker: asker.for_customer, levels, shared,
            codec=codec.Codec(Dataset.PRICE, VALUE),
        )  # fmt: skip
        say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            verb, *words = line.split()
            if verb == "ask":
                answers = await asyncio.gather(*(ask(source, *words[1:]) for _ in range(int(words[0]))))
                say([answers[0], len({json.dumps(answer) for answer in answers}), len(upstream.calls), time.time()])
            elif verb == "version":
                upstream.version = int(words[0])
                say("ok")
            elif verb == "purge":
                say([(await purge(words, levels, shared)).is_everywhere, time.time()])


def say(what: object) -> None:
    """One line on stdout."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
