"""From the facts of a request to the context that its fields see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clients.values import Dataset
from gateway.cache.policy import Policy
from gateway.http.errors import Code, Refused
from gateway.http.ports import RequestFacts
from resolvers.context import Context, ShopperAsker
from resolvers.loaders.loaders import Loaders, Sources
from resolvers.refusals import BadInput
from resolvers.shopper import ShopDefaults, read_shopper
from resolvers.sources import SourceHealth


@dataclass(frozen=True, slots=True)
class WallClock:
    """The wall clock as fields take it."""

    now: Callable[[], float]


def agreed_ages(policies: Mapping[Dataset, Policy]) -> dict[Dataset, float]:
    """Per dataset the age in seconds up to which a value is within what was agreed."""
    return {dataset: policy.served_s for dataset, policy in policies.items()}


@dataclass(frozen=True, slots=True)
class Contexts:
    """Makes the context of each request."""

    sources: Sources
    health: SourceHealth
    defaults: ShopDefaults
    clock: WallClock
    agreed_s: Mapping[Dataset, float]

    def make(self, facts: RequestFacts) -> Context:
        """The context of one request; raises Refused when `@inContext` is not what it should be."""
        try:
            shopper = read_shopper(facts.operation, facts.variables, facts.viewer, self.defaults)
        except BadInput as error:
            raise Refused(Code.BAD_USER_INPUT, str(error)) from None
        asker = ShopperAsker(facts.viewer, shopper)
        return Context(
            asker=asker,
            loaders=Loaders(self.sources, asker),
            clock=self.clock,
            started_at=facts.received_at,
            agreed_s=self.agreed_s,
            sources=self.health,
        )
