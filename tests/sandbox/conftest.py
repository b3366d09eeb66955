"""One small sandbox for all tests of this room; each test finds it as if it had just started."""

import datetime as dt
from collections.abc import Iterator

import pytest

from sandbox.world.shop import Shop
from tests.sandbox.driving import Driver, running_sandbox


@pytest.fixture(scope="session")
def started() -> Iterator[Driver]:
    with running_sandbox("--products", "400") as driver:
        yield driver


@pytest.fixture
def driver(started: Driver) -> Driver:
    started.reset()
    return started


@pytest.fixture(scope="session")
def shop() -> Shop:
    """The same goods as the started sandbox has, with the clock stopped at noon in Moscow."""
    noon = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
    return Shop(1, 400, "http://pictures.test", lambda: noon)
