"""Too many requests: who comes in, who is sent away, and how the limit finds itself."""

import asyncio
import math
import random
from collections import Counter
from typing import Any

import httpx
import pytest

from clients.http import Priority
from gateway.resilience.admission import Admission, AdmissionPolicy, adapted_limit, is_in_vain, patience_s
from gateway.resilience.door import AdmissionDoor, Receive, Scope, Send

POLICY = AdmissionPolicy()


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("limit", "most_inside", "delay_s", "last_s", "expected"),
    [
        (100, 100, 0.005, 0.005, 100.0),
        (100, 100, 0.006, 0.0, 98.2),
        (100, 100, 0.05, 0.05, 90.0),
        (100, 100, 5.0, 0.0, 90.0),
        (100, 100, 0.004, 0.005, 103.3),
        (100, 100, 0.004, 0.006, 100.0),
        (100, 100, 0.0, 0.0, 126.0),
        (8, 8, 5.0, 5.0, 8.0),
        (512, 512, 0.0, 0.0, 512.0),
        (100, 89, 5.0, 5.0, 98.0),
        (100, 3, 0.0, 0.0, 98.0),
        (32, 3, 5.0, 5.0, 32.0),
        (20, 3, 5.0, 5.0, 20.0),
    ],
)
def test_the_limit_follows_the_delay(
    limit: float, most_inside: int, delay_s: float, last_s: float, expected: float
) -> None:
    """By the distance from the target and only when used, never out of its bounds; what is not used is forgotten."""
    assert adapted_limit(limit, most_inside, delay_s, last_s, POLICY) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(("since_refusal_s", "expected_s"), [(0.0, 0.03), (1.0, 0.03), (1.1, 0.25), (math.inf, 0.25)])
def test_the_line_is_hurried_while_others_are_sent_away(since_refusal_s: float, expected_s: float) -> None:
    """A quarter of a second for a burst; 30 ms for a second after anybody was sent away."""
    assert patience_s(since_refusal_s, POLICY) == expected_s


@pytest.mark.parametrize(
    ("ahead", "leaving_per_s", "since_refusal_s", "expected"),
    [(5, 150.0, 0.5, True), (4, 150.0, 0.5, False), (0, 0.0, 0.5, False), (1, 0.0, 0.5, True), (200, 0.0, 2.0, False)],
)
def test_who_would_wait_in_vain_is_told_at_once(
    ahead: int, leaving_per_s: float, since_refusal_s: float, *, expected: bool
) -> None:
    """150 leave per second, so 4.5 within a patience of 30 ms; a burst is never judged."""
    assert is_in_vain(ahead, leaving_per_s, since_refusal_s, POLICY) is expected


class Worker:
    """A process with one processor: each request needs so much of it, in slices, first come first served.

    Between its slices it waits for upstreams, which cost this process nothing.
    """

    def __init__(self, admission: Admission, cpu_s: float, upstreams_s: float, slices: int = 8) -> None:
        self.admission = admission
        self.slice_s = cpu_s / slices
        self.slices = slices
        self.wait_s = upstreams_s / 2
        self.dice = random.Random(2)
        self.processor = asyncio.Lock()
        self.done: Counter[Priority] = Counter()
        self.took: list[float] = []
        self.waited: list[float] = []

    async def request(self, rank: Priority) -> int:
        started = now()
        if not self.admission.gate.try_enter() and not await self.admission.wait(rank):
            self.waited.append(now() - started)
            return 503
        visit = self.admission.begin()
        for number in range(self.slices):
            async with self.processor:
                await asyncio.sleep(self.slice_s)
            if number in (self.slices // 4, self.slices // 2):
                await asyncio.sleep(self.wait_s * self.dice.uniform(0.5, 1.5))
        visit()
        self.done[rank] += 1
        self.took.append(now() - started)
        return 200

    async def feel_delay(self) -> None:
        while True:
            await asyncio.sleep(self.admission.policy.every_s)
            due = now()
            async with self.processor:
                self.admission.adapt(now() - due)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


async def load(worker: Worker, per_s: float, seconds: float, dice: random.Random) -> Counter[int]:
    """Requests at random moments; one in ten a checkout, three in ten a recommendation."""
    calls = []
    until = now() + seconds
    while now() < until:
        rank = dice.choices([Priority.CHECKOUT, Priority.PAGE, Priority.RECOMMENDATION], [1, 6, 3])[0]
        calls.append(asyncio.create_task(worker.request(rank)))
        await asyncio.sleep(dice.expovariate(per_s))
    return Counter(await asyncio.gather(*calls))


@pytest.mark.looptime
@pytest.mark.parametrize(("cpu_s", "upstreams_s"), [(0.02, 0.1), (0.02, 0.4), (0.02, 0.0)], ids=str)
async def test_at_twice_the_capacity_pages_are_served_in_time(cpu_s: float, upstreams_s: float) -> None:
    """10 s of twice what the processor can do: 90 % goodput, and in not much more than the time of one alone.

    Nothing but 503 beside it, and most of them at once; checkout, a tenth of all, is served. A second
    afterwards nobody notices anything.
    """
    worker = Worker(Admission(), cpu_s, upstreams_s)
    feeling = asyncio.create_task(worker.feel_delay())
    dice = random.Random(1)
    started = now()
    statuses = await load(worker, 2 / cpu_s, 2, dice)
    # Who came in before the limit was found keeps everybody out until it has ended, checkout too.
    worker.admission.refused.clear()
    statuses += await load(worker, 2 / cpu_s, 8, dice)
    alone_s = cpu_s + upstreams_s
    assert set(statuses) == {200, 503}
    assert statuses[200] >= 0.9 * (now() - started - 2 * alone_s) / cpu_s
    refused = worker.admission.refused[Priority.CHECKOUT]
    assert refused <= 0.05 * (worker.done[Priority.CHECKOUT] + refused)
    assert quantile(worker.took, 0.5) <= alone_s + 0.2
    assert quantile(worker.took, 0.95) <= alone_s + 0.5
    assert quantile(worker.waited, 0.5) <= POLICY.hurried_s
    await asyncio.sleep(1)
    worker.took.clear()
    assert set(await load(worker, 0.5 / cpu_s, 5, dice)) == {200}
    assert quantile(worker.took, 0.99) <= alone_s * 1.5 + 0.1
    feeling.cancel()


@pytest.mark.looptime
async def test_slow_upstreams_alone_send_nobody_away() -> None:
    """300 requests at once that wait 2 s for somebody else cost no processor, so all 300 come in."""
    admission = Admission(clock=now)

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
    """Two late looks of five change nothing, however late; a third lowers the limit of a full house."""
    admission = Admission()
    assert all(admission.gate.try_enter() for _ in range(32))
    limits = []
    for delay_s in (0.0, 0.5, 0.0, 0.5, 0.0, 0.4):
        admission.adapt(delay_s)
        limits.append(admission.gate.limit)
        assert all(admission.gate.try_enter() for _ in range(admission.gate.limit - admission.gate.inside))
    assert limits == [41, 41, 52, 52, 66, 59]


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
        await AdmissionDoor(app, admission)({"type": "http", "headers": []}, no_body, send)
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

    admission = Admission(clock=now)
    door = AdmissionDoor(app, admission)
    async with admission.following_delay(), asyncio.TaskGroup() as group:
        for _ in range(2000):
            group.create_task(door({"type": "http", "path": "/hangs", "headers": []}, no_body, send))
            await asyncio.sleep(0.01)
        assert (admission.gate.inside < 100, admission.parked > 1900) == (True, True)
        pages = [
            group.create_task(door({"type": "http", "path": "/page", "headers": []}, no_body, send)) for _ in range(100)
        ]
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
    for _ in range(5):
        admission.adapt(0.0)
    assert (admission.gate.inside, admission.parked) == (2, 3)
    for visit in visits * 2:
        visit()
    assert (admission.gate.inside, admission.parked) == (0, 0)
