"""Every answer of every endpoint obeys the published contract."""

from typing import Any

import pytest

from tests.sandbox.driving import Driver
from tests.sandbox.published import DOMAINS, contract
from tests.sandbox.requests import CASES

NAMES = [f"{name}-{number}" for number, (name, _, _) in enumerate(CASES)]


@pytest.mark.parametrize(("name", "path", "body"), CASES, ids=NAMES)
def test_obeys_the_contract(driver: Driver, name: str, path: str, body: dict[str, Any]) -> None:
    """A request in order gets an answer in order, whatever keys it asks for."""
    domain = name.partition(".")[0]
    assert contract(domain).request_mistakes(name, body) == []
    assert contract(domain).answer_mistakes(name, driver.ask(domain, path, **body)) == []


@pytest.mark.parametrize("language", ["ru", "en", "fr"])
def test_categories_obey_the_contract(driver: Driver, language: str) -> None:
    """The category tree is in order in every language, kept or not."""
    answer = driver.ask("catalogue", f"/v1/categories?language={language}")
    assert contract("catalogue").answer_mistakes("catalogue.categories", answer) == []


def test_every_operation_is_covered() -> None:
    """No operation of a contract goes without a case here."""
    published = {name for domain in DOMAINS for name in contract(domain).operations()}
    assert published - {name for name, _, _ in CASES} == {"catalogue.categories"}


@pytest.mark.parametrize("mode", ["wrong_types", "missing_keys"])
@pytest.mark.parametrize(("name", "path", "body"), CASES, ids=NAMES)
def test_schemas_are_strict_enough(driver: Driver, name: str, path: str, body: dict[str, Any], mode: str) -> None:
    """An answer with wrong types or without its fields breaks the contract, so the checks above mean something."""
    domain = name.partition(".")[0]
    driver.spoil(domain, mode=mode)
    assert contract(domain).answer_mistakes(name, driver.ask(domain, path, **body)) != []


def test_unknown_keys_are_absent(driver: Driver) -> None:
    """What does not exist is left out, and what exists comes once however often it is asked for."""
    answer = driver.ask(
        "catalogue",
        "/v1/products/batch",
        language="ru",
        ids=["p-000001", "p-999999", "p-000001"],
        handles=["sapogi-lumera-siena-1"],
        skus=["LUM-000001-02"],
    )
    assert [product["id"] for product in answer["products"]] == ["p-000001"]


def test_languages(driver: Driver) -> None:
    """Titles come in Russian or English; any other language gets Russian."""
    (ru,), (en,), (fr,) = (driver.products("p-000001", language=language) for language in ("ru", "en-GB", "fr"))
    assert ru["title"] == fr["title"] == "Сапоги Lumera Siena"
    assert en["title"] == "Lumera Siena boots"


def test_pictures(driver: Driver) -> None:
    """Pictures are drawn at the asked width, also when nobody filled in the width, and unknown ones are not."""
    (boots,) = driver.products("p-000001")
    template = boots["image"]["url"]
    for url, width in ((template.replace("{width}", "480"), 480), (template, 600)):
        picture = driver.client.get(url)
        assert picture.headers["content-type"] == "image/svg+xml"
        assert f'width="{width}"' in picture.text
    assert driver.client.get(template.replace("p-000001", "p-999999")).status_code == 404
