"""How many requests this process works on at once, and who is sent away when there are too many.

The limit follows the scheduling delay of the event loop: how much later than asked a timer fires.
That is the latency which overload causes, and nothing else does. A request's own latency would not
do: one upstream that hangs makes the pages that need it slow, and a limit that followed them would
send the others away from a process that is idle.

Each step of each page waits for one turn of the loop, and a page has many: a delay of 5 ms makes a
product page 150 ms later (`benchmarks/overload.py`). What counts is the median of the last few looks:
a collection of garbage or a neighbour on the machine delays some of them, a queue that stands delays
them all. The least of them (CoDel's rule, RFC 8289) is blind here, because a timer that falls due at
the end of a turn is never late, however long the turn was.

By Little's law a process that is never idle needs no more inside than end in the time that a page
takes when it is alone; everybody beyond waits for the others. So the limit goes down until the delay
is short, and whoever is too much waits at the door, where waiting and sending away cost next to
nothing: `wait_s` long when it is a burst, and `hurried_s` when others were sent away just now, because
then those who are let in would only be late as well (CoDel again, as Facebook's servers have it).

Nor does a request that waits for an upstream hold a place for long. While the loop has idle moments,
whoever has been inside for `working_s` is not waiting for this process: it is parked, and its place is
free.
"""

import asyncio
import contextlib
import itertools
import math
import statistics
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from clients.http import Priority
from gateway.resilience.gate import Gate, Turn
from gateway.resilience.guard import Clock


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """Requests inside are kept between `fewest` and `most`, so that timers fire at most `delay_s` late.

    `waiting` more may wait for `wait_s`, or for `hurried_s` when somebody was sent away within the last
    `calm_s`. The delay is looked at every `every_s`, and the median of `looks` counts. Who is inside for
    `working_s` while the loop is idle now and then is parked, `parked` at most. `retry_after_s` is what
    those are told who are sent away.
    """

    start: int = 32
    fewest: int = 8
    most: int = 512
    waiting: int = 512
    wait_s: float = 0.25
    hurried_s: float = 0.03
    calm_s: float = 1.0
    delay_s: float = 0.005
    every_s: float = 0.02
    looks: int = 5
    working_s: float = 0.5
    parked: int = 4096
    retry_after_s: int = 1


def adapted_limit(limit: float, most_inside: int, delay_s: float, last_s: float, policy: AdmissionPolicy) -> float:
    """The next limit, by the median of the delays and the last of them.

    One that nobody comes near says nothing of what the process can do: it stays, and beyond `start` it
    is forgotten bit by bit. One that is used goes with the tenth root of how far the delay is from its
    target: gently, for the answer to each step comes only some looks later. It goes up only if the last
    delay was short too, for the median learns of a burst when five looks have seen it.
    """
    if most_inside < limit * _USED:
        return max(limit * _KEPT, min(limit, float(policy.start)))
    step = min(max(math.pow(policy.delay_s / max(delay_s, _NOTHING_S), 0.1), _DOWN), _UP)
    if step > 1.0 and last_s > policy.delay_s:
        return limit
    return min(max(limit * step + (step > 1.0), float(policy.fewest)), float(policy.most))


_USED: Final = 0.9
_KEPT: Final = 0.98
_DOWN: Final = 0.9
_UP: Final = 1.25
_NOTHING_S: Final = 1e-6


def patience_s(since_refusal_s: float, policy: AdmissionPolicy) -> float:
    """How long a newcomer may wait for a place."""
    return policy.wait_s if since_refusal_s > policy.calm_s else policy.hurried_s


def is_in_vain(ahead: int, leaving_per_s: float, since_refusal_s: float, policy: AdmissionPolicy) -> bool:
    """Whether a newcomer in a hurried line would be sent away at the end of its patience: so it may be told at once.

    A burst is not judged so. It comes when the process was idle, and nobody has left as yet.
    """
    return since_refusal_s <= policy.calm_s and ahead > leaving_per_s * policy.hurried_s


class Visit:
    """One request inside, or parked; leaving twice is leaving once."""

    __slots__ = ("_admission", "_is_inside", "is_parked", "since_look")

    def __init__(self, admission: "Admission", since_look: int) -> None:
        self._admission = admission
        self._is_inside = True
        self.is_parked = False
        self.since_look = since_look

    def __call__(self) -> None:
        """Go out."""
        if self._is_inside:
            self._is_inside = False
            self._admission.end(self)


class Admission:
    """The door of one process. `following_delay` must run for the limit to adapt.

    `clock` measures delays: the loop's own would not do, uvloop rounds it to milliseconds.
    """

    def __init__(self, policy: AdmissionPolicy | None = None, clock: Clock = time.monotonic) -> None:
        self.policy = policy or AdmissionPolicy()
        self.gate = Gate(self.policy.start, self.policy.waiting, len(Priority))
        self.refused: Counter[Priority] = Counter()
        self.parked = 0
        self.delay_s = 0.0
        self.leaving_per_s = 0.0
        self._left = 0
        self._visits: dict[Visit, None] = {}
        self._looks_made = 0
        self._limit = float(self.policy.start)
        self._looks: deque[float] = deque([0.0] * self.policy.looks, maxlen=self.policy.looks)
        self._most_inside = 0
        self._refused_at = [float("-inf")] * len(Priority)
        self._clock = clock

    async def wait(self, rank: Priority) -> bool:
        """Come in, waiting for a moment if need be; False when sent away. Who came in must `leave`."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        since_refusal_s = now - max(self._refused_at[: rank + 1])
        if not is_in_vain(self.gate.line.ahead_of(rank), self.leaving_per_s, since_refusal_s, self.policy):
            turn = await self.gate.enter(rank, now + patience_s(since_refusal_s, self.policy))
            if turn is Turn.CALLED:
                return True
        self._refused_at[rank] = loop.time()
        self.refused[rank] += 1
        return False

    def begin(self) -> Visit:
        """A visit of whoever just came in; it is called at its end, instead of `leave`."""
        visit = Visit(self, self._looks_made)
        self._visits[visit] = None
        return visit

    def end(self, visit: Visit) -> None:
        """A visit is over; visits say so themselves."""
        if visit.is_parked:
            self.parked -= 1
            return
        del self._visits[visit]
        self.leave()

    def leave(self) -> None:
        """Go out."""
        self._most_inside = max(self._most_inside, self.gate.inside)
        self._left += 1
        self.gate.leave()

    def adapt(self, delay_s: float) -> None:
        """Learn how late the loop was at the last look, and set the limit."""
        self._looks.append(delay_s)
        self._looks_made += 1
        self.leaving_per_s += _NEWS * (self._left / (self.policy.every_s + delay_s) - self.leaving_per_s)
        self._left = 0
        self.delay_s = statistics.median(self._looks)
        most_inside = max(self._most_inside, self.gate.inside)
        self._most_inside = self.gate.inside
        self._limit = adapted_limit(self._limit, most_inside, self.delay_s, delay_s, self.policy)
        self.gate.resize(int(self._limit))
        if self.delay_s < self.policy.delay_s * _IDLE:
            self._park()

    def _park(self) -> None:
        """Free the places of those who have been inside for long; the first of them came first."""
        last = self._looks_made - round(self.policy.working_s / self.policy.every_s)
        room = self.policy.parked - self.parked
        waiting = list(itertools.takewhile(lambda visit: visit.since_look <= last, self._visits))[: max(0, room)]
        for visit in waiting:
            del self._visits[visit]
            visit.is_parked = True
            self.parked += 1
            self.leave()

    @contextlib.asynccontextmanager
    async def following_delay(self) -> AsyncIterator[None]:
        """Adapt for as long as the context is open."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            due = self._clock() + self.policy.every_s
            await asyncio.sleep(self.policy.every_s)
            self.adapt(max(0.0, self._clock() - due))


_NEWS: Final = 0.1
"""The weight of one look in the average of how many leave."""

_IDLE: Final = 0.25
"""Of the delay that is aimed at: so little says that the loop often has nothing to do."""
