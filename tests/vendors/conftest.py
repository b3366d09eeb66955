"""Counts what was held against vendors' contracts; `tests/conftest.py` prints the sums."""

from collections.abc import Iterator

import pytest

from tests.conftest import VALIDATED
from tests.vendors.contracts import Tally


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What this test validates. It travels with the test's report, so that several processes add up."""
    counted = Tally()
    yield counted
    for contract, requests in counted.requests.items():
        request.node.user_properties.append((VALIDATED, (contract, requests, counted.answers.get(contract, 0))))
