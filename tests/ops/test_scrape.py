"""A real Prometheus scrapes a real gateway with two workers."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.telemetry.vocabulary import METRICS
from tests.journeys.shop import Sandbox
from tests.ops.collector import open_collector
from tests.ops.watched import Watched, open_watched

pytestmark = pytest.mark.sockets
PROMETHEUS = shutil.which("prometheus")
WITHIN_S = 30.0
TOKEN = "a token of tests"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture(scope="module")
def watched(sandbox: Sandbox) -> Iterator[Watched]:
    with open_collector() as collector:
        traced = {"GATEWAY_TELEMETRY__TRACES_URL": f"{collector.address}/v1/traces"}
        with open_watched(sandbox, GATEWAY_WORKERS="2", GATEWAY_OPS__TOKEN=TOKEN, **traced) as opened:
            opened.ops.headers["authorization"] = f"Bearer {TOKEN}"
            yield opened


def ask_until_both_answered(watched: Watched) -> None:
    """New connections, until each worker has taken some of them."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        with httpx.Client(base_url=watched.gateway.client.base_url) as client:
            for _ in range(4):
                client.post("/graphql", json={"query": "query Alive { __typename }"}, headers=SAMPLED)
        if all(watched.figures("gateway_operations_total", worker=worker) for worker in "01"):
            return
    raise AssertionError("expected both workers to answer something")


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[httpx.Client]:
    """Run Prometheus over one target until the block ends; gives a client of its API."""
    assert PROMETHEUS
    (folder / "token").write_text(TOKEN)
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: gateway\n"
        f"    authorization: {{credentials_file: {folder / 'token'}}}\n"
        f'    static_configs: [{{targets: ["{target}"]}}]\n'
    )
    command = [
        PROMETHEUS,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--enable-feature=exemplar-storage",
    ]
    log = folder / "log"
    with log.open("w") as lines, subprocess.Popen(command, stderr=lines, stdout=lines) as process:
        try:
            yield httpx.Client(base_url=f"http://127.0.0.1:{find_port(log)}")
        finally:
            process.terminate()


def find_port(log: Path) -> str:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if found := re.search(r'[Ll]istening on" address=127\.0\.0\.1:(\d+)', log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"expected Prometheus to listen, got: {log.read_text()[-500:]}")


def query(client: httpx.Client, expression: str) -> list[dict[str, Any]]:
    answer: dict[str, Any] = client.get("/api/v1/query", params={"query": expression}).json()
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


@pytest.mark.skipif(PROMETHEUS is None, reason="needs prometheus (Debian: apt-get install prometheus)")
def test_prometheus_scrapes_both_workers(watched: Watched, tmp_path: Path) -> None:
    """The target is up with its token, and holds both workers' series and exemplars, of documented metrics only."""
    ask_until_both_answered(watched)
    with prometheus(tmp_path, watched.ops.base_url.netloc.decode()) as client, client:
        deadline = time.monotonic() + WITHIN_S
        while not query(client, "gateway_operations_total"):
            assert time.monotonic() < deadline, query(client, "up")
            time.sleep(0.5)
        assert [sample["value"][1] for sample in query(client, "up")] == ["1"]
        workers = {sample["metric"]["worker"] for sample in query(client, "gateway_operations_total")}
        assert workers == {"0", "1"}
        asked = {"query": "gateway_operation_duration_seconds_bucket", "start": "0", "end": f"{time.time() + 60:.0f}"}
        traced = client.get("/api/v1/query_exemplars", params=asked).json()["data"]
        assert {found["seriesLabels"]["worker"] for found in traced} == {"0", "1"}
        assert {each["labels"]["trace_id"] for found in traced for each in found["exemplars"]} == {TRACE}
        names = set(client.get("/api/v1/label/__name__/values").json()["data"])
        ours = {re.sub(r"_(count|sum|bucket)$", "", n) if n not in METRICS else n for n in names}
        assert {n for n in ours if n.startswith(("gateway_", "process_"))} <= METRICS.keys()


def test_any_worker_tells_of_all(watched: Watched) -> None:
    """Whichever worker takes the scrape, the figures are those of both."""
    ask_until_both_answered(watched)
    seen = {watched.figures("gateway_operations_total", operation="Alive") for _ in range(6)}
    assert len(seen) == 1


def test_a_purge_reaches_every_worker(watched: Watched) -> None:
    """What is purged on the page is purged in both."""
    answer = watched.ops.post("/ops/purge", json={"tags": ["dataset:price"]}, headers={"x-ops": "1"})
    assert answer.json() == {"done": 2, "of": 2, "notes": []}
    assert [watched.figures("gateway_cache_purged_tags_total", worker=worker) for worker in "01"] == [1, 1]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/ops/purge", {"tags": ["nonsense"]}, 400, "expected a tag kind:id"),
        ("/ops/purge", {"tags": []}, 400, "Expected a tag"),
        ("/ops/purge", {"tags": 7}, 400, "Expected a JSON body"),
        ("/ops/breakers", {"source": "PRICING", "operation": "x", "state": "ajar"}, 400, "Expected state to be one of"),
        ("/ops/breakers", {"source": "NOBODY", "operation": "x", "state": "open"}, 400, "Expected a JSON body"),
    ],
)
def test_nonsense_is_refused_in_words(watched: Watched, path: str, body: Any, status: int, said: str) -> None:
    """A wrong order says what was expected."""
    answer = watched.ops.post(path, json=body, headers={"x-ops": "1"})
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_orders_need_the_page(watched: Watched) -> None:
    """Without the header that only our page sends, and without the token, nothing is done."""
    assert watched.ops.post("/ops/purge", json={"tags": ["dataset:price"]}).status_code == 403
    stranger = httpx.post(f"{watched.ops.base_url}/ops/purge", json={"tags": ["dataset:price"]}, headers={"x-ops": "1"})
    assert stranger.status_code == 401


def test_a_killed_worker_is_replaced_under_its_number(watched: Watched) -> None:
    """After a worker was killed, two workers answer again, and the figures are of both."""
    parent = watched.gateway.process.pid
    children = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    os.kill(children[0], signal.SIGKILL)
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        try:
            page = watched.ops.get("/metrics").text
        except httpx.TransportError:
            continue
        if all(f'process_start_time_seconds{{worker="{worker}"}}' in page for worker in "01"):
            now = {int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()}
            if len(now) == 2 and children[0] not in now:
                return
        time.sleep(0.2)
    raise AssertionError("expected two workers again")
