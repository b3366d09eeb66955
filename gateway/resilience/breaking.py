"""Breakers in the way of calls: one per operation, so that a vendor's broken price list leaves its search alone."""

from collections.abc import Callable

import httpx

from clients.errors import CircuitOpen
from gateway.resilience.breaker import Breaker, BreakerState, Permit, Verdict
from gateway.resilience.guard import Clock, Guard, operation_of, source_of
from gateway.resilience.outcome import FAULTS, Outcome, outcome_of
from gateway.resilience.policy import BreakerPolicy

FAIR_SHARE = 0.5
"""A call that was given less than this share of its usual time, and ran out of it, says nothing of the upstream."""


def decide_verdict(
    outcome: Outcome, sent_for_s: float | None, allowed_s: float, policy: BreakerPolicy, usual_s: float
) -> Verdict:
    """What the end of a call says of the upstream.

    `sent_for_s` is how long the upstream had it (None: it was never sent), `allowed_s` how long it
    could have had, `usual_s` what calls to it normally may take.
    """
    if sent_for_s is None or outcome not in _TELLING:
        return Verdict.NOTHING
    if outcome is Outcome.TIMEOUT and allowed_s < FAIR_SHARE * usual_s:
        return Verdict.NOTHING
    if outcome in FAULTS:
        return Verdict.BAD
    return Verdict.SLOW if sent_for_s > policy.slow_after * usual_s else Verdict.GOOD


_TELLING = FAULTS | {Outcome.ANSWERED}


class Breakers:
    """The breakers of one upstream by operation, made when an operation is first asked for."""

    def __init__(self, policy: BreakerPolicy, clock: Clock, dice: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._dice = dice
        self._of: dict[str, Breaker] = {}

    def of(self, operation: str) -> Breaker:
        """The breaker of this operation."""
        breaker = self._of.get(operation)
        if breaker is None:
            breaker = self._of[operation] = Breaker(self._policy, self._clock, self._dice)
        return breaker

    def states(self) -> dict[str, BreakerState]:
        """The state of each operation asked for so far."""
        return {operation: breaker.state for operation, breaker in self._of.items()}


class BreakerGuard(Guard):
    """Raises CircuitOpen instead of asking an operation that has been failing."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, breakers: Breakers, policy: BreakerPolicy, usual_s: float, clock: Clock
    ) -> None:
        super().__init__(inner)
        self._breakers = breakers
        self._policy = policy
        self._usual_s = usual_s
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on if the operation's breaker lets it, and tell the breaker how it went."""
        breaker = self._breakers.of(operation_of(request))
        permit = breaker.admit()
        if not isinstance(permit, Permit):
            raise CircuitOpen(source_of(request), operation_of(request), retry_after_s=permit)
        request.extensions.pop("sent_at", None)
        outcome = outcome_of(None)
        try:
            return await self.inner.handle_async_request(request)
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            breaker.judge(permit, self._verdict(request, outcome))

    def _verdict(self, request: httpx.Request, outcome: Outcome) -> Verdict:
        sent_at: float | None = request.extensions.get("sent_at")
        sent_for_s = None if sent_at is None else self._clock() - sent_at
        allowed_s = request.extensions.get("deadline", float("inf")) - (sent_at or 0.0)
        return decide_verdict(outcome, sent_for_s, allowed_s, self._policy, self._usual_s)
