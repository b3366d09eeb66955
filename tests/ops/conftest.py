from collections.abc import Iterator

import pytest

from tests.journeys.shop import Sandbox, open_sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened
