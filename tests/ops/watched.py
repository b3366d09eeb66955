"""A gateway with its operations page, over a sandbox, and shoppers that keep it busy."""

import random
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

import httpx

from tests.journeys.pages import BY_NAME
from tests.journeys.shop import Gateway, Sandbox, gateway_settings, running, wait_live

LOCALITIES = ("cty_msk", "cty_spb")
SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Watched:
    """A running gateway, and a client of its operations address."""

    gateway: Gateway
    ops: httpx.Client

    def figures(self, metric: str, **where: str) -> float:
        """The sum of a metric's series with these labels, as Prometheus would scrape them."""
        return sum_of(self.ops.get("/metrics").text, metric, **where)


def sum_of(page: str, metric: str, **where: str) -> float:
    """The sum of a metric's series with these labels on a page of metrics."""
    total = 0.0
    for line in page.splitlines():
        found = SAMPLE.match(line)
        if found and found[1] == metric and where.items() <= dict(LABEL.findall(found[2])).items():
            total += float(found[3])
    return total


@contextmanager
def open_watched(sandbox: Sandbox, **settings: str) -> Iterator[Watched]:
    """Start a gateway with its operations page on a free port; `settings` are further variables."""
    told = gateway_settings(sandbox, GATEWAY_OPS__IS_ENABLED="true", GATEWAY_OPS__PORT="0", **settings)
    with running(["gateway", "serve"], told) as process:
        address, ops = read_addresses(process)
        with httpx.Client(base_url=address, timeout=30) as client, httpx.Client(base_url=ops, timeout=10) as watching:
            wait_live(client, process)
            yield Watched(Gateway(client, process), watching)


def read_addresses(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Where the gateway serves, and where its operations page is; it says both at once, or ends."""
    assert process.stdout
    said = process.stdout.readline() + process.stdout.readline()
    found = re.search(r"serving (http://\S+)/graphql\n.*operations at (http://\S+)/ops", said)
    assert found, f"expected the gateway to say two addresses, got {said!r}"
    return found[1], found[2]


class Shoppers:
    """Visitors who open pages one after the other, the popular products more often, until they are sent home."""

    def __init__(self, gateway: Gateway, pause_s: float = 0.03, seed: int = 7) -> None:
        self._gateway = gateway
        self._pause_s = pause_s
        self._dice = random.Random(seed)
        self._closing = threading.Event()
        self._handles = list_handles(gateway)
        self._thread = threading.Thread(target=self._walk)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.set()
        self._thread.join(30)

    def _walk(self) -> None:
        while not self._closing.wait(self._pause_s):
            with suppress(httpx.HTTPError):
                self._open_page()

    def _open_page(self) -> None:
        name = self._dice.choice(("05_product", "05_product", "05_product", "02_category", "03_search", "01_home"))
        page = BY_NAME[name]
        variables = {**page.variables, "locality": self._dice.choice(LOCALITIES)}
        if name == "05_product":
            place = int(self._dice.paretovariate(0.9)) - 1
            variables |= {"handle": self._handles[place % len(self._handles)], "options": None}
        self._gateway.ask(page.document, variables)


def list_handles(gateway: Gateway) -> list[str]:
    """Handles of products to look at."""
    query = """query Handles {
      category(by: {handle: "obuv-zhenskaya"}) { products(first: 48) { edges { node { handle } } } }
    }"""
    edges = gateway.ask(query).json()["data"]["category"]["products"]["edges"]
    return [edge["node"]["handle"] for edge in edges]
