"""Steady loads: who is asked what, by how many, and what is remembered from before."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from benchmarks.harness.rounds import Load, Row, interleave
from benchmarks.harness.servers import Bench, Server
from benchmarks.harness.table import Table
from benchmarks.harness.traffic import Variety, prepare, send

PAGES = ("listing", "product", "home")
MANY = {"listing": 200, "product": 2000, "home": 1}
FEW = {"listing": 25, "product": 200, "home": 1}
ONE = {"listing": 1, "product": 1, "home": 1}
CUSTOMERS, REGULARS = 2000, 16
WARM_CONNECTIONS = 16
TILE_COUNTS = (1, 6, 24, 48, 96)
LEAD_S = 1.0
"""While others were measured, a warm server's values have grown older: it is asked so long before it is measured."""

Tell = Callable[[Row], None]


@dataclass(frozen=True)
class Effort:
    """How long and how often to measure, and to warm up before; which pages and numbers of connections."""

    rounds: int = 3
    seconds: float = 3.0
    warm_s: float = 3.0
    connections: tuple[int, ...] = (1, 16, 64)
    pages: tuple[str, ...] = PAGES


Scenario = Callable[[Bench, Table, Effort, Tell], list[Row]]


@dataclass(frozen=True)
class SteadyLoad:
    """Contenders side by side under one kind of requests.

    `questions` different ones are asked in turn by `customers` (0: anonymous). `is_warm`: caches
    have been asked such before; all of it just before if there is a `lead_s`.
    """

    name: str
    contenders: str
    questions: Mapping[str, int]
    customers: int = 0
    is_warm: bool = False
    lead_s: float = 0.0

    def __call__(self, bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
        varieties = {
            page: Variety(self.questions[page], self.customers, are_regulars=self.lead_s > 0) for page in effort.pages
        }
        with bench.serving(table.named([self.contenders])) as servers:
            warm_up(bench, servers, varieties, 2 * effort.warm_s if self.is_warm else effort.warm_s)
            loads = [
                Load(page, variety, connections, effort.seconds, self.lead_s)
                for page, variety in varieties.items()
                for connections in effort.connections
            ]
            return interleave(bench, self.name, servers, loads, effort.rounds, tell)


def warm_up(bench: Bench, servers: Iterable[Server], varieties: Mapping[str, Variety], seconds: float) -> None:
    """Let compilers of both kinds, connection pools and caches settle."""
    for server in servers:
        for page, variety in varieties.items():
            requests = prepare(page, variety, bench.tokens, bench.upstreams.products, seed=1)
            send(requests, server.address, WARM_CONNECTIONS, seconds, bench.folder)


def run_tiles(bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
    """Listings of 1 to 96 tiles, uncached and warm: whether a tile costs the same on a long page."""
    rows = []
    with bench.serving(table.named(["gateway", "gateway-warm", "yoga-jit"])) as servers:
        for tiles in TILE_COUNTS:
            variety = Variety(FEW["listing"], 0, tiles)
            warm_up(bench, servers, {"listing": variety}, 2 * effort.warm_s)
            load = Load("listing", variety, WARM_CONNECTIONS, effort.seconds)
            rows += interleave(bench, "tiles", servers, [load], effort.rounds, tell)
    return rows


def run_workers(bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
    """One worker and two, free to use both cores, which they share with the load and the upstreams."""
    rows: list[Row] = []
    variety = Variety(MANY["listing"])
    for number in range(effort.rounds):
        for workers in (1, 2):
            settings = {"GATEWAY_WORKERS": str(workers)}
            with bench.serving(table.named(["gateway"]), more=settings, cores="0,1") as servers:
                warm_up(bench, servers, {"listing": variety}, effort.warm_s)
                load = Load("listing", variety, 2 * WARM_CONNECTIONS, effort.seconds)
                measured = interleave(bench, f"{workers} of our workers", servers, [load], 1, tell)
                rows += (msgspec.structs.replace(row, round=number) for row in measured)
    return rows


def run_sizes(bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
    """The whole of the bench's catalogue, product by product in listings: whether its size costs anything."""
    variety = Variety(bench.upstreams.products // 24)
    with bench.serving(table.named(["gateway", "gateway-warm"])) as servers:
        warm_up(bench, servers, {"listing": variety}, effort.warm_s)
        load = Load("listing", variety, WARM_CONNECTIONS, effort.seconds)
        name = f"{bench.upstreams.skus:,} SKUs"
        return interleave(bench, name, servers, [load], effort.rounds, tell)


UNCACHED = SteadyLoad("uncached", "headline", MANY)
WARM_REGULARS = SteadyLoad("warm, regular customers", "warm", FEW, REGULARS, is_warm=True, lead_s=LEAD_S)
HOT = SteadyLoad("one hot page", "hot", ONE, is_warm=True, lead_s=LEAD_S)
HOT_OF_ONE = SteadyLoad("one hot page", "hot", ONE, 1, is_warm=True, lead_s=LEAD_S)


def run_quick(bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
    """The headline in a few minutes: all pages uncached by the best of each kind, the listing warm and hot."""
    brief = replace(effort, rounds=2, seconds=2.0, warm_s=1.5, connections=(64,))
    listing, others = replace(brief, pages=("listing",)), replace(brief, pages=("product", "home"))
    quick = replace(listing, rounds=5)
    return [
        *UNCACHED(bench, table, listing, tell),
        *replace(UNCACHED, contenders="brief")(bench, table, others, tell),
        *replace(WARM_REGULARS, contenders="brief-warm")(bench, table, quick, tell),
        *replace(HOT_OF_ONE, contenders="brief-warm")(bench, table, quick, tell),
        *replace(HOT, contenders="brief-hot")(bench, table, quick, tell),
    ]


SCENARIOS: dict[str, Scenario] = {
    "quick": run_quick,
    "uncached": UNCACHED,
    "uncached-signed-in": SteadyLoad("uncached", "signed-in", MANY, CUSTOMERS),
    "uncached-all": SteadyLoad("uncached, everybody", "uncached", MANY),
    "warm-regulars": WARM_REGULARS,
    "warm-customers": SteadyLoad("warm, varied customers", "warm", MANY, CUSTOMERS, is_warm=True),
    "warm-visitors": SteadyLoad("warm, visitors", "warm", FEW, is_warm=True, lead_s=LEAD_S),
    "hot": HOT,
    "hot-signed-in": HOT_OF_ONE,
    "engines": SteadyLoad("our executors and caches", "ours", FEW, is_warm=True),
    "tiles": run_tiles,
    "workers": run_workers,
    "sizes": run_sizes,
}
