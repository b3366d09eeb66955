"""Catalogue adapters over what they talk to in the sandbox, one rig for each, for suites over all of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from clients.catalogue.bitrix24 import Bitrix24Catalogue
from clients.catalogue.bitrix24_settings import Bitrix24Settings
from clients.catalogue.generic import GenericCatalogue
from clients.http import Upstream
from clients.values import DataSource
from sandbox.server.upstream import Upstream as Twin
from sandbox.upstreams.catalogue import Catalogue as CatalogueTwin
from sandbox.vendors.bitrix24 import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH, WEBHOOK, Bitrix24
from sandbox.vendors.bitrix24_elements import MAPPING, OFFERS_BLOCK, PRODUCTS_BLOCK
from tests.vendors.carriers import Rig, Time, Wire, shop_at

Judged = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]


def generic(time: Time) -> Rig:
    shop = shop_at(time)
    twin = Twin("catalogue", shop, CatalogueTwin(shop).operations(), "key")
    wire = Wire(httpx.ASGITransport(twin))
    upstream = Upstream(DataSource.CATALOGUE, "http://generic.test", wire, {"authorization": "Bearer key"})
    return Rig(GenericCatalogue(upstream, time), wire, time)


def bitrix24_settings(**more: Any) -> Bitrix24Settings:
    """The sandbox's portal through its webhook."""
    usual = {"webhook": WEBHOOK, "products_block": PRODUCTS_BLOCK, "offers_block": OFFERS_BLOCK, **MAPPING}
    return Bitrix24Settings.model_validate({**usual, **more})


def with_oauth(folder: Path, **more: Any) -> dict[str, Any]:
    """The settings of an application instead of a webhook."""
    return {
        "webhook": None, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": FIRST_REFRESH,
        "token_file": folder / "tokens.json", "oauth_url": "https://oauth.bitrix.test", **more,
    }  # fmt: skip


def bitrix24(time: Time, judged: Judged = lambda wire: wire, simulator: Bitrix24 | None = None, **more: Any) -> Rig:
    portal = simulator or Bitrix24(shop_at(time))
    wire = Wire(judged(httpx.ASGITransport(portal.app())))
    upstream = Upstream(DataSource.CATALOGUE, "https://portal.bitrix24.test", wire)
    return Rig(Bitrix24Catalogue(upstream, bitrix24_settings(**more), time), wire, time, portal)


CATALOGUES: dict[str, Callable[[Time], Rig]] = {"generic": generic, "bitrix24": bitrix24}
