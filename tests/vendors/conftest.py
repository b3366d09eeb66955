"""One small shop for all simulators, and the count of what was held against vendors' contracts.

`tests/conftest.py` prints the sums of the counts.
"""

import datetime as dt
from collections.abc import Iterator

import pytest

from sandbox.world.shop import Shop
from tests.conftest import VALIDATED
from tests.vendors.contracts import Tally

NOON = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
"""In Moscow."""


@pytest.fixture(scope="session")
def shop() -> Shop:
    """The clock stands still."""
    return Shop(1, 400, "http://pictures.test", lambda: NOON)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What this test validates. It travels with the test's report, so that several processes add up."""
    counted = Tally()
    yield counted
    for contract, requests in counted.requests.items():
        request.node.user_properties.append((VALIDATED, (contract, requests, counted.answers.get(contract, 0))))
