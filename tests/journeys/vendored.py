"""Shops whose domains are of real vendors: which there are, and what their adapters are told."""

import json
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from gateway.vendors import VENDORS
from sandbox.vendors.simulator import SIMULATORS
from tests.journeys.shop import ROOT, START_S, Gateway, Sandbox, open_logged_gateway, open_sandbox

Json = dict[str, Any]
Recipe = Callable[[Json, str], Json]
"""`(what the simulator wants to be known, its address) -> options of the adapter`"""

SHOPS: Mapping[str, Mapping[str, str]] = {
    "first": {
        "catalogue": "bitrix24",
        "pricing": "voucherify",
        "loyalty": "loymax",
        "recommendations": "retail_rocket",
        "stock": "moysklad",
        "delivery": "cdek",
    },
    "second": {
        "catalogue": "bitrix24",
        "pricing": "talon_one",
        "loyalty": "voucherify",
        "recommendations": "recombee",
        "stock": "onec",
        "delivery": "cdek",
    },
}
PARCEL = {"weight_g": 1200, "length_cm": 40, "width_cm": 30, "height_cm": 12}


def placements_of(vendor: str) -> Json:
    """The placements on a vendor's page."""
    text = (ROOT / "docs" / "vendors" / f"{vendor}.md").read_text().partition("```toml\n")[2].partition("```")[0]
    found: Json = tomllib.loads(text)["upstreams"]["recommendations"]["options"]["placements"]
    return found


def voucherify(known: Json, _: str) -> Json:
    return {
        "application_id": known["applicationId"],
        "secret_key": known["secretKey"],
        "currency": known["currency"],
    }


RECIPES: Mapping[tuple[str, str], Recipe] = {
    ("catalogue", "bitrix24"): lambda known, _: {
        "webhook": known["webhook"],
        "products_block": known["productsBlock"],
        "offers_block": known["offersBlock"],
        **known["mapping"],
    },
    ("pricing", "voucherify"): voucherify,
    ("pricing", "talon_one"): lambda known, _: {
        "api_key": known["apiKey"],
        "currency": known["currency"],
        "price_tag": known["priceTag"],
        "channel_attribute": known["channelAttribute"],
    },
    ("loyalty", "voucherify"): lambda known, address: (
        voucherify(known, address) | {"programme": known["loyaltyProgramme"], "zone": known["zone"]}
    ),
    ("loyalty", "loymax"): lambda known, address: {
        "tokens_url": address,
        "tokens_key": known["tokensKey"],
        "zone": known["zone"],
        "currencies": known["currencies"],
        "money": known["money"],
        "point_worth": known["pointWorth"],
        "status_system": known["statusSystem"],
        "processing": {
            "username": known["tillUsername"],
            "password": known["tillPassword"],
            "merchant_uid": known["merchantUid"],
            "merchants": known["merchants"],
            "amount_attribute_id": known["amountAttributeId"],
            "money": known["money"],
        },
    },
    ("recommendations", "retail_rocket"): lambda known, _: {
        "partner_id": known["partnerId"],
        "api_key": known["apiKey"],
        "session_key": "a secret of these journeys",
        "product_ids": known["productIds"],
        "category_ids": known["categoryIds"],
        "placements": placements_of("retail_rocket"),
    },
    ("recommendations", "recombee"): lambda known, _: {
        "database_id": known["databaseId"],
        "private_token": known["privateToken"],
        "placements": placements_of("recombee"),
    },
    ("delivery", "cdek"): lambda known, _: {
        "client_id": known["clientId"],
        "client_secret": known["clientSecret"],
        "from_city": known["cities"]["msk"],
        "time_zone": "Europe/Moscow",
        "cities": known["cities"],
        "parcel": PARCEL,
    },
    ("stock", "moysklad"): lambda known, _: {
        "folder": known["folder"],
        "token": known["token"],
        "warehouses": known["warehouses"],
    },
    ("stock", "onec"): lambda known, _: {
        "folder": known["folder"],
        "exchange_login": "обмен",
        "exchange_password": "тайна обмена",
        "time_zone": known["timeZone"],
        "sku_from": known["skuFrom"],
        "warehouses": known["warehouses"],
    },
}


def exchange(sandbox: Sandbox, gateway: Gateway) -> None:
    """1C sends all its stock, and the gateway has it."""
    site = f"{gateway.client.base_url}/exchange/commerceml"
    told = {"site": site, "full": True, "login": "обмен", "password": "тайна обмена"}
    answer = httpx.post(f"{sandbox.addresses['stock']}/exchange", json=told, timeout=60)
    assert answer.json()["told"][-1] == "success", answer.text


def wait_for_stock(_: Sandbox, gateway: Gateway) -> None:
    """The first copy is made behind the back of pages."""
    deadline = time.monotonic() + START_S
    while gateway.ask(AVAILABILITY).json()["data"]["product"]["variant"]["availability"] is None:
        assert time.monotonic() < deadline, "expected stock after the first copy"
        time.sleep(0.1)


AVAILABILITY = '{ product(by: {sku: "LUM-000001-01"}) { variant { availability { status } } } }'
PREPARATIONS: Mapping[tuple[str, str], Callable[[Sandbox, Gateway], None]] = {
    ("stock", "onec"): exchange,
    ("stock", "moysklad"): wait_for_stock,
}
"""What must happen before pages have anything to show."""

PATHS = {"moysklad": "/api/remap/1.2"}
"""Where a vendor's API begins, if not at the root of its address."""


def is_there(domain: str, vendor: str) -> bool:
    """Whether a vendor has its adapter in the domain, its simulator, and a recipe here."""
    return vendor in VENDORS[domain] and vendor in SIMULATORS and (domain, vendor) in RECIPES  # type: ignore[index]


def vendors_of(shop: str) -> dict[str, str]:
    """The vendors of a shop that are there; all other domains speak our own contract."""
    return {domain: vendor for domain, vendor in SHOPS[shop].items() if is_there(domain, vendor)}


BESIDE: Mapping[tuple[str, str], str] = {("second", "delivery"): "BESIDE__CDEK__"}
"""Where a vendor stands beside our own contract's system: a carrier knows no stores of the shop."""


def settings_of(sandbox: Sandbox, shop: str, folder: Path, ours: Sandbox) -> dict[str, str]:
    """The variables that put a shop's vendors into their domains; what the gateway keeps on disk goes to the folder.

    `ours` has the systems of our own contract that stand beside a vendor.
    """
    told: dict[str, str] = {}
    for domain, vendor in vendors_of(shop).items():
        known = {**sandbox.known["vendors"][domain], "folder": str(folder)}
        options = RECIPES[domain, vendor](known, sandbox.addresses[domain])
        prefix = f"GATEWAY_UPSTREAMS__{domain.upper()}__"
        if (shop, domain) in BESIDE:
            told |= {f"{prefix}URL": ours.addresses[domain], f"{prefix}API_KEY": ours.known["apiKey"]}
            prefix += BESIDE[shop, domain]
        said = json.dumps(options, ensure_ascii=False)
        told |= {f"{prefix}VENDOR": vendor, f"{prefix}API_KEY": "", f"{prefix}OPTIONS": said}
        told[f"{prefix}URL"] = f"{sandbox.addresses[domain]}{PATHS.get(vendor, '')}"
    return told


@contextmanager
def open_vendors(shop: str, folder: Path) -> Iterator[Sandbox]:
    """A sandbox in which the shop's vendors answer."""
    named = ",".join(f"{domain}={vendor}" for domain, vendor in vendors_of(shop).items())
    with open_sandbox(folder, vendors=named) as sandbox:
        yield sandbox


@contextmanager
def open_over(
    sandbox: Sandbox,
    shop: str,
    folder: Path,
    ours: Sandbox,
    settings: Mapping[str, str],
    log: IO[bytes] | None = None,
) -> Iterator[Gateway]:
    """A gateway over such a sandbox, when its pages have something to show."""
    told = {**settings_of(sandbox, shop, folder, ours), **settings}
    with open_logged_gateway(sandbox, log, **told) as gateway:
        for pair in vendors_of(shop).items():
            if pair in PREPARATIONS:
                PREPARATIONS[pair](sandbox, gateway)
        yield gateway
