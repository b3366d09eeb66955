"""Calls and keys are counted exactly."""

from concurrent.futures import ThreadPoolExecutor

from tests.sandbox.driving import BOOTS_SKU, CONTEXT, Driver

URL = "/v1/availability/batch"


def test_calls_and_keys(driver: Driver) -> None:
    """Every call counts with its keys, by operation; the greatest batch is remembered."""
    for count in (1, 7, 3):
        driver.ask("stock", URL, **CONTEXT, skus=[BOOTS_SKU] * count)
    driver.ask("stock", "/v1/products/batch", **CONTEXT, products=[{"id": "p-000001", "skus": [BOOTS_SKU]}])
    state = driver.state("stock")
    assert state["calls"] == 4
    assert state["operations"] == {
        "stock.availability": {"calls": 3, "keys": 11, "maxBatch": 7},
        "stock.products": {"calls": 1, "keys": 1, "maxBatch": 1},
    }
    assert state["statuses"] == {"200": 4}
    assert [(call["operation"], call["keys"]) for call in state["log"]][:2] == [
        ("stock.availability", 1),
        ("stock.availability", 7),
    ]


def test_refused_calls_count(driver: Driver) -> None:
    """A refused call was received: it counts, under its status."""
    driver.call("stock", URL, {})
    driver.call("stock", URL, {**CONTEXT, "skus": ["a"] * 1001})
    state = driver.state("stock")
    assert (state["calls"], state["statuses"]) == (2, {"400": 1, "413": 1})


def test_health_and_pictures_are_apart(driver: Driver) -> None:
    """Pings and pictures are counted, but not as calls."""
    driver.call("catalogue", "/health")
    driver.call("catalogue", "/media/brands/lumera-100.svg")
    state = driver.state("catalogue")
    assert (state["calls"], state["health"], state["media"]) == (0, 1, 1)


def test_in_flight(driver: Driver) -> None:
    """Concurrent calls are seen while they last, and the most of them is remembered."""
    driver.spoil("stock", latencyMs=300)

    def ask(_: int) -> int:
        return driver.call("stock", URL, {**CONTEXT, "skus": []}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == [200] * 6
    state = driver.state("stock")
    assert (state["calls"], state["inFlight"], state["maxInFlight"]) == (6, 0, 6)


def test_reset(driver: Driver) -> None:
    """A reset starts counters over and takes faults back; either may be kept."""
    driver.spoil("stock", latencyMs=1)
    driver.call("stock", URL, {})
    driver.client.post(f"{driver.control}/reset", json={"faults": False})
    assert (driver.state("stock")["calls"], driver.state("stock")["faults"]["latencyMs"]) == (0, 1.0)
    driver.call("stock", URL, {})
    driver.client.post(f"{driver.control}/reset", json={"counters": False})
    assert (driver.state("stock")["calls"], driver.state("stock")["faults"]["latencyMs"]) == (1, 0.0)
    driver.reset()
    assert driver.state("stock")["log"] == []


def test_all_at_once(driver: Driver) -> None:
    """The state of all upstreams comes in one answer."""
    driver.products("p-000001")
    states = driver.client.get(f"{driver.control}/upstreams").json()
    assert {domain: state["calls"] for domain, state in states.items() if state["calls"]} == {"catalogue": 1}
    assert {domain: state["url"] for domain, state in states.items()} == driver.upstreams


def test_log_is_as_long_as_asked(driver: Driver) -> None:
    """The log has the last calls, as many as are asked for; a length that is none is refused."""
    for count in (1, 2, 3):
        driver.ask("stock", URL, **CONTEXT, skus=[BOOTS_SKU] * count)
    for length, keys in (("2", [2, 3]), ("0", []), ("99", [1, 2, 3])):
        state = driver.client.get(f"{driver.control}/upstreams/stock?log={length}").json()
        assert [call["keys"] for call in state["log"]] == keys
    assert driver.client.get(f"{driver.control}/upstreams?log=all").status_code == 400


def test_unknown_upstream(driver: Driver) -> None:
    """An upstream that does not exist is a 404 that names those that do."""
    response = driver.client.get(f"{driver.control}/upstreams/weather")
    assert response.status_code == 404
    assert "pricing" in response.json()["detail"]
