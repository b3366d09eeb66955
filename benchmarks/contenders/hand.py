"""The three pages written by hand on bare ASGI: what a perfect executor could approach in Python.

The same upstreams in the same batches and the same fields as GraphQL asks for; no GraphQL is read or
executed. CLIENT=raw uses the least client there can be (`wire.py`), CLIENT=aiohttp a public one.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from benchmarks.contenders.wire import Pool

UPSTREAM = os.environ["UPSTREAM"]
TOKENS: dict[str, str] = json.loads(Path(os.environ["TOKENS"]).read_text())
CUSTOMERS = {b"Bearer " + token.encode(): customer for token, customer in TOKENS.items()}
SHOP = {"localityId": "msk", "channel": "WEB", "currency": "RUB", "language": "ru"}

Json = dict[str, Any]
Post = Callable[[str, bytes], Awaitable[bytes]]


class Upstreams:
    """Calls by path; the client is made on first use, inside the loop."""

    _post: Post | None = None

    async def ask(self, path: str, body: Json) -> Json:
        if self._post is None:
            self._post = over_aiohttp() if os.environ.get("CLIENT") == "aiohttp" else over_sockets()
        answer: Json = orjson.loads(await self._post(path, orjson.dumps(body)))
        return answer


def over_sockets() -> Post:
    address = urlsplit(UPSTREAM)
    return Pool(address.hostname or "127.0.0.1", address.port or 80).post


def over_aiohttp() -> Post:
    session = aiohttp.ClientSession(
        UPSTREAM,
        connector=aiohttp.TCPConnector(limit=256),
        headers={"content-type": "application/json", "authorization": "Bearer bench"},
    )

    async def post(path: str, body: bytes) -> bytes:
        async with session.post(path, data=body) as answer:
            answer.raise_for_status()
            return await answer.read()

    return post


ask = Upstreams().ask


def by(key: str, items: Sequence[Json]) -> dict[str, Json]:
    return {item[key]: item for item in items}


def money(value: Json | None) -> Json | None:
    return value and {"amount": value["amount"], "currencyCode": value["currencyCode"]}


def badge(value: Json) -> Json:
    return {"title": value["title"], "color": value.get("color")}


def image(value: Json | None, width: str) -> Json | None:
    return value and {"url": value["url"].replace("{width}", width), "alt": value.get("alt")}


async def find_products(ids: Sequence[str]) -> dict[str, Json]:
    body = {"language": "ru", "ids": list(dict.fromkeys(ids)), "handles": [], "skus": []}
    return by("id", (await ask("/catalogue/v1/products/batch", body))["products"])


async def find_stock(products: Sequence[Json]) -> dict[str, Json]:
    return by("id", (await ask("/stock/v1/products/batch", {**SHOP, "products": with_skus(products)}))["products"])


async def find_ranges(products: Sequence[Json], customer: str | None) -> Json:
    return await ask("/pricing/v1/products/batch", {**SHOP, "customerId": customer, "products": with_skus(products)})


def with_skus(products: Sequence[Json]) -> list[Json]:
    return [{"id": it["id"], "skus": [variant["sku"] for variant in it["variants"]]} for it in products]


def pick_variant(product: Json, stock: dict[str, Json]) -> Json:
    available = frozenset(stock[product["id"]]["availableSkus"] if product["id"] in stock else ())
    variants: list[Json] = product["variants"]
    return next((variant for variant in variants if variant["sku"] in available), variants[0])


class Offers:
    """What the systems say of some skus."""

    def __init__(self, answers: Sequence[Any], places: dict[str, list[Json]]) -> None:
        self.prices = by("sku", answers[0]["prices"])
        self.points = by("sku", answers[1]["estimates"])
        self.available = by("sku", answers[2]["items"])
        self.places = places


async def find_offers(skus: Sequence[str], customer: str | None) -> Offers:
    items = [{"sku": sku, "quantity": 1} for sku in skus]
    asker = {**SHOP, "customerId": customer}
    *answers, places = await asyncio.gather(
        ask("/pricing/v1/prices/batch", {**asker, "items": items}),
        ask("/loyalty/v1/estimates/batch", {**asker, "items": items}),
        ask("/stock/v1/availability/batch", {**SHOP, "skus": skus}),
        find_places(skus),
    )
    return Offers(answers, places)


async def find_places(skus: Sequence[str]) -> dict[str, list[Json]]:
    """The entries of stock per place, each with its location."""
    queries = [{"sku": sku, "first": 6, "inStockOnly": True} for sku in skus]
    pages = await asyncio.gather(
        *(
            ask("/stock/v1/locations/batch", {**SHOP, "queries": queries[start : start + 20]})
            for start in range(0, len(queries), 20)
        )
    )
    entries = [result["entries"] for page in pages for result in page["results"]]
    ids = list(dict.fromkeys(entry["locationId"] for page in entries for entry in page))
    told = await ask("/delivery/v1/locations/batch", {"language": "ru", "ids": ids})
    known = by("id", told["locations"])
    for page in entries:
        for entry in page:
            entry["location"] = known[entry["locationId"]]
    return dict(zip(skus, entries, strict=True))


def offered_price(value: Json) -> Json:
    return {
        "current": money(value["current"]),
        "regular": money(value.get("regular")),
        "discountPercent": value.get("discountPercent"),
        "explanation": [
            {"kind": part["kind"], "title": part["title"], "amount": {"amount": part["amount"]["amount"]}}
            for part in value["explanation"]
        ],
    }


def place(entry: Json) -> Json:
    location = entry["location"]
    return {
        "status": entry["status"],
        "quantity": entry["quantity"],
        "location": {"id": f"loc_{location['id']}", "title": location["title"]},
    }


async def listing(variables: Json, customer: str | None) -> Json:
    query = {"text": variables["query"], "first": variables["first"]}
    found = (await ask("/search/v1/listings/batch", {**SHOP, "queries": [query]}))["listings"][0]
    products = await find_products([hit["productId"] for hit in found["hits"]])
    stock = await find_stock(list(products.values()))
    chosen = {it["id"]: pick_variant(it, stock) for it in products.values()}
    offers = await find_offers([variant["sku"] for variant in chosen.values()], customer)
    edges = [
        {"trackingToken": hit["trackingToken"], "node": tile(products[hit["productId"]], chosen, offers)}
        for hit in found["hits"]
    ]
    page = {"hasNextPage": found["page"]["hasNextPage"], "endCursor": found["page"]["endCursor"]}
    return {"search": {"totalCount": found["totalCount"], "pageInfo": page, "edges": edges}}


def tile(product: Json, chosen: dict[str, Json], offers: Offers) -> Json:
    sku = chosen[product["id"]]["sku"]
    available = offers.available[sku]
    return {
        "id": f"prd_{product['id']}",
        "handle": product["handle"],
        "title": product["title"],
        "brand": {"name": product["brand"]["name"]},
        "image": image(product["image"], "480"),
        "badges": [{"code": it["code"], **badge(it)} for it in product["badges"]],
        "rating": {"average": product["rating"]["average"], "count": product["rating"]["count"]},
        "variant": {
            "id": f"var_{sku}",
            "sku": sku,
            "price": offered_price(offers.prices[sku]["price"]),
            "availability": {
                "status": available["status"],
                "quantity": available["quantity"],
                "locations": {"nodes": [place(entry) for entry in offers.places[sku]]},
            },
            "pointsToEarn": {"amount": {"points": offers.points[sku]["amount"]["points"]}},
        },
    }


async def find_shelves(blocks: Sequence[Json], customer: str | None) -> list[Json]:
    """Blocks with their products, ranges and stock, all of them in one call of each system."""
    body = {**SHOP, "customerId": customer, "blocks": blocks}
    found: list[Json] = (await ask("/recommendations/v1/blocks/batch", body))["blocks"]
    products = await find_products([item["productId"] for block in found for item in block["items"]])
    some = list(products.values())
    ranges, stock = await asyncio.gather(find_ranges(some, customer), find_stock(some))
    prices = by("id", ranges["products"])
    return [shelf(block, products, prices, stock) for block in found]


def shelf(block: Json, products: dict[str, Json], prices: dict[str, Json], stock: dict[str, Json]) -> Json:
    return {
        "title": block["title"],
        "strategy": block["strategy"],
        "trackingToken": block["trackingToken"],
        "items": [
            {
                "trackingToken": item["trackingToken"],
                "reason": item.get("reason") and {"text": item["reason"]["text"]},
                "product": shelved(products[item["productId"]], prices, stock),
            }
            for item in block["items"]
        ],
    }


def shelved(product: Json, prices: dict[str, Json], stock: dict[str, Json]) -> Json:
    price = prices[product["id"]]
    regular = price["lowest"].get("regular")
    lowest = {
        "current": money(price["lowest"]["current"]),
        "regular": regular and {"amount": regular["amount"]},
        "discountPercent": price["lowest"].get("discountPercent"),
    }
    return {
        "id": f"prd_{product['id']}",
        "handle": product["handle"],
        "title": product["title"],
        "image": image(product["image"], "480"),
        "price": {"isSingle": price["isSingle"], "lowest": lowest},
        "availability": {"status": stock[product["id"]]["status"]},
    }


async def product_page(variables: Json, customer: str | None) -> Json:
    key = variables["id"].removeprefix("prd_")
    similar = {"placement": "product_similar", "first": 8, "productId": key}
    shelves = asyncio.ensure_future(find_shelves([similar], customer))
    product = (await find_products([key]))[key]
    stock, ranges = await asyncio.gather(find_stock([product]), find_ranges([product], customer))
    variant = pick_variant(product, stock)
    offers, promise, shown = await asyncio.gather(
        find_offers([variant["sku"]], customer), find_promise(variant["sku"]), shelves
    )
    promotions = by("id", ranges["promotions"])
    return {
        "product": {
            **described(product),
            "availability": {
                "status": stock[key]["status"],
                "availableVariantIds": [f"var_{sku}" for sku in stock[key]["availableSkus"]],
            },
            "promotions": [promoted(promotions[it]) for it in ranges["products"][0]["promotionIds"]],
            "variant": offered(variant["sku"], offers, promise),
            "similar": shown[0],
        }
    }


def promoted(promotion: Json) -> Json:
    return {"id": f"pro_{promotion['id']}", "title": promotion["title"], "badge": badge(promotion["badge"])}


async def find_promise(sku: str) -> Json:
    items = [{"sku": sku, "to": {"localityId": "msk"}}]
    promise: Json = (await ask("/delivery/v1/promises/batch", {**SHOP, "items": items}))["promises"][0]
    return promise


def described(product: Json) -> Json:
    return {
        "id": f"prd_{product['id']}",
        "handle": product["handle"],
        "title": product["title"],
        "description": product["description"],
        "brand": {"name": product["brand"]["name"]},
        "media": [{"kind": it["kind"], "image": image(it["image"], "1200")} for it in product["media"]],
        "attributes": [
            {"group": it.get("group"), "title": it["title"], "values": it["values"]} for it in product["attributes"]
        ],
        "options": [
            {"code": it["code"], "title": it["title"], "values": [option(value) for value in it["values"]]}
            for it in product["options"]
        ],
        "variants": [
            {
                "id": f"var_{it['sku']}",
                "sku": it["sku"],
                "selectedOptions": [{"code": o["code"], "value": o["value"]} for o in it["selectedOptions"]],
                "quantityRule": {name: it["quantityRule"].get(name) for name in ("minimum", "maximum", "step")},
            }
            for it in product["variants"]
        ],
        "rating": {"average": product["rating"]["average"], "count": product["rating"]["count"]},
    }


def option(value: Json) -> Json:
    swatch = value.get("swatch")
    return {"value": value["value"], "title": value["title"], "swatch": swatch and {"color": swatch.get("color")}}


def offered(sku: str, offers: Offers, promise: Json) -> Json:
    price, available, points = offers.prices[sku]["price"], offers.available[sku], offers.points[sku]
    worth = points["amount"].get("worth")
    return {
        "id": f"var_{sku}",
        "sku": sku,
        "price": {**offered_price(price), "isPersonal": price["isPersonal"]},
        "pointsToEarn": {
            "amount": {"points": points["amount"]["points"], "worth": worth and {"amount": worth["amount"]}},
            "isPersonal": points["isPersonal"],
        },
        "availability": {
            **{name: available[name] for name in ("status", "quantity", "maxOrderQuantity", "storeCount")},
            "locations": {"nodes": [place_of_kind(entry) for entry in offers.places[sku]]},
        },
        "deliveryPromise": {
            "methods": [
                {
                    "method": it["method"],
                    "earliest": it["earliest"],
                    "costFrom": {"amount": it["costFrom"]["amount"]},
                    "locationCount": it.get("locationCount"),
                }
                for it in promise["methods"]
            ],
            "failures": [{"provider": it.get("provider"), "code": it["code"]} for it in promise["failures"]],
        },
    }


def place_of_kind(entry: Json) -> Json:
    shown = place(entry)
    shown["location"]["kind"] = entry["location"]["kind"]
    return shown


async def home(_: Json, customer: str | None) -> Json:
    placements = ({"placement": "home_personal", "first": 12}, {"placement": "home_popular", "first": 12})
    shelves, promotions, me = await asyncio.gather(
        find_shelves(placements, customer),
        ask("/pricing/v1/promotions/batch", {**SHOP, "customerId": customer, "ids": None}),
        find_me(customer),
    )
    shown = [
        {**promoted(it), "handle": it["handle"], "image": image(it["image"], "1280")} for it in promotions["promotions"]
    ]
    return {"me": me, "promotions": shown, "personal": shelves[0], "popular": shelves[1]}


async def find_me(customer: str | None) -> Json | None:
    if customer is None:
        return None
    profiles, accounts = await asyncio.gather(
        ask("/customers/v1/customers/batch", {"ids": [customer]}),
        ask("/loyalty/v1/accounts/batch", {"language": "ru", "customerIds": [customer]}),
    )
    profile, account = profiles["customers"][0], accounts["accounts"][0]
    tier = account.get("tier")
    return {
        "id": f"cus_{profile['id']}",
        "contact": {"firstName": profile["contact"]["firstName"]},
        "loyalty": {
            "membership": account["membership"],
            "balance": {"available": {"points": account["balance"]["available"]["points"]}},
            "tier": tier and {"title": tier["title"]},
        },
    }


PAGES = (("query Listing", listing), ("query ProductPage", product_page), ("query HomePage", home))


async def app(scope: Json, receive: Callable[[], Awaitable[Json]], send: Callable[[Json], Awaitable[None]]) -> None:
    """The page is known by the name of its operation, as everybody is sent the same request."""
    if scope["type"] != "http":
        raise RuntimeError(f"expected http, got {scope['type']}")
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    asked = orjson.loads(body)
    customer = next((CUSTOMERS.get(value) for name, value in scope["headers"] if name == b"authorization"), None)
    page = next(page for operation, page in PAGES if operation in asked["query"])
    answer = orjson.dumps({"data": await page(asked["variables"], customer)})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
