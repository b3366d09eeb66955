"""The door: what of a request is there before it may come in."""

import asyncio
from typing import Any

import pytest

from gateway.resilience.admission import Admission, AdmissionPolicy
from gateway.resilience.door import AdmissionDoor, Receive, Scope, Send


def now() -> float:
    return asyncio.get_running_loop().time()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"status": 200, "body": body})


def chunks(*bodies: bytes, pause_s: float = 0.0, end: str = "http.request") -> Receive:
    """A body in pieces; then the client is gone."""
    left = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
    left += [{"type": end, "body": b"", "more_body": False}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, object]:
        await asyncio.sleep(pause_s)
        return left.pop(0)

    return receive


@pytest.mark.looptime
async def test_who_is_still_sending_holds_no_place() -> None:
    """A house of one: fifty who drip for ten seconds keep nobody out, and are served when they are done."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append((message["status"], message["body"], now()))

    admission = Admission(AdmissionPolicy(start=1))
    door = AdmissionDoor(echo, admission)
    scope = {"type": "http", "headers": [(b"content-length", b"4")]}
    dripping = [door(scope, chunks(b"d", b"r", b"i", b"p", pause_s=2.0), send) for _ in range(50)]
    async with asyncio.TaskGroup() as group:
        for each in dripping:
            group.create_task(each)
        await asyncio.sleep(5)
        assert (admission.gate.inside, sent) == (0, [])
        await door(scope, chunks(b"pa", b"ge"), send)
        assert [each[:2] for each in sent] == [(200, b"page")]
    assert [each[:2] for each in sent[1:]] == [(200, b"drip")] * 50
    assert sent[-1][2] == pytest.approx(10.0)


@pytest.mark.looptime
async def test_who_hangs_up_while_sending_never_comes_to_the_door() -> None:
    """Nothing is called, nothing is answered, nobody is counted."""

    async def never(*_: object) -> None:
        raise AssertionError("expected neither a call nor an answer")

    admission = Admission()
    await AdmissionDoor(never, admission)({"type": "http", "headers": []}, chunks(b"{", end="http.disconnect"), never)
    assert (admission.gate.inside, admission.refused) == (0, {})


@pytest.mark.looptime
@pytest.mark.parametrize("headers", [[(b"content-length", b"9000000")], []], ids=["declared", "chunked"])
async def test_too_much_is_not_taken_in(headers: list[tuple[bytes, bytes]]) -> None:
    """The door keeps 128 KB of a request at most, and nothing of one that says it is larger; inside it is refused."""
    pieces = 0

    async def endless() -> dict[str, object]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    seen: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(pieces)
        await receive()

    async def send(message: object) -> None:
        raise AssertionError(f"expected no answer from the door, got {message}")

    await AdmissionDoor(app, Admission())({"type": "http", "headers": headers}, endless, send)
    assert seen == [0 if headers else 3]
