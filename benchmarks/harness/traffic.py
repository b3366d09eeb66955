"""What is sent: whole requests, prepared beforehand, and wrk that sends them in turn."""

import json
import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.harness.processes import LOAD_CORE
from benchmarks.harness.table import BENCHMARKS

PAGES = BENCHMARKS / "pages"
SCRIPT = BENCHMARKS / "harness" / "send.lua"
TILES = 24


@dataclass(frozen=True)
class Request:
    """One page request; `token` is empty for an anonymous visitor."""

    page: str
    variables: dict[str, Any]
    token: str = ""

    @property
    def body(self) -> str:
        return json.dumps({"query": document_of(self.page), "variables": self.variables})


def document_of(page: str) -> str:
    return (PAGES / f"{page}.graphql").read_text()


@dataclass(frozen=True)
class Variety:
    """How much requests differ: so many listings or products in turn, asked for by so many customers.

    `customers` 0 is an anonymous visitor. `are_regulars` if each of them asks for the same in every round.
    """

    questions: int
    customers: int = 0
    tiles: int = TILES
    are_regulars: bool = False


def prepare(page: str, variety: Variety, tokens: Sequence[str], products: int, seed: int) -> list[Request]:
    """Requests in a random but repeatable order; every question and every customer comes as often as another."""
    count = max(variety.questions, variety.customers, 1)
    questions = [index % variety.questions for index in range(count)]
    customers = [tokens[index % variety.customers] if variety.customers else "" for index in range(count)]
    random.Random(0 if variety.are_regulars else seed).shuffle(customers)  # noqa: S311 -- repeatable on purpose
    pairs = list(zip(questions, customers, strict=True))
    random.Random(seed).shuffle(pairs)  # noqa: S311 -- repeatable on purpose
    step = max(1, products // variety.questions)
    return [Request(page, variables_of(page, question, step, variety.tiles), token) for question, token in pairs]


def variables_of(page: str, question: int, step: int, tiles: int) -> dict[str, Any]:
    """The variables of one question; products lie evenly over the catalogue."""
    if page == "listing":
        return {"query": f"q{question}", "first": tiles}
    return {"id": f"prd_p-{1 + question * step:06d}"} if page == "product" else {}


class Sent(msgspec.Struct, frozen=True):
    """What wrk saw: whole answers, how many were not a page, seconds, and latencies in ms."""

    requests: int
    bad: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def good(self) -> int:
        return self.requests - self.bad


def send(requests: Sequence[Request], address: str, connections: int, seconds: float, folder: Path) -> Sent:
    """Send the requests in turn, over and over; runs on the core of the load."""
    file = folder / "requests.txt"
    file.write_text("".join(f"{each.token}\t{each.body}\n" for each in requests))
    words = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    ran = subprocess.run(
        [*words, "--timeout", "20s", "-s", str(SCRIPT), address],
        env={**os.environ, "REQUESTS": str(file)},
        capture_output=True,
        text=True,
        check=True,
    )
    return msgspec.json.decode(ran.stdout.rpartition("SENT ")[2], type=Sent)
