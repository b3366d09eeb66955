"""`gateway purge TAG...`: forget everything that carries a tag, in every worker of every host."""

import asyncio
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from gateway.cache.aiocache_store import open_store
from gateway.cache.levels import open_levels
from gateway.cache.purge import Purged, purge
from gateway.cache.shared import Shared
from gateway.cache.tags import InvalidTag
from gateway.commands.reading import CommandFailed, read_settings


def configure(parser: ArgumentParser) -> None:
    """The tags to purge."""
    parser.add_argument("tag", nargs="+", help="for example sku:LUM-000001-01, customer:42 or dataset:price")


def run(given: Namespace) -> int:
    """Purge through the shared store; status 1 when the store did not take it."""
    url = read_settings(needs_upstreams=False).cache.shared_url
    if url is None:
        raise CommandFailed(
            "expected GATEWAY_CACHE__SHARED_URL: without a shared store each worker remembers for itself, "
            "and only a request to its own operations address can purge it"
        )
    try:
        purged = asyncio.run(purge_everywhere(url.get_secret_value(), given.tag))
    except InvalidTag as error:
        raise CommandFailed(str(error)) from None
    if not purged.is_everywhere:
        sys.stderr.write("gateway: expected the shared store to take the purge, got no answer\n")
        return 1
    sys.stdout.write(f"purged {', '.join(purged.tags)}\n")
    return 0


async def purge_everywhere(url: str, tags: Sequence[str]) -> Purged:
    """Write the tags into the purge log that every process follows."""
    levels = open_levels(max_entries=100, max_bytes=1_000_000, clock=time.time)
    async with Shared(open_store(url), levels, timeout_s=2.0) as shared:
        return await purge(tags, levels, shared)
