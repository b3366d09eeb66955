"""When to stop asking an upstream, and when to ask again.

`Breaker` is the state machine of one operation; it acts on nothing, and its clock and its dice are
given. The guard that obeys it is in `breaking.py`.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.resilience.guard import Clock
from gateway.resilience.policy import BreakerPolicy


class BreakerState(enum.Enum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"
    HELD_OPEN = "held open"
    HELD_CLOSED = "held closed"


class Verdict(enum.Enum):
    """What a call says of the upstream; `NOTHING` when it was never sent or nobody waited for it."""

    GOOD = "good"
    SLOW = "slow"
    BAD = "bad"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call. `era` counts the breaker's changes: a call from before the last one is not judged."""

    era: int
    is_probe: bool


class Window:
    """Counts of the last `window_s`, in buckets that are dropped as they age."""

    __slots__ = ("_at", "_buckets", "_width_s", "bad", "calls", "slow")

    def __init__(self, window_s: float, buckets: int) -> None:
        self._width_s = window_s / buckets
        self._buckets: list[list[int]] = [[0, 0, 0] for _ in range(buckets)]
        self._at: int | None = None
        self.calls = self.slow = self.bad = 0

    def add(self, now: float, verdict: Verdict) -> None:
        """Count one call at this time."""
        self.age(now)
        bucket = self._buckets[(self._at or 0) % len(self._buckets)]
        slow, bad = verdict is Verdict.SLOW, verdict is Verdict.BAD
        bucket[0] += 1
        bucket[1] += slow
        bucket[2] += bad
        self.calls += 1
        self.slow += slow
        self.bad += bad

    def age(self, now: float) -> None:
        """Drop what is older than the window."""
        at = int(now // self._width_s)
        if at == self._at:
            return
        if self._at is None or at - self._at >= len(self._buckets):
            self._clear()
        else:
            for passed in range(self._at + 1, at + 1):
                self._drop(self._buckets[passed % len(self._buckets)])
        self._at = at if self._at is None else max(at, self._at)

    def _drop(self, bucket: list[int]) -> None:
        self.calls -= bucket[0]
        self.slow -= bucket[1]
        self.bad -= bucket[2]
        bucket[:] = (0, 0, 0)

    def _clear(self) -> None:
        for bucket in self._buckets:
            self._drop(bucket)


def must_open(window: Window, bad_in_a_row: int, policy: BreakerPolicy) -> bool:
    """Whether what was seen is reason enough to stop asking.

    The share of failures judges a busy upstream; the run of failures a quiet one, which would need
    longer than the window to reach `min_calls`.
    """
    if bad_in_a_row >= policy.in_a_row:
        return True
    if window.calls < policy.min_calls:
        return False
    return window.bad >= policy.failed * window.calls or window.slow + window.bad >= policy.slow * window.calls


def open_for_s(times_opened: int, policy: BreakerPolicy, dice: float) -> float:
    """How long to stay open the n-th time in a row; `dice` in [0, 1) spreads workers and upstreams apart."""
    bound_s: float = min(policy.open_max_s, policy.open_s * 2 ** (times_opened - 1))
    return bound_s * (1 + policy.jitter * (2 * dice - 1))


class Breaker:
    """The breaker of one operation of one upstream."""

    def __init__(self, policy: BreakerPolicy, clock: Clock, dice: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._dice = dice
        self._state = BreakerState.CLOSED
        self._since = clock()
        self._era = 0
        self._reopens_at = 0.0
        self._times_opened = 0
        self._good_probes = 0
        self._is_probing = False
        self._bad_in_a_row = 0
        self._window = Window(policy.window_s, policy.buckets)

    @property
    def state(self) -> BreakerState:
        """What would happen to a call now."""
        if self._state is BreakerState.OPEN and self._clock() >= self._reopens_at:
            return BreakerState.PROBING
        return self._state

    @property
    def since(self) -> float:
        """When the state was entered, on the clock."""
        return self._since

    def admit(self) -> Permit | float:
        """Leave to call, or the seconds after which asking again makes sense."""
        state = self.state
        if state in _CLOSED:
            return Permit(self._era, is_probe=False)
        if state is BreakerState.HELD_OPEN:
            return self._policy.open_s
        if state is BreakerState.OPEN:
            return self._reopens_at - self._clock()
        if self._state is BreakerState.OPEN:
            self._enter(BreakerState.PROBING)
        if self._is_probing:
            return 1.0
        self._is_probing = True
        return Permit(self._era, is_probe=True)

    def judge(self, permit: Permit, verdict: Verdict) -> None:
        """Learn how an admitted call ended; every permit must be judged once."""
        if permit.era != self._era:
            return
        if permit.is_probe:
            self._judge_probe(verdict)
        elif verdict is not Verdict.NOTHING:
            self._judge_call(verdict)

    def hold(self, state: BreakerState | None) -> None:
        """An operator's word: `HELD_OPEN` or `HELD_CLOSED` until told otherwise, None to decide by itself again."""
        if state not in (BreakerState.HELD_OPEN, BreakerState.HELD_CLOSED, None):
            raise ValueError(f"Expected HELD_OPEN, HELD_CLOSED or None, got {state}.")
        self._times_opened = 0
        self._enter(state or BreakerState.CLOSED)

    def _judge_call(self, verdict: Verdict) -> None:
        self._bad_in_a_row = self._bad_in_a_row + 1 if verdict is Verdict.BAD else 0
        self._window.add(self._clock(), verdict)
        if self._state is BreakerState.CLOSED and must_open(self._window, self._bad_in_a_row, self._policy):
            self._open()

    def _judge_probe(self, verdict: Verdict) -> None:
        self._is_probing = False
        if verdict is Verdict.BAD:
            self._open()
        elif verdict is not Verdict.NOTHING:
            self._good_probes += 1
            if self._good_probes >= self._policy.successes:
                self._times_opened = 0
                self._enter(BreakerState.CLOSED)

    def _open(self) -> None:
        self._times_opened += 1
        self._reopens_at = self._clock() + open_for_s(self._times_opened, self._policy, self._dice())
        self._enter(BreakerState.OPEN)

    def _enter(self, state: BreakerState) -> None:
        self._state = state
        self._since = self._clock()
        self._era += 1
        self._good_probes = 0
        self._is_probing = False
        self._bad_in_a_row = 0
        self._window = Window(self._policy.window_s, self._policy.buckets)


_CLOSED: Final = frozenset({BreakerState.CLOSED, BreakerState.HELD_CLOSED})
