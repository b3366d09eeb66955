"""Operations that nobody wrote, made from the schema: whatever fits it is answered or refused, never a fault."""

import os
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes

from tests.http.suites import ROOT
from tests.journeys.shop import PRODUCTION, Gateway, Sandbox, open_gateway

SDL = (ROOT / "schema.graphql").read_text("utf-8")
EXAMPLES = int(os.environ.get("GENERATED_OPERATIONS", "60"))
TEXTS = {
    "CountryCode": ["RU", "KZ", "russia"],
    "CurrencyCode": ["RUB", "EUR", "rubles"],
    "Date": ["2026-02-28", "2026-02-30"],
    "DateTime": ["2026-02-28T10:00:00Z", "yesterday"],
    "Decimal": ["1990.00", "-1", "1e5", "much"],
    "Duration": ["PT1H", "an hour"],
    "LanguageCode": ["ru", "en", "xx-YY-zz"],
    "PhoneNumber": ["+79990001122", "112"],
    "URL": ["https://shop.example/", "here"],
}
# Keys that find something, or deep operations would stop at the first null.
KNOWN = ("sapogi-lumera-siena-1", "LUM-000001-01", "prd_p-000001", "cty_msk", "home_popular", "product_similar", "obuv")
SCALARS = {name: st.sampled_from(texts).map(nodes.String) for name, texts in TEXTS.items() if f"scalar {name}" in SDL}
WORDS = st.one_of(st.sampled_from(KNOWN), st.text(max_size=20)).map(nodes.String)


def with_member(sdl: str, number: int) -> str:
    """The schema with one member in each `@oneOf` input: the generator does not know that only one may be given."""

    def keep_one(found: re.Match[str]) -> str:
        members = re.findall(r"^  (\w+: [\w\[\]!]+)", found[2], re.MULTILINE)
        return f"{found[1]}{{ {members[number % len(members)].rstrip('!')}! }}"

    return re.sub(r"^(input \w+ @oneOf )\{(.*?)^\}", keep_one, sdl, flags=re.MULTILINE | re.DOTALL)


GENERATED = st.one_of(
    *(
        from_schema(with_member(SDL, number), custom_scalars={**SCALARS, "ID": WORDS, "String": WORDS})
        for number in range(3)
    )
)
counted: Counter[str] = Counter()


@pytest.fixture(scope="module")
def open_hearted(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway that only measures what is beyond its limits, so that nearly everything is executed."""
    with open_gateway(sandbox, **PRODUCTION, GATEWAY_LIMITS__MODE="measure") as opened:
        yield opened


@pytest.fixture(scope="module")
def token(sandbox: Sandbox) -> Iterator[str]:
    """A customer's token; at the end of the module the outcomes are told."""
    yield sandbox.token("cust-anna")
    print(f"{sum(counted.values())} generated operations: {dict(counted.most_common())}")


@pytest.mark.timeout(7200)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    database=None,
)
@given(query=GENERATED)
def test_generated_operations_are_no_faults(open_hearted: Gateway, token: str, query: str) -> None:
    """Each operation is answered below 500, and no error in it is a fault of ours."""
    answer = open_hearted.ask(query, token=token)
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
    counted.update(codes or {"answered"})
    assert answer.status_code < 500, (query, answer.text)
    assert "INTERNAL_ERROR" not in codes, (query, answer.text)
