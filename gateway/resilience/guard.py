"""What all guards have in common: each is a transport around another."""

from collections.abc import Callable

import httpx

from clients.values import DataSource

Clock = Callable[[], float]
"""Seconds that only ever grow: the running loop's `time`, or a test's."""


class Guard(httpx.AsyncBaseTransport):
    """A transport that passes calls to the one inside it, on its own terms."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def aclose(self) -> None:
        """Close what is inside."""
        await self.inner.aclose()


def source_of(request: httpx.Request) -> DataSource:
    """The system that the call goes to."""
    source: DataSource = request.extensions["source"]
    return source


def operation_of(request: httpx.Request) -> str:
    """What the system is asked, e.g. `pricing.prices`."""
    operation: str = request.extensions["operation"]
    return operation


def deadline_of(request: httpx.Request) -> float:
    """When the call must be over, on the loop's clock; the deadline guard has set it."""
    deadline: float | None = request.extensions.get("deadline")
    return float("inf") if deadline is None else deadline
