"""Terms that make sense, and messages for those that do not."""

import inspect
import math
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from clients.catalogue.protocol import Catalogue
from clients.customers.protocol import Customers
from clients.delivery.protocol import Delivery
from clients.geo.protocol import Geo
from clients.loyalty.protocol import Loyalty
from clients.pricing.protocol import Pricing
from clients.recommendations.protocol import Recommendations
from clients.scope import ForCustomer, InContext, OfCustomer, Public
from clients.search.protocol import Search
from clients.stock.protocol import Stock
from clients.values import Dataset, SalesChannel
from gateway.cache.codec import VALUE_OF
from gateway.cache.policy import DEFAULT_POLICIES, SOURCE_OF, InvalidPolicy, Policy

_WEB = SalesChannel.WEB

METHODS: dict[Dataset, Callable[..., Any]] = {
    Dataset.PRODUCT: Catalogue.fetch_products,
    Dataset.CATEGORY_TREE: Catalogue.fetch_category_tree,
    Dataset.LISTING: Search.fetch_listings,
    Dataset.SUGGESTION: Search.fetch_suggestions,
    Dataset.PRICE: Pricing.fetch_prices,
    Dataset.PRODUCT_PRICE: Pricing.fetch_product_prices,
    Dataset.PROMOTION: Pricing.fetch_promotions,
    Dataset.CURRENT_PROMOTIONS: Pricing.fetch_current_promotions,
    Dataset.AVAILABILITY: Stock.fetch_availability,
    Dataset.PRODUCT_AVAILABILITY: Stock.fetch_product_availability,
    Dataset.STOCK_AT_LOCATIONS: Stock.fetch_stock_at_locations,
    Dataset.LOYALTY_ACCOUNT: Loyalty.fetch_accounts,
    Dataset.POINTS_HISTORY: Loyalty.fetch_history,
    Dataset.POINTS_ESTIMATE: Loyalty.fetch_estimates,
    Dataset.RECOMMENDATION: Recommendations.fetch_blocks,
    Dataset.DELIVERY_PROMISE: Delivery.fetch_promises,
    Dataset.LOCATION: Delivery.fetch_locations,
    Dataset.LOCATION_SEARCH: Delivery.search_locations,
    Dataset.CUSTOMER: Customers.fetch_customers,
    Dataset.LOCALITY: Geo.fetch_localities,
    Dataset.LOCALITY_SEARCH: Geo.search_localities,
    Dataset.ADDRESS_SUGGESTION: Geo.search_addresses,
}


@pytest.mark.parametrize("dataset", Dataset)
def test_every_dataset_has_terms_of_the_scope_that_its_client_takes(dataset: Dataset) -> None:
    """A policy's scope is the type of the client method's `scope`: what reaches the upstream is in the key."""
    hints = get_type_hints(METHODS[dataset])
    assert DEFAULT_POLICIES[dataset].scope is hints["scope"]
    assert dataset in SOURCE_OF


@pytest.mark.parametrize("dataset", Dataset)
def test_every_dataset_is_stored_as_the_type_that_its_client_gives(dataset: Dataset) -> None:
    """The shared level reads back what the client's protocol promises."""
    answer = inspect.signature(METHODS[dataset]).return_annotation
    assert VALUE_OF[dataset] in _leaves(answer)


def _leaves(annotation: Any) -> list[Any]:
    args = getattr(annotation, "__args__", ())
    return [leaf for arg in args for leaf in _leaves(arg)] if args else [annotation]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"fresh_s": -1}, "fresh_s: expected a finite number of seconds, 0 or more; got -1"),
        ({"fresh_s": math.nan}, "fresh_s: expected a finite"),
        ({"fresh_s": True}, "fresh_s: expected a finite number of seconds, 0 or more; got True"),
        ({"fresh_s": 1, "stale_if_error_s": math.inf}, "stale_if_error_s: expected a finite"),
        ({"fresh_s": 1, "stale_while_revalidate_s": "5"}, "got '5'"),
        ({"fresh_s": 0, "stale_if_error_s": 5}, "expected fresh_s above 0 where a stale value may be served"),
        ({"fresh_s": 1, "scope": str}, "scope: expected one of Public, InContext, ForCustomer, OfCustomer; got"),
        ({"fresh_s": 1, "max_batch": 0}, "max_batch: expected 1 key or more; got 0"),
        ({"fresh_s": 1, "load_timeout_s": 0}, "load_timeout_s: expected more than 0 seconds; got 0"),
        ({"fresh_s": 8 * 86_400}, "expected to keep nothing for more than 7 days"),
        ({"fresh_s": 1, "signed_in": Policy(fresh_s=1, scope=Public)}, "signed_in: expected terms of scope"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(terms: dict[str, Any], said: str) -> None:
    """The message says what was expected and what it got."""
    with pytest.raises(InvalidPolicy, match=said.replace("(", r"\(")):
        Policy(**{"scope": ForCustomer} | terms)


def test_a_signed_in_customer_may_have_other_terms() -> None:
    """The own price of a customer is kept for less than the list price."""
    price = DEFAULT_POLICIES[Dataset.PRICE]
    anonymous = ForCustomer(customer_id=None, locality_id="m", channel=_WEB, currency="RUB", language="ru")
    signed_in = ForCustomer(customer_id="1", locality_id="m", channel=_WEB, currency="RUB", language="ru")
    assert price.terms_for(anonymous).fresh_s == 30
    assert price.terms_for(signed_in).fresh_s == 10
    assert price.terms_for(signed_in).stale_while_revalidate_s == 0


def test_what_is_promised_or_bought_is_not_served_for_long() -> None:
    """Stock: seconds. A promise of delivery: a minute, and in a failure ten."""
    assert DEFAULT_POLICIES[Dataset.AVAILABILITY].kept_s <= 60
    assert DEFAULT_POLICIES[Dataset.DELIVERY_PROMISE].served_s <= 60
    assert DEFAULT_POLICIES[Dataset.DELIVERY_PROMISE].kept_s <= 600


def test_scopes_that_look_alike_are_different_keys() -> None:
    """The same words under two kinds of scope are never equal."""
    in_context = InContext(locality_id="m", channel=_WEB, currency="RUB", language="ru")
    anonymous = ForCustomer(customer_id=None, locality_id="m", channel=_WEB, currency="RUB", language="ru")
    assert len({Public(language="ru"), OfCustomer(customer_id="1", language="ru"), in_context, anonymous}) == 4
