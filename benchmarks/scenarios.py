"""What is measured, in order of value. Each scenario gives rows of load runs, or facts of its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.harness.rounds import Load, Row, interleave
from benchmarks.harness.servers import Bench, Server
from benchmarks.harness.table import Table
from benchmarks.harness.traffic import Variety, prepare, send

PAGES = ("listing", "product", "home")
MANY = {"listing": 200, "product": 2000, "home": 1}
FEW = {"listing": 25, "product": 200, "home": 1}
CUSTOMERS, REGULARS = 2000, 16
WARMING = Load("listing", Variety(1), 16, 3.0)

Tell = Callable[[Row], None]
Facts = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Effort:
    """How long and how often to measure; which pages and numbers of connections."""

    rounds: int = 3
    seconds: float = 3.0
    connections: tuple[int, ...] = (1, 16, 64)
    pages: tuple[str, ...] = PAGES


@dataclass(frozen=True)
class LoadScenario:
    """Contenders side by side under one kind of requests.

    `questions` different ones are asked in turn by `customers` (0: anonymous). `warms` asks all of it before.
    """

    name: str
    contenders: str
    questions: dict[str, int]
    customers: int
    pages: tuple[str, ...] = PAGES
    warms: bool = False

    def run(self, bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
        pages = [page for page in effort.pages if page in self.pages]
        varieties = {page: Variety(self.questions[page], self.customers) for page in pages}
        contenders = table.named([self.contenders])
        with bench.serving(contenders) as servers:
            warm_up(bench, servers, varieties, is_whole=self.warms)
            loads = [
                Load(page, varieties[page], connections, effort.seconds)
                for page in pages
                for connections in effort.connections
            ]
            return interleave(bench, self.name, servers, loads, effort.rounds, tell)


def warm_up(bench: Bench, servers: Iterable[Server], varieties: dict[str, Variety], *, is_whole: bool) -> None:
    """Let compilers of both kinds and connection pools settle; `is_whole` repeats until caches know everything."""
    for server in servers:
        for page, variety in varieties.items():
            requests = prepare(page, variety, bench.tokens, bench.upstreams.products, seed=1)
            for _ in range(2 if is_whole else 1):
                send(requests, server.address, WARMING.connections, WARMING.seconds, bench.folder)


UNCACHED = LoadScenario("uncached", "headline", MANY, 0)
UNCACHED_SIGNED_IN = LoadScenario("uncached, signed in", "headline", MANY, CUSTOMERS)
UNCACHED_ALL = LoadScenario("uncached, all contenders", "uncached", MANY, 0)
WARM_REGULARS = LoadScenario("warm, regular customers", "warm", FEW, REGULARS, warms=True)
WARM_CUSTOMERS = LoadScenario("warm, varied customers", "warm", MANY, CUSTOMERS, warms=True)
WARM_VISITORS = LoadScenario("warm, visitors", "warm", FEW, 0, warms=True)
ONE_HOT_PAGE = LoadScenario("one hot page", "hot", {page: 1 for page in PAGES}, 0, warms=True)
ENGINES = LoadScenario("our executors and caches", "ours", FEW, 0, warms=True)

LOAD_SCENARIOS = {
    "uncached": UNCACHED,
    "uncached-signed-in": UNCACHED_SIGNED_IN,
    "uncached-all": UNCACHED_ALL,
    "warm-regulars": WARM_REGULARS,
    "warm-customers": WARM_CUSTOMERS,
    "warm-visitors": WARM_VISITORS,
    "hot": ONE_HOT_PAGE,
    "engines": ENGINES,
}


def run_tiles(bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
    """Pages of 1 to 96 tiles, uncached and warm: whether a tile costs the same on a long page."""
    contenders = table.named(["gateway", "gateway-warm", "yoga-jit"])
    with bench.serving(contenders) as servers:
        rows = []
        for tiles in (1, 6, 24, 48, 96):
            variety = Variety(FEW["listing"], 0, tiles)
            warm_up(bench, servers, {"listing": variety}, is_whole=True)
            load = Load("listing", variety, 16, effort.seconds)
            rows += interleave(bench, "tiles", servers, [load], effort.rounds, tell)
        return rows


def run_workers(bench: Bench, table: Table, effort: Effort, tell: Tell) -> list[Row]:
    """One worker and two, free to use both cores, which they share with the load and the upstreams."""
    rows = []
    for round_number in range(effort.rounds):
        for workers in (1, 2):
            more = {"GATEWAY_WORKERS": str(workers)}
            with bench.serving(table.named(["gateway"]), more=more, cores="0,1") as servers:
                variety = Variety(MANY["listing"])
                warm_up(bench, servers, {"listing": variety}, is_whole=False)
                name = f"{workers} worker{'s' if workers > 1 else ''}"
                load = Load("listing", variety, 32, effort.seconds)
                for row in interleave(bench, name, servers, [load], 1, tell):
                    rows.append(replace_round(row, round_number))
    return rows


def replace_round(row: Row, number: int) -> Row:
    import msgspec

    return msgspec.structs.replace(row, round=number)


def spread(values: Sequence[float]) -> float:
    """The median."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


__all__ = ["LOAD_SCENARIOS", "Effort", "Facts", "replace", "run_tiles", "run_workers"]
