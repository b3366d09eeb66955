"""`@inContext`: where, through which channel, in which language and currency one shops."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse
from hypothesis import given
from hypothesis import strategies as some

from clients.values import SalesChannel
from resolvers.context import ANONYMOUS, Shopper, Viewer
from resolvers.refusals import BadInput
from resolvers.shopper import ShopDefaults, names_locality, read_shopper, spell_language

DEFAULTS = ShopDefaults(locality_id="msk", channel=SalesChannel.WEB, language="ru", currency="RUB")
KAZAKH = Viewer(customer_id="anna", locality_id="ala", language="kk", currency="KZT")


def operation(head: str) -> OperationDefinitionNode:
    definition = parse(f"{head} {{ me {{ id }} }}").definitions[0]
    assert isinstance(definition, OperationDefinitionNode)
    return definition


def read(head: str, viewer: Viewer = ANONYMOUS, **variables: Any) -> Shopper:
    return read_shopper(operation(head), variables, viewer, DEFAULTS)


def test_who_says_nothing_gets_the_shops_defaults() -> None:
    """Without a directive everything comes from the settings."""
    assert read("query") == Shopper(locality_id="msk", channel=SalesChannel.WEB, language="ru", currency="RUB")


def test_a_customers_preferences_come_before_the_defaults() -> None:
    """A token may say where its customer shops."""
    assert read("query", KAZAKH) == Shopper(locality_id="ala", channel=SalesChannel.WEB, language="kk", currency="KZT")


ALL = '@inContext(locality: "cty_led", location: "loc_7", channel: IOS, language: "en", currency: "USD")'


def test_the_operation_comes_before_everything() -> None:
    """Every argument of the directive wins over the customer's preferences."""
    assert read(f"query {ALL}", KAZAKH) == Shopper(
        locality_id="led", location_id="7", channel=SalesChannel.IOS, language="en", currency="USD"
    )


HEAD = (
    'query Q($a: ID, $b: SalesChannel, $c: LanguageCode = "en", $d: CurrencyCode) '
    "@inContext(locality: $a, channel: $b, language: $c, currency: $d)"
)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ("msk", "WEB", "en", "RUB")),
        ({"a": None, "b": None, "c": None, "d": None}, ("msk", "WEB", "ru", "RUB")),
        ({"a": "cty_led", "b": "ANDROID", "c": "kk", "d": "KZT"}, ("led", "ANDROID", "kk", "KZT")),
    ],
)
def test_variables_are_filled_in(variables: dict[str, Any], said: tuple[str, str, str, str]) -> None:
    """A variable left out takes its default; one that is null is as if the argument were left out."""
    shopper = read(HEAD, **variables)
    assert (shopper.locality_id, shopper.channel.name, shopper.language, shopper.currency) == said


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ('locality: "msk"', "id like `cty_...`"),
        ('locality: ""', "id like `cty_...`"),
        ("locality: 42", "id like `cty_...`"),
        ('locality: "loc_7"', "id like `cty_...`"),
        ('location: "cty_msk"', "id like `loc_...`"),
        ("channel: FAX", "one of WEB, IOS, ANDROID, IN_STORE"),
        ('language: "русский"', "`language` to match"),
        ('language: ""', "`language` to match"),
        (f'language: "aa{"-aaaaaaaa" * 5}"', "`language` to match"),
        ('currency: "rub"', "`currency` to match"),
        ('currency: "RUBLES"', "`currency` to match"),
    ],
)
def test_what_is_not_what_it_should_be_is_refused(directive: str, expected: str) -> None:
    """Nothing malformed falls to a default in silence: the shopper would be shown another city's prices."""
    with pytest.raises(BadInput) as refused:
        read(f"query @inContext({directive})")
    assert expected in str(refused.value)


@pytest.mark.parametrize("given_", [42, 4.2, True, ["cty_msk"], {"id": "cty_msk"}])
@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_variables_of_a_wrong_type_are_refused(name: str, given_: object) -> None:
    """The directive is read before variables are coerced, so any JSON may come, and none is a fault or repeated."""
    with pytest.raises(BadInput, match="got a value of type"):
        read_shopper(operation(HEAD), {name: given_}, ANONYMOUS, DEFAULTS)


@pytest.mark.parametrize(
    ("head", "variables", "names"),
    [
        ("query", {}, False),
        ("query @inContext(channel: WEB)", {}, False),
        ("query @inContext(locality: null)", {}, False),
        ('query @inContext(locality: "cty_msk")', {}, True),
        (HEAD, {}, False),
        (HEAD, {"a": None}, False),
        (HEAD, {"a": "cty_msk"}, True),
        ('query Q($a: ID = "cty_msk") @inContext(locality: $a)', {}, True),
        ('query Q($a: ID = "cty_msk") @inContext(locality: $a)', {"a": None}, False),
    ],
)
def test_whether_an_operation_names_a_locality(head: str, variables: dict[str, Any], names: bool) -> None:
    """Only a locality that the operation itself names has to be looked up."""
    assert names_locality(operation(head), variables) is names


@pytest.mark.parametrize(
    ("tag", "spelt"), [("RU", "ru"), ("pt-br", "pt-BR"), ("ZH-HANT-tw", "zh-Hant-TW"), ("sr-latn", "sr-Latn")]
)
def test_a_language_has_one_spelling(tag: str, spelt: str) -> None:
    """Tags are the same in any case, so upstreams and cache keys get one of them (RFC 5646, 2.1.1)."""
    assert spell_language(tag) == spelt
    assert read(f'query @inContext(language: "{tag}")').language == spelt


@given(some.from_regex(r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,2}\Z"))
def test_spelling_is_settled_at_once(tag: str) -> None:
    """A spelt tag is spelt the same again, and differs in case only."""
    assert spell_language(spell_language(tag)) == spell_language(tag)
    assert spell_language(tag).lower() == tag.lower()
