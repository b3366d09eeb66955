"""From the facts of a request to the context that its fields see."""

from typing import Any

import pytest

from clients.values import Dataset, SalesChannel
from gateway.cache.policy import DEFAULT_POLICIES
from gateway.contexts import MOST_SHOPPERS, Contexts, WallClock, agreed_ages, context_variables
from gateway.datasets import decide_policies
from gateway.http.errors import Refused
from resolvers.context import ANONYMOUS, NotSignedIn, Viewer
from resolvers.freshness import FreshnessState, decide_state
from resolvers.shopper import ShopDefaults
from tests.gateway.requests import facts_of
from tests.resolvers.fakes import ANNA, BORIS, NOW_S, Health, make_sources
from tests.resolvers.goods import fresh, price

PAGE = "query Page($to: ID, $lang: LanguageCode) @inContext(locality: $to, language: $lang) { categories { id } }"


def make_contexts() -> Contexts:
    return Contexts(
        sources=make_sources(),
        health=Health(),
        defaults=ShopDefaults(locality_id="msk"),
        clock=WallClock(lambda: NOW_S),
        policies=DEFAULT_POLICIES,
    )


def test_a_context_is_made_of_the_facts() -> None:
    """Viewer, shopper and the moment of arrival come from the request, the rest from the application."""
    context = make_contexts().make(facts_of(PAGE, ANNA, to="cty_led", lang="en"))
    assert context.viewer == ANNA
    assert (context.shopper.locality_id, context.shopper.language) == ("led", "en")
    assert (context.shopper.channel, context.shopper.currency) == (SalesChannel.WEB, "RUB")
    assert (context.started_at, context.clock.now(), context.fragment_key) == (NOW_S, NOW_S, "en")


def test_requests_share_no_loaders() -> None:
    """What one request has loaded is not known to the next, even from the same customer."""
    contexts, facts = make_contexts(), facts_of(PAGE, ANNA)
    assert contexts.make(facts).loaders is not contexts.make(facts).loaders


@pytest.mark.parametrize("to", ["led", "", 5, 5.0, True, ["cty_led"], {"id": "cty_led"}])
def test_a_wrong_context_is_refused_before_anything_runs(to: Any) -> None:
    """Whatever JSON comes in place of an id, the request ends with BAD_USER_INPUT and says what was expected."""
    with pytest.raises(Refused, match="Expected `locality` to be an id") as refused:
        make_contexts().make(facts_of(PAGE, to=to))
    assert refused.value.code.public == "BAD_USER_INPUT"


def test_remembered_scopes_are_never_mixed_up() -> None:
    """One instance makes the contexts of all requests: variables, documents and viewers each make a difference."""
    contexts = make_contexts()
    other = "query Page($to: ID!) { node(id: $to) { id } }"
    asked = [
        (facts_of(PAGE), "msk", "ru"),
        (facts_of(PAGE, to="cty_led"), "led", "ru"),
        (facts_of(PAGE, to=None), "msk", "ru"),
        (facts_of(PAGE, to="cty_led", lang="en"), "led", "en"),
        (facts_of(PAGE, Viewer(customer_id="anna", locality_id="ala")), "ala", "ru"),
        (facts_of(PAGE, Viewer(customer_id="anna", locality_id="kzn")), "kzn", "ru"),
        (facts_of(other, to="cty_led"), "msk", "ru"),
    ]
    for facts, locality_id, language in [*asked, *reversed(asked)]:
        shopper = contexts.make(facts).shopper
        assert (shopper.locality_id, shopper.language) == (locality_id, language)


def test_two_operations_of_one_document_have_their_own_contexts() -> None:
    """The operation's name is part of what is remembered."""
    document = 'query A @inContext(language: "en") { me { id } } query B @inContext(language: "kk") { me { id } }'
    contexts, languages = make_contexts(), []
    for name in ("A", "B", "A"):
        facts = facts_of(document, name=name)
        languages.append(contexts.make(facts).shopper.language)
    assert languages == ["en", "kk", "en"]


def test_what_is_remembered_is_bounded() -> None:
    """Clients choose the variables, so they must not choose how much memory they take."""
    contexts, facts = make_contexts(), facts_of(PAGE)
    for number in range(MOST_SHOPPERS + 5):
        facts.variables["to"] = f"cty_{number}"  # type: ignore[index]
        contexts.make(facts)
    assert len(contexts._scopes) <= MOST_SHOPPERS


def test_the_variables_of_a_context_are_found_once() -> None:
    """Only those that the directive reads count, in whatever order."""
    facts = facts_of(PAGE)
    assert context_variables(facts) == ("to", "lang")
    assert context_variables(facts) is context_variables(facts)
    assert context_variables(facts_of("{ me { id } }")) == ()


def test_a_visitor_has_no_scope_of_a_customer() -> None:
    """What belongs to a customer cannot even be asked for by nobody."""
    contexts = make_contexts()
    assert contexts.make(facts_of(PAGE, BORIS)).asker.of_customer.customer_id == "boris"
    with pytest.raises(NotSignedIn, match="signed-in"):
        _ = contexts.make(facts_of(PAGE, ANONYMOUS)).asker.of_customer


def test_a_customers_own_price_is_stale_sooner() -> None:
    """Half a minute is within what was agreed for a list price, and beyond it for a personal one."""
    paid = price(freshness=fresh(price().freshness.source, Dataset.PRICE, received_at=NOW_S - 30))
    states = []
    for viewer in (ANONYMOUS, ANNA):
        context = make_contexts().make(facts_of(PAGE, viewer))
        agreed_s = context.agreed_s[Dataset.PRICE]
        states.append(decide_state(paid.freshness, now=NOW_S, started_at=context.started_at, agreed_s=agreed_s))
    assert states == [FreshnessState.CACHED, FreshnessState.STALE]


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_every_dataset_has_an_agreed_age(is_signed_in: bool) -> None:
    """None is forgotten; without a cache nothing older than the request is within what was agreed."""
    assert set(agreed_ages(DEFAULT_POLICIES, is_signed_in=is_signed_in)) == set(Dataset)
    off = agreed_ages(decide_policies(is_enabled=False), is_signed_in=is_signed_in)
    assert set(off.values()) == {0}
