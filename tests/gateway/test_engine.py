"""Before an operation runs: the locality that it names must exist, as far as anybody can tell."""

from collections.abc import AsyncGenerator, Awaitable
from typing import Any

import msgspec
import pytest

from clients.errors import SourceUnavailable
from clients.eventual import Eventual, is_pending
from clients.geo.protocol import Locality
from clients.values import DataSource
from gateway.engine import LocalityChecked, PlannedExecutor, unknown_locality
from gateway.http.errors import describe
from gateway.http.ports import Executor, Incremental, RequestFacts, Result
from gateway.http.reference import GraphQLCoreExecutor
from resolvers.context import Context
from resolvers.loaders.loaders import Sources
from resolvers.shopper import read_shopper
from tests.gateway.requests import facts_of
from tests.resolvers.fakes import ANNA, DEFAULTS, FakeSource, core_schema, make_context
from tests.resolvers.goods import shop_of

NAMED = "query ($to: ID) @inContext(locality: $to) { categories { id } }"
SILENT = "{ categories { id } }"
KNOWN = Locality(id="led", name="Saint Petersburg", country_code="RU")
DOWN = SourceUnavailable(DataSource.GEO)
DONE = Result(b'{"done":true}')


class Inner:
    """An executor that notes what reaches it."""

    def __init__(self) -> None:
        self.ran: list[RequestFacts] = []

    def execute(self, facts: RequestFacts, context: Any) -> Eventual[Result | Incremental]:
        self.ran.append(facts)
        return DONE

    async def subscribe(self, facts: RequestFacts, context: Any) -> AsyncGenerator[Result, None] | Result:
        self.ran.append(facts)
        return DONE


def shop_knowing(locality: Any, *, is_late: bool = False) -> Sources:
    return shop_of(1, localities=FakeSource(lambda _key, _asker: locality, is_late=is_late))


def context_of(facts: RequestFacts, sources: Sources) -> Context:
    shopper = read_shopper(facts.operation, facts.variables, facts.viewer, DEFAULTS)
    return make_context(sources, facts.viewer, shopper)


async def settled(outcome: Eventual[Any] | Awaitable[Any]) -> Any:
    return await outcome if is_pending(outcome) else outcome


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(
    ("query", "to", "locality", "runs"),
    [
        (NAMED, "cty_led", KNOWN, True),
        (NAMED, "cty_led", None, False),
        (NAMED, "cty_led", DOWN, True),
        (NAMED, None, None, True),
        (SILENT, None, None, True),
    ],
)
async def test_only_a_locality_that_is_known_not_to_exist_is_refused(
    query: str, to: str | None, locality: Any, runs: bool, is_late: bool
) -> None:
    """While geo is down a locality is taken on trust; one that the operation does not name is the shop's own."""
    inner = Inner()
    facts = facts_of(query, to=to)
    for start in (LocalityChecked(inner).execute, LocalityChecked(inner).subscribe):
        inner.ran.clear()
        result = await settled(start(facts, context_of(facts, shop_knowing(locality, is_late=is_late))))
        assert (result is DONE) is runs
        assert bool(inner.ran) is runs


def test_what_is_at_hand_is_not_waited_for() -> None:
    """With the locality in memory the whole check is synchronous."""
    facts = facts_of(NAMED, to="cty_led")
    assert LocalityChecked(Inner()).execute(facts, context_of(facts, shop_knowing(KNOWN))) is DONE


async def test_a_locality_that_exists_is_looked_up_once() -> None:
    """Towns do not go away; those that do not exist, and those that nobody could tell of, are asked about again."""
    facts = facts_of(NAMED, to="cty_led")
    for locality, questions in ((KNOWN, 1), (None, 3), (DOWN, 3)):
        sources = shop_knowing(locality)
        checked = LocalityChecked(Inner())
        for _ in range(3):
            await settled(checked.execute(facts, context_of(facts, sources)))
        assert len(sources.localities.asked) == questions  # type: ignore[attr-defined]


def test_an_unknown_locality_is_the_clients_error() -> None:
    """Nothing was executed, and the one error says what was expected."""
    result = unknown_locality()
    assert result.data is None
    entries = [describe(error, "r1") for error in result.errors]
    assert [(entry["extensions"]["code"], fault) for entry, fault in entries] == [("BAD_USER_INPUT", None)]
    assert entries[0][0]["message"].startswith("Expected `locality` to be the id of a known locality")


QUERIES = [
    '{ product(by: {handle: "shoe-1"}) { id price { lowest { current { formatted } } } variant { sku } } }',
    '{ search(query: "a") { edges { cursor node { promotions { id } variants { pointsToEarn { isPersonal } } } } } }',
    '{ product(by: {handle: "shoe-1"}) { recommendations(placement: "x", first: 101) { title } id } }',
    "{ me { id } sources { state } categories { handle children { handle } } }",
]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("query", QUERIES)
async def test_both_executors_give_the_same_answer(query: str, is_late: bool) -> None:
    """Plans are faster than graphql-core and say the same, errors and their places included."""
    answers = []
    executors: list[Executor] = [PlannedExecutor(core_schema()), GraphQLCoreExecutor(core_schema())]
    for executor in executors:
        facts = facts_of(query, ANNA)
        sources = shop_of(2, customers=FakeSource(lambda _key, _asker: DOWN))
        for name in Sources.__dataclass_fields__:
            getattr(sources, name).is_late = is_late
        result = await settled(executor.execute(facts, context_of(facts, sources)))
        assert isinstance(result, Result)
        said = sorted((str(error.path), describe(error, "r1")[0]["extensions"]["code"]) for error in result.errors)
        answers.append((msgspec.json.decode(result.data or b"null"), said))
    assert answers[0] == answers[1]


def test_a_warm_page_is_answered_without_waiting() -> None:
    """When every source answers at once, a plan gives its bytes at once: no event loop is even running here."""
    facts = facts_of(QUERIES[1])
    executor = PlannedExecutor(core_schema())
    result = executor.execute(facts, context_of(facts, shop_of(48)))
    assert isinstance(result, Result)
    assert result.errors == ()
    assert not executor.fallbacks
