"""From the facts of a request to the context that its fields see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clients.values import Dataset
from gateway.cache.policy import Policy
from gateway.http.errors import Code, Refused
from gateway.http.operations import name_of
from gateway.http.ports import RequestFacts
from resolvers.context import NO_MEMORY, Context, Memory, ShopperAsker, ShopperScopes
from resolvers.health import SourceHealth
from resolvers.loaders.loaders import Loaders, Sources
from resolvers.refusals import BadInput
from resolvers.shopper import ShopDefaults, read_shopper, variables_of_context

MOST_SHOPPERS: Final = 10_000
NOT_GIVEN: Final = object()


@dataclass(frozen=True, slots=True)
class WallClock:
    """The wall clock as fields take it."""

    now: Callable[[], float]


def agreed_ages(policies: Mapping[Dataset, Policy], *, is_signed_in: bool) -> dict[Dataset, float]:
    """Per dataset the age in seconds up to which a value is within what was agreed; a customer's own may be shorter."""
    terms = {dataset: (policy.signed_in if is_signed_in else None) or policy for dataset, policy in policies.items()}
    return {dataset: policy.served_s for dataset, policy in terms.items()}


class Contexts:
    """Makes the context of each request."""

    def __init__(
        self,
        *,
        sources: Sources,
        health: SourceHealth,
        defaults: ShopDefaults,
        clock: WallClock,
        policies: Mapping[Dataset, Policy],
        memory: Memory = NO_MEMORY,
    ) -> None:
        self._sources = sources
        self._health = health
        self._defaults = defaults
        self._clock = clock
        self._memory = memory
        self._agreed_s = {known: agreed_ages(policies, is_signed_in=known) for known in (False, True)}
        self._scopes: dict[Any, ShopperScopes] = {}

    def make(self, facts: RequestFacts) -> Context:
        """The context of one request; raises Refused when `@inContext` is not what it should be."""
        asker = ShopperAsker(self._scopes_of(facts))
        return Context(
            asker=asker,
            loaders=Loaders(self._sources, asker),
            clock=self._clock,
            started_at=facts.received_at,
            agreed_s=self._agreed_s[facts.viewer.customer_id is not None],
            sources=self._health,
            memory=self._memory,
        )

    def _scopes_of(self, facts: RequestFacts) -> ShopperScopes:
        """Who asks and in which context, remembered by all that it is read from."""
        names = context_variables(facts)
        said = tuple([facts.variables.get(name, NOT_GIVEN) for name in names])
        key = (facts.prepared.sha256, name_of(facts), said, facts.viewer)
        try:
            known = self._scopes.get(key)
        except TypeError:  # a variable that is a list or an object: wrong, and refused in words
            return self._read(facts)
        if known is None:
            if len(self._scopes) >= MOST_SHOPPERS:
                self._scopes.clear()
            known = self._scopes[key] = self._read(facts)
        return known

    def _read(self, facts: RequestFacts) -> ShopperScopes:
        try:
            shopper = read_shopper(facts.operation, facts.variables, facts.viewer, self._defaults)
        except BadInput as error:
            raise Refused(Code.BAD_USER_INPUT, str(error)) from None
        return ShopperScopes(facts.viewer, shopper)


def context_variables(facts: RequestFacts) -> tuple[str, ...]:
    """The variables that `@inContext` of this operation reads; found once and kept with the document."""
    compiled = facts.prepared.compiled
    place = ("@inContext", name_of(facts))
    names: tuple[str, ...] | None = compiled.get(place)
    if names is None:
        names = compiled[place] = variables_of_context(facts.operation)
    return names
