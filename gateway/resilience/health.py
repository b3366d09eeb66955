"""How an upstream is doing, for `Query.sources` and for operators."""

import datetime as dt
import enum
from collections.abc import Callable, Collection
from dataclasses import dataclass

from clients.values import DataSource
from gateway.resilience.breaker import BreakerState, Verdict, Window
from gateway.resilience.guard import Clock
from gateway.resilience.outcome import FAULTS, Outcome

WINDOW_S = 30.0
FEWEST = 5
DEGRADED_FROM = 0.1
DOWN_FROM = 0.9


class Health(enum.Enum):
    """The three words of the public `SourceState`."""

    OPERATIONAL = "OPERATIONAL"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """`since` is when the source came into this state, as far as calls told."""

    source: DataSource
    health: Health
    since: dt.datetime


def decide_health(asked: int, faults: int, states: Collection[BreakerState], before: Health) -> Health:
    """The state from the calls of the last `WINDOW_S` and from the breakers.

    DOWN: every operation in use is refused by its breaker, or nine calls in ten fail.
    DEGRADED: some breaker is not closed, or one call in ten fails. With fewer than `FEWEST` calls
    and all breakers closed there is no telling, and the state stays what it was, except that a
    source that is not asked at all counts as well.
    """
    refusing = [state for state in states if state in _REFUSING]
    if states and len(refusing) == len(states):
        return Health.DOWN
    if asked >= FEWEST and faults >= DOWN_FROM * asked:
        return Health.DOWN
    if refusing or BreakerState.PROBING in states or (asked >= FEWEST and faults >= DEGRADED_FROM * asked):
        return Health.DEGRADED
    return before if 0 < asked < FEWEST and faults else Health.OPERATIONAL


_REFUSING = frozenset({BreakerState.OPEN, BreakerState.HELD_OPEN})


class HealthRecord:
    """Follows one source; noting a call is cheap, the state is decided at most once a second and when read."""

    def __init__(
        self,
        source: DataSource,
        states: Callable[[], Collection[BreakerState]],
        clock: Clock,
        wall: Callable[[], dt.datetime],
    ) -> None:
        self._source = source
        self._states = states
        self._clock = clock
        self._wall = wall
        self._window = Window(WINDOW_S, 30)
        self._decided_at = clock()
        self._health = Health.OPERATIONAL
        self._since = wall()

    def note(self, outcome: Outcome, now: float) -> None:
        """A client's call ended so; calls that were never sent or that nobody waited for tell nothing."""
        if outcome is Outcome.ANSWERED or outcome in FAULTS:
            self._window.add(now, Verdict.BAD if outcome in FAULTS else Verdict.GOOD)
        if now - self._decided_at >= 1.0:
            self._decide(now)

    def read(self) -> SourceHealth:
        """The state now."""
        self._decide(self._clock())
        return SourceHealth(self._source, self._health, self._since)

    def _decide(self, now: float) -> None:
        self._decided_at = now
        self._window.age(now)
        health = decide_health(self._window.calls, self._window.bad, self._states(), self._health)
        if health is not self._health:
            self._health, self._since = health, self._wall()
