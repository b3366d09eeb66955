"""Asking the source itself: the one place where an adapter's call can fail in ways nobody foresaw."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from clients.errors import InvalidSourceResponse, Outcomes, SourceError, SourceTimeout
from clients.scope import Scope
from clients.values import DataSource
from gateway.cache.metrics import DatasetCounters
from gateway.cache.policy import Policy

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Scope)

Fetch = Callable[[Sequence[K], S], Awaitable[Outcomes[K, V]]]
"""A client's bound method. A key that is absent from the answer does not exist at the source."""

log = logging.getLogger(__name__)


class Fetcher(Generic[K, V, S]):
    """Asks the source itself: one outcome per key, never an exception except cancellation."""

    def __init__(self, source: DataSource, policy: Policy, fetch: Fetch[K, S, V], counters: DatasetCounters) -> None:
        self._source = source
        self._policy = policy
        self._fetch = fetch
        self._counters = counters

    async def ask(self, keys: Sequence[K], scope: S) -> dict[K, V | SourceError | None]:
        """At most `max_batch` keys; a call that fails as a whole fails each of its keys."""
        self._counters.calls += 1
        self._counters.sent += len(keys)
        try:
            async with asyncio.timeout(self._policy.load_timeout_s):
                found = await self._fetch(keys, scope)
        except SourceError as error:
            return self._failed(keys, error)
        except TimeoutError:
            return self._failed(keys, SourceTimeout(self._source, f"no answer in {self._policy.load_timeout_s} s"))
        except Exception as error:
            log.exception("%s: an adapter raised what is not a SourceError", self._source.value)
            return self._failed(keys, InvalidSourceResponse(self._source, repr(error)))
        return {key: found.get(key) for key in keys}

    def _failed(self, keys: Sequence[K], error: SourceError) -> dict[K, V | SourceError | None]:
        self._counters.failed += len(keys)
        return dict.fromkeys(keys, error)
