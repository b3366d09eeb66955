"""Measurements that are no steady load: starting, storms after a purge, an upstream that hangs, memory."""

import asyncio
import json
import statistics
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import orjson

from benchmarks.harness.processes import cpu_s, resident_mb, stop, wait_idle
from benchmarks.harness.servers import UPSTREAM_NAMES, Bench, Server, free_port, wait_ready
from benchmarks.harness.table import Table
from benchmarks.harness.traffic import TILES, Request
from benchmarks.harness.upstreams import NEVER_MS, USUAL_MS
from clients.values import Dataset

Facts = list[dict[str, Any]]
Experiment = Callable[[Bench, Table, int], Facts]

HANGING = "recommendations.blocks"
PATIENCE_S = 5.0
HANGING_PAGES = 6
STORM = 64
WARM_PAGES = 20
FRESH = 50  # no page before was of this listing or a later one
OPS_TOKEN = "bench"  # noqa: S105 -- of a server that lives for a minute on 127.0.0.1
OWN_TIME_LIMITS = {f"GATEWAY_UPSTREAMS__{name.upper()}__TIMEOUT_S": "" for name in UPSTREAM_NAMES}


def measure_start(bench: Bench, table: Table, rounds: int) -> Facts:
    """From the command to the first whole page, nothing warm, and the second page after it."""
    facts = []
    names = ["gateway", "gateway-warm", "yoga-jit", "mercurius", "apollo", "strawberry-tuned", "hand"]
    for contender in table.named(names):
        runs = [start_once(bench, bench.start(contender)) for _ in range(rounds)]
        medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        facts.append({"contender": contender.title, **medians})
    return facts


def start_once(bench: Bench, server: Server) -> dict[str, float]:
    started = time.monotonic()
    try:
        first_s = wait_ready(server, bench.folder)
        until_s = time.monotonic() - started
        used_s = cpu_s(server.pids)
        asked = time.monotonic()
        server.ask(Request("listing", {"query": "q1", "first": TILES}))
        return {
            "until the first page, s": until_s,
            "of which that page, ms": first_s * 1e3,
            "second page, ms": (time.monotonic() - asked) * 1e3,
            "CPU, s": used_s,
            "RSS, MB": resident_mb(server.pids),
        }
    finally:
        stop(server.process)


def measure_storm(bench: Bench, table: Table, rounds: int) -> Facts:
    """64 visitors ask for the same listing in one moment, and no cache has any of it.

    Ours once more after it was warm and an operator purged everything; the
    others cannot be purged from outside.
    """
    names = ["gateway-warm", "yoga-cache", "mercurius-cache", "apollo-cache", "strawberry-cache"]
    with bench.serving(table.named(names)) as servers:
        for server in servers:
            get_going(server)
        facts = [storms(server, [storm_once(bench, server, FRESH + n) for n in range(rounds)]) for server in servers]
    ops = {"IS_ENABLED": "true", "PORT": str(free_port()), "TOKEN": OPS_TOKEN}
    settings = {f"GATEWAY_OPS__{name}": value for name, value in ops.items()}
    with bench.serving(table.named(names[:1]), more=settings) as (server,):
        get_going(server)
        runs = [storm_after_purge(bench, server, FRESH + n, int(ops["PORT"])) for n in range(rounds)]
        facts.insert(1, storms(server, runs, ", after a purge"))
    return facts


def get_going(server: Server) -> None:
    """Some pages, so that compilers and connection pools are there."""
    for page in range(WARM_PAGES):
        server.ask(Request("listing", {"query": f"q{page}", "first": TILES}))


def storms(server: Server, runs: Sequence[dict[str, float]], when: str = "") -> dict[str, Any]:
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {"contender": server.contender.title + when, **medians}


def storm_after_purge(bench: Bench, server: Server, page: int, ops_port: int) -> dict[str, float]:
    """The storm on a page that was known until a moment ago."""
    for _ in range(2):
        server.ask(Request("listing", {"query": f"q{page}", "first": TILES}))
    headers = {"authorization": f"Bearer {OPS_TOKEN}", "x-ops": "1", "content-type": "application/json"}
    body = json.dumps({"tags": [f"dataset:{dataset}" for dataset in Dataset]}).encode()
    purge = urllib.request.Request(f"http://127.0.0.1:{ops_port}/ops/purge", body, headers)
    with urllib.request.urlopen(purge, timeout=10) as answer:  # noqa: S310
        assert json.load(answer)["done"], "the purge was not done"
    return storm_once(bench, server, page)


def storm_once(bench: Bench, server: Server, page: int) -> dict[str, float]:
    wait_idle(server.pids)
    bench.upstreams.forget()
    request = Request("listing", {"query": f"q{page}", "first": TILES})
    took_ms = asyncio.run(at_once(server, [request] * STORM))
    counted = bench.upstreams.counted()
    return {
        "upstream calls": sum(each.calls for each in counted.values()),
        "items asked": sum(each.items for each in counted.values()),
        "answered": len(took_ms),
        "p50, ms": statistics.median(took_ms),
        "slowest, ms": max(took_ms),
    }


async def at_once(server: Server, requests: Sequence[Request]) -> list[float]:
    """Send all requests in one moment; milliseconds of those that became pages."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(request: Request) -> float | None:
            started = time.monotonic()
            async with session.post(server.address, data=request.body.encode()) as answer:
                page = await answer.read()
            return (time.monotonic() - started) * 1e3 if is_page(page) else None

        took = await asyncio.gather(*map(ask, requests))
    return [each for each in took if each is not None]


def is_page(answer: bytes) -> bool:
    return b'"data":' in answer and b'"errors":' not in answer


def measure_hanging(bench: Bench, table: Table, _rounds: int) -> Facts:
    """The recommender takes calls and never answers: when the product page comes, and how much of it.

    Time limits are everybody's own; whoever has none is given up after 5 s.
    """
    facts = []
    names = ["gateway", "gateway-warm", "yoga-jit", "mercurius", "apollo", "strawberry-tuned"]
    with bench.serving(table.named(names), more=OWN_TIME_LIMITS) as servers:
        for server in servers:
            usual = [hang_once(server, number)["ms"] for number in range(HANGING_PAGES)]
            bench.upstreams.set_latencies({HANGING: NEVER_MS})
            try:
                runs = [hang_once(server, FRESH + number) for number in range(HANGING_PAGES)]
            finally:
                bench.upstreams.set_latencies({HANGING: USUAL_MS[HANGING]})
            facts.append(
                {
                    "contender": server.contender.title,
                    "usual p50, ms": statistics.median(usual),
                    "pages asked": len(runs),
                    "pages that came": sum(run["came"] for run in runs),
                    "p50, ms": statistics.median(run["ms"] for run in runs),
                    "slowest, ms": max(run["ms"] for run in runs),
                }
            )
    return facts


def hang_once(server: Server, number: int) -> dict[str, float]:
    """One product page; it came when everything but the shelf of similar products is there."""
    started = time.monotonic()
    try:
        page = orjson.loads(server.ask(Request("product", {"id": f"prd_p-{number + 1:06d}"}), PATIENCE_S))
    except TimeoutError:
        page = {}
    product = (page.get("data") or {}).get("product") or {}
    return {"ms": (time.monotonic() - started) * 1e3, "came": float(bool(product.get("variant")))}


def measure_memory(bench: Bench, table: Table, rounds: int) -> Facts:
    """What one cached entity takes: every product's listing is read once, so an item of an answer is an entity."""
    facts = []
    for _ in range(rounds):
        with bench.serving(table.named(["gateway-warm"])) as (server,):
            get_going(server)
            bench.upstreams.forget()
            before_mb = resident_mb(server.pids)
            for page in range(WARM_PAGES, bench.upstreams.products // TILES):
                server.ask(Request("listing", {"query": f"q{page}", "first": TILES}))
            grown_mb = resident_mb(server.pids) - before_mb
            counted = bench.upstreams.counted()
            entities = sum(each.items for each in counted.values())
            facts.append(
                {
                    "entities": entities,
                    "products": counted["catalogue.products"].items,
                    "grown, MB": grown_mb,
                    "KB per entity": grown_mb * 1024 / entities,
                    "KB per tile of a listing": grown_mb * 1024 / counted["catalogue.products"].items,
                }
            )
    return sorted(facts, key=lambda fact: float(fact["grown, MB"]))[len(facts) // 2 :][:1]


EXPERIMENTS: dict[str, Experiment] = {
    "start": measure_start,
    "storm": measure_storm,
    "hanging": measure_hanging,
    "memory": measure_memory,
}
