"""What a value is called when it is written, and how old."""

import datetime as dt

import msgspec
import pytest
from graphql import get_named_type

from clients.values import Dataset, DataSource
from resolvers.freshness import FreshnessState, decide_state
from tests.resolvers.fakes import NOW_S, Clock, FakeSource, ask, core_schema, make_context
from tests.resolvers.goods import fresh, product, product_price, shop_of

STARTED = 100.0


@pytest.mark.parametrize(
    ("received_at", "now", "is_fallback", "state"),
    [
        (100.0, 100.0, False, "LIVE"),
        (101.0, 500.0, False, "LIVE"),
        (99.9, 100.0, False, "CACHED"),
        (40.0, 100.0, False, "CACHED"),
        (39.9, 100.0, False, "STALE"),
        (99.9, 200.0, False, "STALE"),
        (101.0, 101.0, True, "FALLBACK"),
        (0.0, 101.0, True, "FALLBACK"),
    ],
)
def test_the_state_follows_from_when_a_value_was_received(
    received_at: float, now: float, is_fallback: bool, state: str
) -> None:
    """Live when it came since the request began, cached up to the agreed age of 60 s, stale beyond; or a fallback."""
    stamped = fresh(DataSource.PRICING, Dataset.PRICE, received_at=received_at, is_fallback=is_fallback)
    assert decide_state(stamped, now=now, started_at=STARTED, agreed_s=60.0) is FreshnessState[state]


FRESHNESS = '{ product(by: {handle: "shoe-1"}) { price { freshness { source state observedAt ageSeconds } } } }'


@pytest.mark.parametrize(
    ("observed_at", "age_s"),
    [
        (dt.datetime.fromtimestamp(NOW_S - 90.9, dt.UTC), 90),
        (dt.datetime.fromtimestamp(NOW_S + 5, dt.UTC), 0),
        (dt.datetime(1, 1, 1, tzinfo=dt.UTC), 2_147_483_647),
    ],
)
async def test_an_age_is_never_negative_and_always_an_int(observed_at: dt.datetime, age_s: int) -> None:
    """A source whose clock is ahead, or whose observation is from the year 1, costs no field."""
    priced = product_price(product(1).skus, make_context(shop_of(1)).asker)
    stamped = fresh(DataSource.PRICING, Dataset.PRODUCT_PRICE, observed_at=observed_at)
    prices = FakeSource({product(1).skus: msgspec.structs.replace(priced, freshness=stamped)})
    sources = shop_of(1, product_prices=prices)
    result = await ask(sources, FRESHNESS)
    assert result.errors is None
    assert result.data is not None
    assert result.data["product"]["price"]["freshness"]["ageSeconds"] == age_s


async def test_freshness_is_told_at_the_moment_of_writing() -> None:
    """The same value is live in the request that fetched it, cached in a later one and stale after the agreed age."""
    sources = shop_of(1)
    states = []
    for later_s in (0.0, 60.0, 61.0):
        context = make_context(sources)
        clock = context.clock
        assert isinstance(clock, Clock)
        clock.time_s += later_s
        later = msgspec.structs.replace(context, started_at=NOW_S + later_s)
        result = await ask(sources, FRESHNESS, context=later)
        assert result.data is not None
        states.append(result.data["product"]["price"]["freshness"]["state"])
    assert states == ["LIVE", "CACHED", "STALE"]


def test_every_sourced_type_tells_its_freshness() -> None:
    """Rule 3 of the schema: whatever a third party computed for us says how fresh it is."""
    sourced = core_schema().get_possible_types(core_schema().type_map["Sourced"])  # type: ignore[arg-type]
    assert {t.name for t in sourced} >= {"Price", "PriceRange", "Availability", "ProductConnection", "LoyaltyAccount"}
    assert {str(get_named_type(t.fields["freshness"].type)) for t in sourced} == {"Freshness"}
