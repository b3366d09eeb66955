"""Small fakes of what resolvers stand on: sources that count their questions, and a request over them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, cast

from graphql import ExecutionResult, GraphQLSchema, OperationDefinitionNode, parse, validate
from graphql.execution import experimental_execute_incrementally

from clients.eventual import Eventual
from clients.scope import Asker
from clients.values import Dataset, SalesChannel
from resolvers.context import ANONYMOUS, Context, Shopper, ShopperAsker, ShopperScopes, Viewer
from resolvers.health import Status
from resolvers.loaders.loaders import Loaders, Sources
from resolvers.schema import build_schema
from resolvers.shopper import ShopDefaults, read_shopper

NOW_S = 1_772_355_600.0
"""2026-03-01T09:00:00Z."""

DEFAULTS = ShopDefaults(locality_id="msk")
ANNA = Viewer(customer_id="anna")
BORIS = Viewer(customer_id="boris")
MOSCOW = Shopper(locality_id="msk", channel=SalesChannel.WEB, language="ru", currency="RUB")


@dataclass
class FakeSource:
    """One dataset: `answers` by key, or a function of a key and who asks; a key without an answer is absent.

    A late source answers after a turn of the loop, or when `gate` opens.
    """

    answers: Mapping[Any, Any] | Callable[[Any, Asker], Any] = field(default_factory=dict)
    is_late: bool = False
    gate: asyncio.Event | None = None
    asked: list[list[Any]] = field(default_factory=list)
    is_of_customer: bool = False

    def load_many(self, keys: Sequence[Hashable], asker: Asker) -> Eventual[list[Any]]:
        self.asked.append(list(keys))
        outcomes = [self._answer(key, asker) for key in keys]
        return self._later(outcomes) if self.is_late or self.gate else outcomes

    def _answer(self, key: Any, asker: Asker) -> Any:
        return self.answers.get(key) if isinstance(self.answers, Mapping) else self.answers(key, asker)

    async def _later(self, outcomes: list[Any]) -> list[Any]:
        await (self.gate.wait() if self.gate else asyncio.sleep(0))
        return outcomes


@dataclass
class Clock:
    time_s: float = NOW_S

    def now(self) -> float:
        return self.time_s


class Health:
    def statuses(self) -> Sequence[Status]:
        return []


def make_sources(**fakes: FakeSource) -> Sources:
    """All datasets; those that are not given know nothing."""
    return Sources(**{one.name: fakes.get(one.name) or FakeSource() for one in fields(Sources)})


def asked(sources: Sources) -> dict[str, int]:
    """How often each dataset was asked, without those that were not."""
    counts = {one.name: len(getattr(sources, one.name).asked) for one in fields(Sources)}
    return {name: count for name, count in counts.items() if count}


def make_context(sources: Sources, viewer: Viewer = ANONYMOUS, shopper: Shopper | None = None) -> Context:
    asker = ShopperAsker(ShopperScopes(viewer, shopper or MOSCOW))
    return Context(
        asker=asker,
        loaders=Loaders(sources, asker),
        clock=Clock(),
        started_at=NOW_S,
        agreed_s=dict.fromkeys(Dataset, 60.0),
        sources=Health(),
    )


@cache
def core_schema() -> GraphQLSchema:
    return build_schema()._schema


async def ask(
    sources: Sources, query: str, viewer: Viewer = ANONYMOUS, context: Context | None = None, **variables: Any
) -> ExecutionResult:
    """Run one operation under plain graphql-core, for the shopper that its `@inContext` names."""
    document = parse(query)
    if refused := validate(core_schema(), document):
        return ExecutionResult(None, refused)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    context = context or make_context(sources, viewer, read_shopper(operation, variables, viewer, DEFAULTS))
    result = experimental_execute_incrementally(
        core_schema(), document, context_value=context, variable_values=variables
    )
    settled = result if isinstance(result, ExecutionResult) else await cast("Awaitable[object]", result)
    assert isinstance(settled, ExecutionResult), "Expected one result; nothing in the query is deferred."
    return settled


def codes(result: ExecutionResult) -> list[tuple[str, str | None, str]]:
    """`(code, source, path)` of every error, as a client reads them."""
    said = [(error.extensions or {}, error.path or []) for error in result.errors or ()]
    return sorted((e.get("code", "FAULT"), e.get("source"), ".".join(map(str, path))) for e, path in said)
