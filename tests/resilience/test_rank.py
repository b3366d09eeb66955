"""Who is sent away first is told before the body is read, and nobody can push to the front."""

import asyncio
from typing import Any

import pytest

from clients.http import Priority
from gateway.resilience.admission import Admission, AdmissionPolicy
from gateway.resilience.door import AdmissionDoor
from gateway.resilience.rank import make_rank_of


def scope_of(*headers: tuple[bytes, bytes], method: str = "POST") -> dict[str, Any]:
    return {"type": "http", "method": method, "headers": [(b"host", b"shop.example"), *headers]}


@pytest.mark.parametrize(
    ("headers", "rank"),
    [
        ([], Priority.PAGE),
        ([(b"priority", b"u=3")], Priority.PAGE),
        ([(b"priority", b"i")], Priority.PAGE),
        ([(b"priority", b"u=4, i")], Priority.RECOMMENDATION),
        ([(b"priority", b"i, u=7")], Priority.REFRESH),
        ([(b"sec-purpose", b"prefetch;anonymous-client-ip")], Priority.REFRESH),
        ([(b"x-apollo-operation-name", b"SearchSuggest")], Priority.RECOMMENDATION),
        ([(b"x-apollo-operation-name", b"ProductPage")], Priority.PAGE),
        ([(b"x-apollo-operation-name", b"SearchSuggest"), (b"priority", b"u=7")], Priority.REFRESH),
    ],
)
def test_a_request_may_say_that_it_is_less_than_a_page(headers: list[tuple[bytes, bytes]], rank: Priority) -> None:
    """The humblest of what its headers admit counts."""
    assert make_rank_of(["SearchSuggest"])(scope_of(*headers)) is rank


@pytest.mark.parametrize("value", [b"u=0", b"u=-1", b"u=", b"u=9", b"checkout", b"\xff", b"u=0, u=1", b""])
def test_no_header_makes_more_than_a_page(value: bytes) -> None:
    """What a client claims for itself never puts it before the others."""
    names = (b"priority", b"sec-purpose", b"x-apollo-operation-name", b"x-priority")
    assert {make_rank_of()(scope_of((name, value))) for name in names} == {Priority.PAGE}


def test_a_preflight_is_not_limited() -> None:
    """A browser that is refused the preflight would not even learn of the 503."""
    assert make_rank_of()(scope_of(method="OPTIONS")) is None


async def test_the_cheapest_to_lose_are_sent_away_first() -> None:
    """With one place inside and one in the line, a page displaces a prefetch, and no prefetch displaces a page."""
    inside = asyncio.Event()
    statuses: dict[str, int] = {}

    async def work(scope: Any, receive: Any, send: Any) -> None:
        await inside.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    admission = Admission(AdmissionPolicy(start=1, fewest=1, most=1, waiting=1, wait_s=30))
    door = AdmissionDoor(work, admission, make_rank_of())

    async def visit(name: str, *headers: tuple[bytes, bytes]) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"{", "more_body": False}

        async def send(message: Any) -> None:
            statuses.setdefault(name, message.get("status", 0))

        await door(scope_of(*headers), receive, send)

    async with asyncio.TaskGroup() as group:
        for name, headers in (
            ("first", []),
            ("prefetch", [(b"sec-purpose", b"prefetch")]),
            ("page", []),
            ("late prefetch", [(b"sec-purpose", b"prefetch")]),
        ):
            group.create_task(visit(name, *headers))
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        inside.set()
    assert statuses == {"first": 200, "prefetch": 503, "page": 200, "late prefetch": 503}
    assert admission.refused == {Priority.REFRESH: 2}
