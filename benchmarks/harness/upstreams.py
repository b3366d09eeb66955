"""The upstreams of all contenders: `replay.c` over a tape that is recorded from the sandbox once."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.processes import LOAD_CORE, start, stop
from benchmarks.harness.table import BENCHMARKS
from benchmarks.upstream.tape import PRODUCTS as PRODUCTS
from benchmarks.upstream.tape import record

SOURCE = BENCHMARKS / "upstream" / "replay.c"
BUILT = BENCHMARKS / "upstream" / ".built"
USUAL_MS: Mapping[str, float] = {
    "catalogue.products": 15,
    "search.listings": 10,
    "pricing.prices": 30,
    "pricing.products": 30,
    "pricing.promotions": 30,
    "stock.availability": 20,
    "stock.products": 20,
    "stock.locations": 20,
    "loyalty.estimates": 25,
    "loyalty.accounts": 25,
    "recommendations.blocks": 40,
    "delivery.promises": 80,
    "delivery.locations": 10,
    "customers.customers": 10,
}
NEVER_MS = -1.0


@dataclass(frozen=True)
class Counted:
    """Calls and the items in their answers."""

    calls: int
    items: int


@dataclass(frozen=True)
class Upstreams:
    """The running replay."""

    address: str
    products: int

    @property
    def skus(self) -> int:
        """How many stock-keeping units the catalogue has."""
        return self.products // PRODUCTS * recorded_skus()

    def ask(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.address}{path}", timeout=10) as answer:  # noqa: S310 -- 127.0.0.1
            text: str = answer.read().decode()
            return text

    def set_latencies(self, latencies_ms: Mapping[str, float]) -> None:
        """Set some endpoints' latencies; `NEVER_MS` lets one hang."""
        self.ask("/control/latency?" + "&".join(f"{name}={ms}" for name, ms in latencies_ms.items()))

    def forget(self) -> None:
        """Begin to count anew."""
        self.ask("/control/reset")

    def counted(self) -> dict[str, Counted]:
        """What was asked since `forget`, by endpoint; only what was asked at all."""
        told = json.loads(self.ask("/control/stats"))
        return {name: Counted(**each) for name, each in told.items() if each["calls"]}


def ready_tape() -> Path:
    """The tape and, beside it, the key that signs tokens; recorded on the first run."""
    tape = BUILT / "shop.tape"
    if not tape.exists():
        BUILT.mkdir(exist_ok=True)
        print("recording the sandbox's answers ...", flush=True)
        record(tape)
    return tape


def recorded_skus() -> int:
    """How many stock-keeping units are on the tape."""
    return ready_tape().read_bytes().count(b"availability|")


def build() -> Path:
    BUILT.mkdir(exist_ok=True)
    program = BUILT / "replay"
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-o", str(program), str(SOURCE)], check=True)
    return program


@contextmanager
def open_upstreams(products: int = 12 * PRODUCTS) -> Iterator[Upstreams]:
    """Run the replay on a free port with the usual latencies; `products` is a multiple of the recorded number."""
    words = [str(build()), "0", str(ready_tape()), str(products)]
    log = BUILT / "replay.log"
    process = start(words, BENCHMARKS, {}, log, str(LOAD_CORE))
    try:
        opened = Upstreams(read_address(log, process), products)
        opened.set_latencies(USUAL_MS)
        yield opened
    finally:
        stop(process)


def read_address(log: Path, process: subprocess.Popen[bytes], limit_s: float = 30.0) -> str:
    """Wait for the address that the replay prints when it is ready."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"at (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"expected the replay to print its address, got {log.read_text()!r}")
