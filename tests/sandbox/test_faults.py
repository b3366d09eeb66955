"""Each way of failing is the one that was asked for, and only there."""

import json
import time

import httpx
import pytest

from tests.sandbox.driving import BOOTS_SKU, CONTEXT, Driver

PATH = "/v1/availability/batch"
BODY = {**CONTEXT, "skus": [BOOTS_SKU]}


def ask(driver: Driver) -> httpx.Response:
    return driver.call("stock", PATH, BODY)


def test_down_refuses_and_comes_back(driver: Driver) -> None:
    """A system that is down refuses connections, old ones too, and is back at the same address after a reset."""
    assert ask(driver).status_code == 200
    driver.spoil("stock", mode="down")
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            ask(driver)
    driver.reset()
    assert ask(driver).status_code == 200


def test_hang(driver: Driver) -> None:
    """A hanging system takes the request and never answers; the call is over when the caller leaves."""
    driver.spoil("stock", mode="hang")
    with pytest.raises(httpx.ReadTimeout), httpx.Client(timeout=0.2) as impatient:
        impatient.post(driver.upstreams["stock"] + PATH, json=BODY)
    wait_until_idle(driver)
    assert driver.state("stock")["log"][0]["status"] is None
    assert driver.state("stock")["operations"]["stock.availability"] == {"calls": 1, "keys": 1, "maxBatch": 1}


def wait_until_idle(driver: Driver) -> None:
    until = time.monotonic() + 5
    while driver.state("stock")["inFlight"] and time.monotonic() < until:
        time.sleep(0.01)
    assert driver.state("stock")["inFlight"] == 0


def test_truncate(driver: Driver) -> None:
    """A truncated answer ends before its promised length."""
    driver.spoil("stock", mode="truncate")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(driver)


@pytest.mark.parametrize("mode", ["garbage", "html", "empty"])
def test_not_json(driver: Driver, mode: str) -> None:
    """Garbage comes with a good status and is not JSON."""
    driver.spoil("stock", mode=mode)
    response = ask(driver)
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        json.loads(response.content)


def test_wrong_types(driver: Driver) -> None:
    """Everything has its name and another type."""
    driver.spoil("stock", mode="wrong_types")
    (item,) = ask(driver).json()["items"]
    assert isinstance(item["sku"], int)
    assert isinstance(item["quantity"], str)


def test_missing_keys(driver: Driver) -> None:
    """Items are there and empty; with `absent` there are none."""
    driver.spoil("stock", mode="missing_keys")
    assert ask(driver).json()["items"] == [{}]
    driver.spoil("stock", mode="absent")
    assert ask(driver).json()["items"] == []


def test_drip(driver: Driver) -> None:
    """A dripping answer is good, but takes longer than anyone should wait."""
    driver.spoil("stock", mode="drip")
    with (
        httpx.Client(timeout=5) as client,
        client.stream(
            "POST", driver.upstreams["stock"] + PATH, json=BODY, headers={"authorization": "Bearer sandbox"}
        ) as response,
    ):
        pieces = response.iter_raw()
        first, started = next(pieces), time.monotonic()
        next(pieces)
        length = int(response.headers["content-length"])
    assert len(first) <= length // 25
    assert time.monotonic() - started > 0.05
    wait_until_idle(driver)


def test_status(driver: Driver) -> None:
    """A status alone fails every call with it, and says vendor's words that must not reach a shopper."""
    driver.spoil("stock", status=503, retryAfterSeconds=7)
    response = ask(driver)
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert "ORA-12154" in response.text


def test_error_rate(driver: Driver) -> None:
    """About the asked share of calls fails, and the same ones each time that it is set."""
    runs = []
    for _ in range(2):
        driver.spoil("stock", errorRate=0.3)
        runs.append([ask(driver).status_code for _ in range(60)])
    assert runs[0] == runs[1]
    assert 8 <= runs[0].count(500) <= 30


def test_fixed_latency(driver: Driver) -> None:
    """Every call takes at least the latency."""
    driver.spoil("stock", latencyMs=120)
    started = time.perf_counter()
    assert ask(driver).status_code == 200
    assert time.perf_counter() - started >= 0.12


def test_log_normal_latency(driver: Driver) -> None:
    """Half of the calls take less than the median."""
    driver.spoil("stock", latencyLogNormal={"medianMs": 10, "p99Ms": 60})
    for _ in range(30):
        ask(driver)
    durations = sorted(call["durationMs"] for call in driver.state("stock")["log"])
    assert 5 < durations[15] < 40
    assert durations[0] < 10


def test_rate_limit(driver: Driver) -> None:
    """Calls above the rate are told when to come again."""
    driver.spoil("stock", rateLimitPerSecond=2)
    responses = [ask(driver) for _ in range(5)]
    assert [response.status_code for response in responses[:2]] == [200, 200]
    assert responses[-1].status_code == 429
    assert int(responses[-1].headers["retry-after"]) >= 1


def test_only_some_operations(driver: Driver) -> None:
    """Faults may concern some operations and leave the others alone."""
    driver.spoil("loyalty", status=500, operations=["loyalty.history"])
    accounts = driver.call("loyalty", "/v1/accounts/batch", {"language": "ru", "customerIds": []})
    history = driver.call("loyalty", "/v1/history/batch", {"language": "ru", "queries": []})
    assert (accounts.status_code, history.status_code) == (200, 500)


def test_health_fails_too(driver: Driver) -> None:
    """A failing system says so when it is asked how it is."""
    driver.spoil("stock", status=500)
    assert driver.call("stock", "/health").status_code == 500


def test_failed_providers(driver: Driver) -> None:
    """A carrier that does not answer is named, and the other methods remain."""
    driver.spoil("delivery", failedProviders=["COURIER"])
    body = {**CONTEXT, "items": [{"sku": BOOTS_SKU, "to": {"localityId": "msk"}}]}
    (promise,) = driver.ask("delivery", "/v1/promises/batch", **body)["promises"]
    assert promise["failures"] == [{"provider": "Курьер рядом", "code": "TIMEOUT", "retryAfterSeconds": 30}]
    assert "COURIER" not in [it["method"] for it in promise["methods"]]
    assert promise["methods"]


def test_others_are_not_concerned(driver: Driver) -> None:
    """One system's faults are its own."""
    driver.spoil("stock", mode="down")
    driver.spoil("pricing", status=500)
    assert len(driver.products("p-000001")) == 1


@pytest.mark.parametrize(
    ("faults", "about"),
    [
        ({"mode": "sleepy"}, "mode"),
        ({"latency": 5}, "latency"),
        ({"latencyMs": -1}, "latencyMs"),
        ({"errorRate": 2}, "errorRate"),
        ({"status": 200}, "status"),
        ({"rateLimitPerSecond": 0}, "rateLimitPerSecond"),
        ({"latencyLogNormal": {"medianMs": 10, "p99Ms": 5}}, "latencyLogNormal"),
        ({"operations": ["stock.nothing"]}, "operations"),
        ({"failedProviders": ["PIGEON"]}, "failedProviders"),
        ({"failedProviders": ["COURIER"]}, "failedProviders"),
        ([], "object"),
    ],
)
def test_nonsense_is_refused(driver: Driver, faults: object, about: str) -> None:
    """A fault that makes no sense is refused by name, and nothing changes."""
    response = driver.client.put(f"{driver.control}/upstreams/stock/faults", json=faults)
    assert response.status_code == 400
    assert about in response.json()["detail"]
    assert ask(driver).status_code == 200


def test_taken_back(driver: Driver) -> None:
    """Faults of one system can be taken back without a reset of the others."""
    driver.spoil("stock", status=500)
    driver.spoil("pricing", status=500)
    assert driver.client.delete(f"{driver.control}/upstreams/stock/faults").status_code == 204
    assert ask(driver).status_code == 200
    assert driver.state("pricing")["faults"]["status"] == 500
