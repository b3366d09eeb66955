"""Too many requests: who comes in, who is sent away, and how the limit finds itself."""

import asyncio
import random
from collections import Counter
from typing import Any

import httpx
import pytest

from clients.http import Priority
from gateway.resilience.admission import Admission, AdmissionPolicy, adapted_limit
from gateway.resilience.door import AdmissionDoor, Receive, Scope, Send

POLICY = AdmissionPolicy()


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("limit", "most_inside", "delay_s", "expected"),
    [
        (100, 100, 0.06, 70.0),
        (100, 100, 0.033, 90.9),
        (100, 100, 5.0, 70.0),
        (100, 50, 0.06, 35.0),
        (16, 16, 5.0, 16.0),
        (100, 100, 0.02, 100),
        (100, 100, 0.001, 111.0),
        (100, 89, 0.001, 100),
        (160, 160, 0.001, 160.0),
    ],
)
def test_the_limit_follows_the_delay(limit: float, most_inside: int, delay_s: float, expected: float) -> None:
    """Down in proportion, up by a tenth and only when used, never out of its bounds."""
    assert adapted_limit(limit, most_inside, delay_s, POLICY) == pytest.approx(expected, abs=0.1)


class Worker:
    """A process with one processor: each request needs so much of it, in slices, first come first served."""

    def __init__(self, admission: Admission, cpu_s: float, slices: int = 4) -> None:
        self.admission = admission
        self.slice_s = cpu_s / slices
        self.slices = slices
        self.processor = asyncio.Lock()
        self.done: Counter[Priority] = Counter()
        self.took: list[float] = []
        self.most_inside = 0

    async def request(self, rank: Priority) -> int:
        started = now()
        if not self.admission.gate.try_enter() and not await self.admission.wait(rank):
            return 503
        self.most_inside = max(self.most_inside, self.admission.gate.inside)
        try:
            for _ in range(self.slices):
                async with self.processor:
                    await asyncio.sleep(self.slice_s)
        finally:
            self.admission.leave()
        self.done[rank] += 1
        self.took.append(now() - started)
        return 200

    async def feel_delay(self) -> None:
        while True:
            await asyncio.sleep(self.admission.policy.every_s)
            due = now()
            async with self.processor:
                self.admission.adapt(now() - due)


async def load(worker: Worker, per_s: float, seconds: float, dice: random.Random) -> list[int]:
    """Requests at random moments; one in ten a checkout, three in ten a refresh's worth."""
    calls = []
    until = now() + seconds
    while now() < until:
        rank = dice.choices([Priority.CHECKOUT, Priority.PAGE, Priority.RECOMMENDATION], [1, 6, 3])[0]
        calls.append(asyncio.create_task(worker.request(rank)))
        await asyncio.sleep(dice.expovariate(per_s))
    return await asyncio.gather(*calls)


@pytest.mark.looptime
async def test_at_twice_the_capacity_most_of_the_capacity_is_still_used() -> None:
    """30 s at 100 a second for a worker that can do 50: over 90 % goodput, only 503 beside it, checkout unhurt."""
    worker = Worker(Admission(), cpu_s=0.02)
    feeling = asyncio.create_task(worker.feel_delay())
    dice = random.Random(1)
    statuses = Counter(await load(worker, 100, 30, dice))
    assert set(statuses) == {200, 503}
    assert statuses[200] >= 0.9 * 50 * 30
    offered_checkouts = worker.done[Priority.CHECKOUT] + worker.admission.refused[Priority.CHECKOUT]
    assert worker.done[Priority.CHECKOUT] >= 0.99 * offered_checkouts
    worker.took.sort()
    assert worker.took[int(len(worker.took) * 0.99)] <= 0.6

    await asyncio.sleep(5)
    worker.took.clear()
    after = Counter(await load(worker, 25, 5, dice))
    assert set(after) == {200}
    worker.took.sort()
    assert worker.took[int(len(worker.took) * 0.99)] <= 0.1
    feeling.cancel()


@pytest.mark.looptime
async def test_slow_upstreams_alone_send_nobody_away() -> None:
    """300 requests at once that wait 2 s for somebody else cost no processor, so all 300 come in."""
    admission = Admission()

    async def visit() -> bool:
        if not (admission.gate.try_enter() or await admission.wait(Priority.PAGE)):
            return False
        visit = admission.begin()
        await asyncio.sleep(2)
        visit()
        return True

    async with admission.following_delay():
        assert await asyncio.gather(*(visit() for _ in range(300))) == [True] * 300
    assert admission.delay_s == pytest.approx(0.0, abs=0.001)


@pytest.mark.looptime
async def test_a_hiccup_sends_nobody_away_and_a_standing_queue_does() -> None:
    """One late look in four changes nothing, however late; four late ones lower the limit."""
    admission = Admission()
    assert all(admission.gate.try_enter() for _ in range(100))
    for delay_s in (0.0, 0.5, 0.0, 0.0, 0.5, 0.4, 0.3):
        admission.adapt(delay_s)
    assert admission.gate.limit == 160
    admission.adapt(0.3)
    assert admission.gate.limit == 70


@pytest.mark.looptime
async def test_the_cheapest_to_lose_are_sent_away_first() -> None:
    """One inside, a line of two: recommendations make way for pages, pages for checkout."""
    admission = Admission(AdmissionPolicy(start=1, fewest=1, waiting=2))
    assert admission.gate.try_enter()
    order = [Priority.RECOMMENDATION, Priority.RECOMMENDATION, Priority.PAGE, Priority.CHECKOUT, Priority.PAGE]
    waiters = [asyncio.create_task(admission.wait(rank)) for rank in order]
    await asyncio.sleep(0.01)
    admission.leave()
    admission.leave()
    assert await asyncio.gather(*waiters) == [False, False, True, True, False]
    assert admission.refused == {Priority.RECOMMENDATION: 2, Priority.PAGE: 1}


async def no_body() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.looptime
async def test_who_is_sent_away_is_told_when_to_come_back() -> None:
    """After 250 ms in line: 503, `Retry-After: 1`, JSON, and the application was not called."""
    called = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called.append(scope["path"])

    admission = Admission(AdmissionPolicy(start=0))
    transport = httpx.ASGITransport(AdmissionDoor(app, admission))
    started = now()
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        response = await client.post("/graphql")
    assert now() - started == pytest.approx(0.25)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["errors"][0]["extensions"] == {"code": "OVERLOADED"}
    assert called == []


@pytest.mark.looptime
async def test_a_refusal_has_the_headers_that_its_reader_needs() -> None:
    """What the composition adds for a request, such as the headers of CORS, stands on the refusal of that request."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("expected nobody to be let in")

    def headers_of(scope: Scope) -> list[tuple[bytes, bytes]]:
        return [(b"access-control-allow-origin", value) for name, value in scope["headers"] if name == b"origin"]

    door = AdmissionDoor(app, Admission(AdmissionPolicy(start=0)), headers_of=headers_of)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://gateway.test") as client:
        response = await client.post("/graphql", headers={"origin": "https://shop.example"})
        plain = await client.post("/graphql")
    assert (response.status_code, response.headers["vary"]) == (503, "Origin")
    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in plain.headers


@pytest.mark.looptime
async def test_probes_and_sockets_pass_a_full_door() -> None:
    """What is not ranked is not limited."""
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def send(message: object) -> None:
        raise AssertionError(f"expected no answer from the door, got {message}")

    door = AdmissionDoor(app, Admission(AdmissionPolicy(start=0)), lambda scope: None)
    for kind in ("http", "websocket", "lifespan"):
        await door({"type": kind}, no_body, send)
    assert seen == ["http", "websocket", "lifespan"]


@pytest.mark.looptime
async def test_a_long_answer_may_leave_early_and_a_failing_one_leaves_too() -> None:
    """Places come back once: at the early leave, at the end, or at an exception."""
    admission = Admission()
    insides: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["leave_admission"]()
        insides.append(admission.gate.inside)
        raise RuntimeError("a fault of ours")

    async def send(message: object) -> None:
        raise AssertionError(f"expected no answer from the door, got {message}")

    with pytest.raises(RuntimeError):
        await AdmissionDoor(app, admission)({"type": "http"}, no_body, send)
    assert (insides, admission.gate.inside) == ([0], 0)


@pytest.mark.looptime
async def test_requests_that_hang_give_their_places_up() -> None:
    """Two thousand wait for an upstream that never answers, a hundred come per second: all come in, and pages go on."""
    never = asyncio.Event()
    statuses: Counter[int] = Counter()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (never.wait() if scope["path"] == "/hangs" else asyncio.sleep(0.05))
        statuses[200] += 1

    async def send(message: Any) -> None:
        statuses[message.get("status", 0)] += 1

    admission = Admission()
    door = AdmissionDoor(app, admission)
    async with admission.following_delay(), asyncio.TaskGroup() as group:
        for _ in range(2000):
            group.create_task(door({"type": "http", "path": "/hangs"}, no_body, send))
            await asyncio.sleep(0.01)
        assert (admission.gate.inside < 100, admission.parked > 1900) == (True, True)
        pages = [group.create_task(door({"type": "http", "path": "/page"}, no_body, send)) for _ in range(100)]
        await asyncio.wait(pages)
        assert statuses == {200: 100}
        never.set()
    assert (admission.gate.inside, admission.parked, statuses) == (0, 0, {200: 2100})


@pytest.mark.looptime
async def test_nobody_is_parked_while_the_process_is_late() -> None:
    """In an overload those inside do wait for this process; and there is an end to how many may be parked."""
    admission = Admission(AdmissionPolicy(parked=3))
    assert all(admission.gate.try_enter() for _ in range(5))
    visits = [admission.begin() for _ in range(5)]
    for _ in range(20):
        admission.adapt(0.1)
    assert (admission.gate.inside, admission.parked) == (5, 0)
    for _ in range(4):
        admission.adapt(0.0)
    assert (admission.gate.inside, admission.parked) == (2, 3)
    for visit in visits * 2:
        visit()
    assert (admission.gate.inside, admission.parked) == (0, 0)
