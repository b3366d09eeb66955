"""Every page, while any one system fails in any way: in time, and without that system's fields at most.

A choice of pages per system and fault runs with the tests; `FAULT_MATRIX=whole` runs every page, and
`FAULT_MATRIX=remembered` the same choice with the cache on, which takes some minutes: what is remembered may stand in,
what was kept for seconds only is asked anew.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.pages import BRIDGED, PAGES, Page, is_bridged, leaves
from tests.journeys.shop import ROOT, Gateway, Sandbox, open_gateway, read_line

# Systems that are well must answer within OWN_S, so nothing may run beside these.
pytestmark = pytest.mark.alone

DEADLINE_S, GRACE_S, OWN_S, SHORT_S = 0.8, 0.05, 0.5, 0.48
FORGETTING_S = 11.0
"""After so long stock and what one customer pays are asked anew; memory stands in when that fails."""
PAUSE_S = 1.05
"""For so long a throttling system is left alone: a second, and a little for the way."""
IS_WHOLE = os.environ.get("FAULT_MATRIX") == "whole"
REMEMBERS = os.environ.get("FAULT_MATRIX") == "remembered"
# What each fault is called.
CODES: dict[str, set[str]] = {
    "refuse": {"UNAVAILABLE"},
    "hang": {"TIMEOUT"},
    "slow": {"TIMEOUT"},
    "500": {"UNAVAILABLE"},
    "truncated": {"UNAVAILABLE"},
    "wrong content type": {"INVALID_RESPONSE"},
    "100 MB": {"INVALID_RESPONSE"},
    "invalid JSON": {"INVALID_RESPONSE"},
    "wrong shape": {"INVALID_RESPONSE"},
    "reset mid-body": {"UNAVAILABLE"},
    "drip": {"TIMEOUT"},
    "gzip bomb": {"INVALID_RESPONSE"},
    "redirect": {"INVALID_RESPONSE"},
    "Set-Cookie": set(),
    "idle closed": set(),
    "flapping": {"UNAVAILABLE"},
    "503 as throttle": {"UNAVAILABLE"},
    "429": {"THROTTLED"},
    "429 without Retry-After": {"THROTTLED"},
}
NOW_AND_THEN = {"slow", "flapping"}
LEAKS = ("10.0.0.5", "token", "127.0.0.1", "Traceback", "site-packages", "<html")


@dataclass
class Lines:
    """The lines to all upstreams, and what they saw."""

    process: subprocess.Popen[str]
    addresses: dict[str, str]
    told: dict[str, Any] = field(default_factory=dict)

    def order(self, order: str) -> dict[str, Any]:
        """Set a mode (`DOMAIN MODE`) or only ask; returns what was seen so far."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        self.told = json.loads(self.process.stdout.readline())
        return self.told


@contextmanager
def open_lines(sandbox: Sandbox) -> Iterator[Lines]:
    """Put a line before each upstream of a sandbox."""
    command = [sys.executable, "-m", "tests.journeys.line", json.dumps(sandbox.addresses)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield Lines(process, json.loads(read_line(process, r"(\{.*\})")))
        process.terminate()


@dataclass
class Matrix:
    """A gateway without memory behind bad lines, how its pages should be, and the count of what was tried."""

    gateway: Gateway
    lines: Lines
    token: str
    healthy: dict[str, Any] = field(default_factory=dict)
    users: dict[str, list[Page]] = field(default_factory=dict)
    cases: int = 0
    failures: list[str] = field(default_factory=list)
    latest_s: float = 0.0

    def ask(self, page: Page, deadline_s: float = DEADLINE_S) -> tuple[dict[str, Any], float]:
        """A page within its deadline, and how long it took beside what this machine kept us waiting."""
        headers = {"authorization": f"Bearer {self.token}", "x-request-deadline-ms": str(int(deadline_s * 1000))}
        processes = [self.gateway.process.pid, self.lines.process.pid, os.getpid()]
        waited, began = waited_for_cpu_s(processes), time.monotonic()
        body = {"query": page.document, "variables": page.variables}
        answer = self.gateway.client.post("/graphql", json=body, headers=headers)
        took_s = time.monotonic() - began - (waited_for_cpu_s(processes) - waited)
        assert answer.status_code == 200, answer.text
        return answer.json(), took_s

    def learn(self) -> None:
        """See every page in health, and which systems it asks."""
        for page in PAGES * 2:
            before = self.lines.order("told")["calls"]
            body, _ = self.ask(page)
            assert "errors" not in body, (page.name, body["errors"])
            self.healthy[page.name] = body["data"]
            after = self.lines.order("told")["calls"]
            for domain in after:
                known = self.users.setdefault(domain, [])
                if after[domain] > before[domain] and page not in known:
                    known.append(page)

    def chosen(self, domain: str, fault: str) -> list[Page]:
        """The pages to try: all of them, or one that asks the system, another one for each fault."""
        number, users = list(CODES).index(fault), self.users[domain] or PAGES
        if IS_WHOLE:
            return PAGES
        # Throttling is waited out after each system, so every other system is throttled in each of the two ways.
        is_spared = CODES[fault] == {"THROTTLED"} and (list(self.lines.addresses).index(domain) + number) % 2
        return [] if is_spared else [users[number % len(users)]]

    def note(self, said: str) -> None:
        """Count a case and what was wrong with it, if anything."""
        self.cases += 1
        if said:
            self.failures.append(said)


def waited_for_cpu_s(processes: list[int]) -> float:
    """How long these were ready to run and got no processor (proc(5), schedstat): the machine may be busy."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in processes) / 1e9


@pytest.fixture(scope="module")
def matrix(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """All is well at first; the count is printed at the end."""
    sandbox.reset()
    with open_lines(sandbox) as lines:
        settings = {f"GATEWAY_UPSTREAMS__{name.upper()}__URL": url for name, url in lines.addresses.items()}
        for name in lines.addresses:
            settings[f"GATEWAY_UPSTREAMS__{name.upper()}__TIMEOUT_S"] = str(OWN_S)
            settings[f"GATEWAY_UPSTREAMS__{name.upper()}__HAS_BREAKER"] = "false"
        with open_gateway(sandbox, GATEWAY_CACHE__IS_ENABLED=str(REMEMBERS).lower(), **settings) as gateway:
            tried = Matrix(gateway, lines, sandbox.token("cust-anna"))
            tried.learn()
            yield tried
            print_count(tried, request)


def print_count(matrix: Matrix, request: pytest.FixtureRequest) -> None:
    """Tell how much was tried, although pytest keeps output to itself."""
    said = f"{matrix.cases} cases (page x system x fault), {len(matrix.failures)} failures"
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{said}, the latest answer after {matrix.latest_s:.3f} s of {DEADLINE_S} s")


@pytest.mark.parametrize("fault", CODES)
def test_a_page_answers_in_time_whatever_one_system_does(matrix: Matrix, fault: str) -> None:
    """200 within the deadline and 50 ms; errors of that system alone and of the right kind; null only below them."""
    found = []
    if REMEMBERS:
        time.sleep(FORGETTING_S)
    for domain in matrix.lines.addresses:
        seen: Counter[str] = Counter()
        pages = matrix.chosen(domain, fault)
        if not pages:
            continue
        matrix.lines.order(f"{domain} {fault}")
        for page in pages:
            body, took_s = matrix.ask(page)
            seen.update(error["extensions"]["code"] for error in body.get("errors", ()))
            matrix.latest_s = max(matrix.latest_s, took_s)
            said = objection(domain, matrix.healthy[page.name], body, took_s - DEADLINE_S)
            matrix.note(said)
            found += [f"{page.name}, {domain}, {fault}: {said}"] if said else []
        matrix.lines.order(f"{domain} ok")
        if CODES[fault] == {"THROTTLED"}:
            time.sleep(PAUSE_S)
        expected = set() if domain in BRIDGED else CODES[fault]
        if not (set(seen) <= expected if REMEMBERS or fault in NOW_AND_THEN else set(seen) == expected):
            found.append(f"{domain}, {fault}: expected {expected}, got {dict(seen)}")
    assert found == []


def objection(domain: str, healthy: Any, body: dict[str, Any], late_s: float) -> str:
    """What is wrong with an answer; nothing when nothing is."""
    errors = body.get("errors", ())
    if late_s > GRACE_S:
        return f"came {late_s:.3f} s late"
    if body.get("data") is None:
        return f"has no data: {errors}"
    if {error["extensions"].get("source") for error in errors} - {domain.upper()}:
        return f"blames others: {errors}"
    if any(leak in str(errors) for leak in LEAKS):
        return f"tells too much: {errors}"
    return lost_elsewhere(domain, healthy, body)


def lost_elsewhere(domain: str, healthy: Any, body: dict[str, Any]) -> str:
    """What a healthy page has, this one has not, and no error explains."""
    told = [tuple(error["path"]) for error in body.get("errors", ())]
    here = leaves(body["data"])
    nulls = [path for path, value in here.items() if value is None]
    for path, value in leaves(healthy).items():
        if value is None or here.get(path) is not None or is_bridged(domain, path):
            continue
        if domain == "catalogue" and is_left_out(path, body["data"]):
            continue
        null = next((at for at in nulls if path[: len(at)] == at), None)
        if null is None or not any(at[: len(null)] == null for at in told):
            return f"lost {path}, errors at {told}"
    return ""


def is_left_out(path: tuple[str | int, ...], here: Any) -> bool:
    """Whether a list has become shorter: goods of which the catalogue told nothing are left out, the rest is shown."""
    for step in path:
        if isinstance(here, list) and isinstance(step, int):
            if not 0 <= step < len(here):
                return bool(here)
            here = here[step]
        else:
            here = (here or {}).get(step)
    return False


def test_a_page_with_less_time_than_its_systems_take_is_written_in_time(matrix: Matrix) -> None:
    """A client that asks for less time than a hanging system is given gets the page all the same, and in its time."""
    found = []
    for domain in matrix.lines.addresses:
        matrix.lines.order(f"{domain} hang")
        page = matrix.chosen(domain, "hang")[0]
        body, took_s = matrix.ask(page, SHORT_S)
        said = objection(domain, matrix.healthy[page.name], body, took_s - SHORT_S)
        matrix.note(said)
        found += [f"{page.name}, {domain}: {said}"] if said else []
        matrix.lines.order(f"{domain} ok")
        time.sleep(OWN_S)  # so long goes on, for others, the load that this page gave up
    assert found == []


def test_nothing_was_carried_away(matrix: Matrix) -> None:
    """After all of it no call has brought a cookie, nobody has followed the redirect, and every page is whole again."""
    for page in PAGES:
        body, _ = matrix.ask(page)
        assert "errors" not in body, (page.name, body["errors"])
    seen = matrix.lines.order("told")
    assert (seen["cookies"], seen["reached"]) == (0, 0)
