"""Nothing blocks the event loop: while a page is made, others go on."""

import asyncio
from asyncio.events import Handle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns, sleep
from typing import Any

import httpx
import pytest

from gateway.app import make_app
from gateway.settings import Settings
from tests.journeys.pages import PAGES
from tests.journeys.shop import Sandbox, gateway_settings

LONGEST_S = 0.05


def waited_for_cpu_ns() -> int:
    """How long this thread was ready to run and did not get a processor, since it began (proc(5), schedstat)."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1])


@contextmanager
def blocked_longest(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[float, str]]]:
    """Time every callback of every event loop; the time that other processes took from us is left out."""
    seen: list[tuple[float, str]] = []
    run = Handle._run

    def timed(self: Handle) -> None:
        began, waited = perf_counter_ns(), waited_for_cpu_ns()
        run(self)
        seen.append(((perf_counter_ns() - began - (waited_for_cpu_ns() - waited)) / 1e9, repr(self)))

    with monkeypatch.context() as patch:
        patch.setattr(Handle, "_run", timed)
        yield seen


async def ask_all(app: Any, token: str) -> None:
    """Every page twice, by a customer and by a stranger."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        for headers in ({"authorization": f"Bearer {token}"}, {}):
            for page in PAGES:
                body = {"query": page.document, "variables": page.variables}
                await asyncio.sleep(0)  # a page of which all is at hand waits for nothing: each is a step of its own
                answer = await client.post("/graphql", json=body, headers=headers)
                assert "errors" not in answer.json()


def test_no_callback_blocks_the_loop(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a page that was written twice before, no step keeps the event loop for more than 50 ms, warm or cold."""
    for name, value in gateway_settings(sandbox).items():
        monkeypatch.setenv(name, value)
    app = make_app(Settings())
    token = sandbox.token("cust-anna")

    async def serve() -> None:
        async with app.rest.router.lifespan_context(app.rest):
            await ask_all(app, token)  # the first time documents are parsed and planned
            await ask_all(app, token)  # the second time what is written again is learnt: 75 ms for the largest page
            seen.clear()
            await ask_all(app, token)
            await asyncio.sleep(2.5)  # stock is no longer fresh
            await ask_all(app, token)

    with blocked_longest(monkeypatch) as seen:
        asyncio.run(serve())
    assert max(seen)[0] < LONGEST_S, sorted(seen)[-5:]


def test_the_watch_sees_a_blocking_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: a blocking call is seen for what it is."""

    async def block() -> None:
        sleep(0.06)  # noqa: ASYNC251 -- the very thing that must be seen

    with blocked_longest(monkeypatch) as seen:
        asyncio.run(block())
    assert max(seen)[0] > LONGEST_S
