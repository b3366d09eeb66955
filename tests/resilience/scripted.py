"""An upstream in memory that does as it is told, on the loop's clock."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import httpx

from clients.http import Priority
from clients.values import DataSource
from gateway.resilience.policy import UpstreamPolicy
from gateway.resilience.quota import QuotaStore
from gateway.resilience.stack import GuardedUpstream, Surroundings

Act = Callable[[], Awaitable[httpx.Response]]

EPOCH = 1_800_000_000.0


def answer(
    status: int = 200,
    *,
    after_s: float = 0.0,
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
) -> Act:
    """Answer like this, so many seconds later."""

    async def act() -> httpx.Response:
        await asyncio.sleep(after_s)
        return httpx.Response(status, headers={"content-type": "application/json", **(headers or {})}, content=body)

    return act


def fail(error: Exception, *, after_s: float = 0.0) -> Act:
    """Fail like this, so many seconds later."""

    async def act() -> httpx.Response:
        await asyncio.sleep(after_s)
        raise error

    return act


class Scripted(httpx.AsyncBaseTransport):
    """Plays `acts` in order and then `always`; remembers when each call came and which was cancelled.

    Like the wire engine, it gives up at the call's deadline.
    """

    def __init__(self, acts: Iterable[Act] = (), *, always: Act | None = None) -> None:
        self.acts = list(acts)
        self.always = always or answer()
        self.sent: list[float] = []
        self.priorities: list[Priority] = []
        self.cancelled = 0
        self.running = 0
        self.most_running = 0
        self.is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        loop = asyncio.get_running_loop()
        self.sent.append(loop.time())
        self.priorities.append(request.extensions.get("priority", Priority.PAGE))
        act = self.acts.pop(0) if self.acts else self.always
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            async with asyncio.timeout_at(request.extensions.get("deadline")):
                return await act()
        except TimeoutError:
            raise httpx.ReadTimeout("scripted", request=request) from None
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    async def aclose(self) -> None:
        self.is_closed = True


def call(
    *,
    operation: str = "pricing.prices",
    idempotent: bool = True,
    deadline: float | None = None,
    priority: Priority = Priority.PAGE,
    source: DataSource = DataSource.PRICING,
    url: str = "http://upstream.test/v1/prices/batch",
    body: bytes = b"{}",
) -> httpx.Request:
    """A call as `clients.http.Upstream` makes it."""
    return httpx.Request(
        "POST",
        url,
        content=body,
        headers={"content-type": "application/json"},
        extensions={
            "source": source,
            "operation": operation,
            "idempotent": idempotent,
            "deadline": deadline,
            "priority": priority,
        },
    )


def guarded(
    policy: UpstreamPolicy, engine: httpx.AsyncBaseTransport, store: QuotaStore | None = None, dice: float = 0.5
) -> GuardedUpstream:
    """The whole stack on the running loop's clock, with dice that always show the same."""
    return GuardedUpstream(policy, engine, store, Surroundings(epoch=lambda: EPOCH, dice=lambda: dice))


async def outcome(transport: httpx.AsyncBaseTransport, request: httpx.Request) -> int | str:
    """The status of the answer, or the name of the error."""
    try:
        return (await transport.handle_async_request(request)).status_code
    except Exception as error:  # noqa: BLE001 (whatever it is, its name is what the test compares)
        return type(error).__name__
