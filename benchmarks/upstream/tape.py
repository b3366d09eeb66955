"""Record what the sandbox answers, key by key, for `replay.c` to answer in its place.

The tape is one file: a line `TAPE <products> <fragments>`, then for every fragment a line `<key> <bytes>` and
the bytes. Keys are those that `replay.c` asks for; tiers are the anonymous visitor (0) and four customers.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

ROOT = Path(__file__).parents[2]
PRODUCTS = 400
CUSTOMERS = (None, "cust-anna", "cust-boris", "cust-vera", "cust-daria")
CONTEXT = {"localityId": "msk", "channel": "WEB", "currency": "RUB", "language": "ru"}
LOCATIONS_SHOWN, SIMILAR_SHOWN, HOME_SHOWN = 6, 8, 12
START_S = 60.0

Json = dict[str, Any]


@dataclass
class Tape:
    """Fragments by key. `asked` sends one request of a contract to the sandbox."""

    addresses: dict[str, str]
    fragments: dict[str, bytes] = field(default_factory=dict)

    def asked(self, upstream: str, path: str, body: Json) -> Json:
        request = urllib.request.Request(  # noqa: S310 -- the sandbox, on this machine
            f"{self.addresses[upstream]}{path}",
            json.dumps(body).encode(),
            {"content-type": "application/json", "authorization": "Bearer sandbox"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            told: Json = json.load(answer)
        return told

    def keep(self, key: str, value: Any) -> None:
        """Keep one fragment; addresses of pictures lose the port, which differs from run to run."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text = text.replace(self.addresses["catalogue"], "https://media.shop.example")
        self.fragments[key] = text.encode()

    def write(self, file: Path) -> None:
        part = file.with_suffix(".part")
        with part.open("wb") as out:
            out.write(b"TAPE %d %d\n" % (PRODUCTS, len(self.fragments)))
            for key, fragment in self.fragments.items():
                out.write(b"%s %d\n" % (key.encode(), len(fragment)))
                out.write(fragment)
        part.replace(file)


@dataclass(frozen=True)
class Recorded:
    """A product of the sandbox as later questions need it."""

    number: int
    id: str
    skus: tuple[str, ...]


def sku_key(sku: str) -> str:
    """`LUM-000017-03` as the number of its product and its own."""
    _, number, variant = sku.split("-")
    return f"{int(number)}|{int(variant)}"


def number_of(product_id: str) -> int:
    return int(product_id.removeprefix("p-"))


def parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def record(file: Path) -> None:
    """Start a sandbox, ask it for everything and write the tape."""
    with sandbox_addresses() as addresses:
        tape = Tape(addresses)
        products = record_products(tape)
        skus = [sku for product in products for sku in product.skus]
        record_prices(tape, products, skus)
        record_stock(tape, products, skus)
        record_customers(tape)
        record_shelves(tape, products)
        record_promises(tape, skus)
    record_key(tape, file.with_suffix(".key.json"))
    tape.write(file)


def record_products(tape: Tape) -> list[Recorded]:
    found = []
    ids = [f"p-{number:06d}" for number in range(1, PRODUCTS + 1)]
    for some in parts(ids, 500):
        asked = {"language": "ru", "ids": some, "handles": [], "skus": []}
        for product in tape.asked("catalogue", "/v1/products/batch", asked)["products"]:
            product["handle"] = re.sub(r"\d+$", lambda digits: f"{int(digits[0]):06d}", product["handle"])
            tape.keep(f"product|{number_of(product['id'])}", product)
            skus = tuple(variant["sku"] for variant in product["variants"])
            found.append(Recorded(number_of(product["id"]), product["id"], skus))
    query = {**CONTEXT, "queries": [{"text": "платье", "first": 1}]}
    tape.keep("facets", tape.asked("search", "/v1/listings/batch", query)["listings"][0]["facets"])
    return found


def record_prices(tape: Tape, products: Sequence[Recorded], skus: Sequence[str]) -> None:
    promotions = tape.asked("pricing", "/v1/promotions/batch", {**CONTEXT, "customerId": None, "ids": None})
    order = [promotion["id"] for promotion in promotions["promotions"]]
    for place, promotion in enumerate(promotions["promotions"]):
        tape.keep(f"promotion|{place}", promotion)
    for tier, customer in enumerate(CUSTOMERS):
        asker = {**CONTEXT, "customerId": customer}
        for some in parts(skus, 1000):
            items = [{"sku": sku, "quantity": 1} for sku in some]
            for price in tape.asked("pricing", "/v1/prices/batch", {**asker, "items": items})["prices"]:
                tape.keep(f"price|{tier}|{sku_key(price['sku'])}", price)
            for estimate in tape.asked("loyalty", "/v1/estimates/batch", {**asker, "items": items})["estimates"]:
                tape.keep(f"estimate|{tier}|{sku_key(estimate['sku'])}", estimate)
        for several in parts(products, 200):
            for price in tape.asked("pricing", "/v1/products/batch", {**asker, "products": named(several)})["products"]:
                number = number_of(price["id"])
                tape.keep(f"range|{tier}|{number}", price)
                tape.keep(f"promotions_of|{tier}|{number}", sum(1 << order.index(i) for i in price["promotionIds"]))


def named(products: Iterable[Recorded]) -> list[Json]:
    return [{"id": product.id, "skus": product.skus} for product in products]


def record_stock(tape: Tape, products: Sequence[Recorded], skus: Sequence[str]) -> None:
    for some in parts(skus, 1000):
        for item in tape.asked("stock", "/v1/availability/batch", {**CONTEXT, "skus": some})["items"]:
            tape.keep(f"availability|{sku_key(item['sku'])}", item)
    for several in parts(products, 200):
        for product in tape.asked("stock", "/v1/products/batch", {**CONTEXT, "products": named(several)})["products"]:
            tape.keep(f"in_stock|{number_of(product['id'])}", product)
    locations: set[str] = set()
    for some in parts(skus, 20):
        queries = [{"sku": sku, "first": LOCATIONS_SHOWN, "inStockOnly": True} for sku in some]
        told = tape.asked("stock", "/v1/locations/batch", {**CONTEXT, "queries": queries})["results"]
        for sku, page in zip(some, told, strict=True):
            locations |= {entry["locationId"] for entry in page["entries"]}
            tape.keep(f"stock_at|{sku_key(sku)}", page)
    asked = {"language": "ru", "ids": sorted(locations)}
    for location in tape.asked("delivery", "/v1/locations/batch", asked)["locations"]:
        tape.keep(f"location|{location['id']}", location)


def record_customers(tape: Tape) -> None:
    """The account and the profile of every tier, under a number in place of the name."""
    for tier, customer in enumerate(CUSTOMERS):
        if customer is None:
            continue
        account = tape.asked("loyalty", "/v1/accounts/batch", {"language": "ru", "customerIds": [customer]})["accounts"]
        profile = tape.asked("customers", "/v1/customers/batch", {"ids": [customer]})["customers"]
        for each in account:
            tape.keep(f"account|{tier}", {**each, "customerId": "cust-000000", "id": "acc-000000"})
        for each in profile:
            tape.keep(f"customer|{tier}", {**each, "id": "cust-000000"})


def record_shelves(tape: Tape, products: Sequence[Recorded]) -> None:
    for tier, customer in enumerate(CUSTOMERS):
        blocks = [{"placement": "home_personal", "first": HOME_SHOWN}]
        tape.keep(f"block|personal|{tier}", asked_blocks(tape, customer, blocks)[0])
    popular = [{"placement": "home_popular", "first": HOME_SHOWN}]
    tape.keep("block|popular", asked_blocks(tape, None, popular)[0])
    for several in parts(products, 20):
        blocks = [{"placement": "product_similar", "first": SIMILAR_SHOWN, "productId": it.id} for it in several]
        for product, block in zip(several, asked_blocks(tape, None, blocks), strict=True):
            tape.keep(f"block|similar|{product.number}", block)


def asked_blocks(tape: Tape, customer: str | None, blocks: Sequence[Json]) -> list[Json]:
    body = {**CONTEXT, "customerId": customer, "blocks": blocks}
    told: list[Json] = tape.asked("recommendations", "/v1/blocks/batch", body)["blocks"]
    return told


def record_promises(tape: Tape, skus: Sequence[str]) -> None:
    for some in parts(skus, 100):
        items = [{"sku": sku, "to": {"localityId": "msk"}} for sku in some]
        told = tape.asked("delivery", "/v1/promises/batch", {**CONTEXT, "items": items})["promises"]
        for sku, promise in zip(some, told, strict=True):
            tape.keep(f"promise|{sku_key(sku)}", promise)


def record_key(tape: Tape, file: Path) -> None:
    """The key that signs the customers' tokens: its public half is published by the replay, the other kept beside."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
    tape.keep("jwks", {"keys": [key.as_dict(private=False)]})
    file.write_text(json.dumps(key.as_dict(private=True)))


@contextmanager
def sandbox_addresses() -> Iterator[dict[str, str]]:
    """Run a sandbox on free ports; gives the address of every upstream."""
    with tempfile.TemporaryDirectory() as folder:
        ports = Path(folder) / "ports.json"
        command = [sys.executable, "-m", "sandbox", "--products", str(PRODUCTS), "--base-port", "0"]
        sandbox = subprocess.Popen([*command, "--ports-file", str(ports)], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            wait_for(ports, sandbox)
            yield json.loads(ports.read_text())["upstreams"]
        finally:
            sandbox.terminate()
            sandbox.wait(timeout=30)


def wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"expected the sandbox to be ready within {START_S} s, got status {process.poll()}")
        time.sleep(0.05)
