"""How many requests this process works on at once, and who is sent away when there are too many.

The limit follows the scheduling delay of the event loop: how much later than asked a timer fires.
That is the latency which overload causes, and nothing else does. A request's own latency would not
do: one upstream that hangs makes the pages that need it slow, and a limit that followed them would
send the others away from a process that is idle.

What counts is the least delay of the last few looks (CoDel's rule, RFC 8289): a collection of garbage
or a neighbour on the machine delays one look, only a queue that stands delays them all.

Nor does a request that waits for an upstream hold a place for long. While timers fire in time, whoever
has been inside for `working_s` is not waiting for this process: it is parked, and its place is free.
"""

import asyncio
import contextlib
import itertools
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

    `waiting` more may wait for `wait_s`; the delay is looked at every `every_s`, and the least of
    `looks` counts. Who is inside for `working_s` while timers fire in time is parked, `parked` at most.
    `retry_after_s` is what those are told who are sent away.
    """

    start: int = 160
    fewest: int = 16
    most: int = 160
    waiting: int = 256
    wait_s: float = 0.25
    delay_s: float = 0.03
    every_s: float = 0.05
    looks: int = 4
    working_s: float = 0.2
    parked: int = 4096
    retry_after_s: int = 1


def adapted_limit(limit: float, most_inside: int, delay_s: float, policy: AdmissionPolicy) -> float:
    """The next limit.

    A delay over the target lowers it in proportion to how far it is over, by three tenths at most in
    one step. A delay under half the target raises it by a tenth, when it was really used.
    """
    if delay_s > policy.delay_s:
        gradient = max(0.7, policy.delay_s / delay_s)
        return max(float(policy.fewest), min(limit, most_inside) * gradient)
    if delay_s < policy.delay_s / 2 and most_inside >= limit * _USED:
        return min(float(policy.most), limit * 1.1 + 1.0)
    return limit


_USED: Final = 0.9


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
    """The door of one process. `following_delay` must run for the limit to adapt."""

    def __init__(self, policy: AdmissionPolicy | None = None, clock: Clock | None = None) -> None:
        self.policy = policy or AdmissionPolicy()
        self.gate = Gate(self.policy.start, self.policy.waiting, len(Priority))
        self.refused: Counter[Priority] = Counter()
        self.parked = 0
        self._visits: dict[Visit, None] = {}
        self._looks_made = 0
        self.delay_s = 0.0
        self._limit = float(self.policy.start)
        self._looks: deque[float] = deque(maxlen=self.policy.looks)
        self._most_inside = 0
        self._clock = clock

    async def wait(self, rank: Priority) -> bool:
        """Come in, waiting for a moment if need be; False when sent away. Who came in must `leave`."""
        now = (self._clock or asyncio.get_running_loop().time)()
        turn = await self.gate.enter(rank, now + self.policy.wait_s)
        if turn is Turn.CALLED:
            return True
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
        self.gate.leave()

    def adapt(self, delay_s: float) -> None:
        """Learn how late the loop was at the last look, and set the limit."""
        self._looks.append(delay_s)
        self.delay_s = min(self._looks)
        most_inside = max(self._most_inside, self.gate.inside)
        self._most_inside = self.gate.inside
        self._limit = adapted_limit(self._limit, most_inside, self.delay_s, self.policy)
        self.gate.resize(int(self._limit))
        self._looks_made += 1
        if max(self._looks) < self.policy.delay_s / 2:
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
        clock = self._clock or asyncio.get_running_loop().time
        while True:
            due = clock() + self.policy.every_s
            await asyncio.sleep(self.policy.every_s)
            self.adapt(max(0.0, clock() - due))
