from pathlib import Path

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.house.repository import ROOT

CONTRACTS = sorted((ROOT / "docs" / "contracts").glob("*.yaml"))
DOMAINS = sorted(path.parent.name for path in (ROOT / "clients").glob("*/protocol.py"))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_contracts_are_valid_openapi(path: Path) -> None:
    """A retailer's tools can read each published contract."""
    assert list(OpenAPIV31SpecValidator(yaml.safe_load(path.read_text())).iter_errors()) == []


def test_every_domain_has_its_contract() -> None:
    """What a client asks of a system is published, and nothing is published that no client asks."""
    assert [path.stem for path in CONTRACTS] == DOMAINS
