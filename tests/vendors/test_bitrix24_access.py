"""Bitrix24's OAuth tokens: the refresh token changes with every use, and must not be lost."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from clients.catalogue.protocol import Product, ProductKey
from clients.errors import InvalidSourceResponse, SourceTimeout, SourceUnavailable
from clients.scope import Public
from clients.vendors import bitrix24_tokens
from clients.vendors.bitrix24_tokens import Pair, TokenFile
from sandbox.vendors.bitrix24 import Bitrix24
from tests.vendors.carriers import Rig, Time, shop_at
from tests.vendors.catalogues import bitrix24, bitrix24_settings, with_oauth
from tests.vendors.contracts import Judge, Tally, slim
from tests.vendors.portal_judge import PortalJudge

BOOTS = ProductKey(kind="id", key="p-000001")
PUBLIC = Public(language="ru")
TOKENS = "/oauth/token/"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def rig(time: Time, tally: Tally, tmp_path: Path) -> Rig:
    def judged(wire: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return PortalJudge(Judge(wire, [slim("bitrix24")], tally), tally)

    return bitrix24(time, judged, **with_oauth(tmp_path))


async def ask(rig: Rig) -> Any:
    return (await rig.adapter.fetch_products([BOOTS], PUBLIC))[BOOTS]


def kept(folder: Path) -> Any:
    return json.loads((folder / "tokens.json").read_text())


async def settle() -> None:
    own = asyncio.current_task()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not own))


async def test_a_token_is_in_the_body_and_in_no_address(rig: Rig) -> None:
    """Nor is anything else that is secret."""
    assert isinstance(await ask(rig), Product)

    assert {request.url.path for request in rig.wire.requests} == {TOKENS, "/rest/batch.json"}
    assert all(not request.url.query for request in rig.wire.requests)
    assert json.loads(rig.wire.to("/rest/batch.json")[0].content)["auth"] == "sandbox-access-1"
    assert {request.url.host for request in rig.wire.to(TOKENS)} == {"oauth.bitrix.test"}


async def test_a_rotated_refresh_token_is_kept_before_it_is_used(rig: Rig, tmp_path: Path) -> None:
    """At the moment of the first call with the new token, the file has the new pair already."""
    seen: list[Any] = []
    beneath = rig.wire.beneath

    class Looking(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path != TOKENS:
                seen.append(kept(tmp_path))
            return await beneath.handle_async_request(request)

    rig.wire.beneath = Looking()
    await ask(rig)

    assert seen[0]["refresh_token"] == "sandbox-refresh-1"
    assert seen[0]["access_token"] == "sandbox-access-1"
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path)) == ["tokens.json", "tokens.json.lock"]  # noqa: PTH208 (pathlib's is a generator)


async def test_a_token_that_cannot_be_kept_is_not_used(rig: Rig, tmp_path: Path) -> None:
    """A disk that is full is an error and not a lost portal: the pair is written or nobody calls with it."""

    def refuse(_: TokenFile, __: Pair) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TokenFile, "write", refuse)
        assert isinstance(await ask(rig), SourceUnavailable)

    assert rig.wire.to("/rest/batch.json") == []


async def test_workers_refresh_once_between_them(time: Time, tmp_path: Path) -> None:
    """A refresh token is good once: the second worker finds what the first one wrote."""
    portal = Bitrix24(shop_at(time))
    workers = [bitrix24(time, simulator=portal, **with_oauth(tmp_path)) for _ in range(4)]

    products = await asyncio.gather(*map(ask, workers))
    assert all(isinstance(product, Product) for product in products)
    assert sum(len(worker.wire.to(TOKENS)) for worker in workers) == 1
    time.pass_(3600)
    products = await asyncio.gather(*map(ask, workers))

    assert all(isinstance(product, Product) for product in products)
    assert sum(len(worker.wire.to(TOKENS)) for worker in workers) == 2
    assert kept(tmp_path)["refresh_token"] == "sandbox-refresh-2"


async def test_a_restarted_worker_goes_on_with_what_was_kept(time: Time, tmp_path: Path) -> None:
    """The refresh token of the settings is for the very first time only."""
    portal = Bitrix24(shop_at(time))
    await ask(bitrix24(time, simulator=portal, **with_oauth(tmp_path)))
    time.pass_(2 * 3600)

    assert isinstance(await ask(bitrix24(time, simulator=portal, **with_oauth(tmp_path))), Product)
    assert kept(tmp_path)["refresh_token"] == "sandbox-refresh-2"


async def test_expired_token_is_tried_once_more(rig: Rig) -> None:
    """The portal's own word for it comes with 401, and costs the shopper nothing."""
    await ask(rig)
    rig.simulator.switch({"expireTokens": True})

    assert isinstance(await ask(rig), Product)
    assert len(rig.wire.to(TOKENS)) == 2


async def test_a_token_is_renewed_early(rig: Rig, tmp_path: Path) -> None:
    """In its last minute, behind everybody's back."""
    await ask(rig)
    rig.time.pass_(3600 - 59)
    assert isinstance(await ask(rig), Product)
    await settle()

    assert kept(tmp_path)["access_token"] == "sandbox-access-2"


async def test_a_refused_refresh_token_is_an_error_and_is_not_tried_again_at_once(time: Time, tmp_path: Path) -> None:
    """Neither is the file touched, nor does a secret get into an error."""
    rig = bitrix24(time, **with_oauth(tmp_path, refresh_token="s3cret-and-wrong"))
    for _ in range(3):
        outcome = await ask(rig)
        assert isinstance(outcome, InvalidSourceResponse)
        assert "s3cret" not in f"{outcome!r} {outcome.detail}"
        time.pass_(1)

    assert len(rig.wire.to(TOKENS)) == 1
    assert not (tmp_path / "tokens.json").exists()


async def test_a_refresh_is_sent_once(rig: Rig) -> None:
    """Sent again after an unknown outcome, the same refresh token might be of no use already."""
    await ask(rig)

    assert [request.extensions["idempotent"] for request in rig.wire.to(TOKENS)] == [False]


async def test_a_lock_that_is_not_given_up_is_waited_for_within_bounds(rig: Rig, tmp_path: Path) -> None:
    """Somebody else hangs with the file: that is a time-out, and nobody asks for a token meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bitrix24_tokens, "LOCK_WITHIN_S", 0.05)
        async with TokenFile(tmp_path / "tokens.json").locked():
            assert isinstance(await ask(rig), SourceTimeout)

    assert rig.wire.requests == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"access_token": 1}'])
async def test_a_file_that_cannot_be_read_is_replaced(rig: Rig, tmp_path: Path, content: bytes) -> None:
    """It begins anew with the refresh token of the settings."""
    (tmp_path / "tokens.json").write_bytes(content)

    assert isinstance(await ask(rig), Product)
    assert kept(tmp_path)["refresh_token"] == "sandbox-refresh-1"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"webhook": None}, "expected webhook, or client_id, client_secret and token_file"),
        ({"client_id": "x", "client_secret": "y", "token_file": "z"}, "webhook or client_id, got both"),
        ({"options": "[{"}, "expected a JSON object or list"),
        ({"options": [{"code": "color", "title": "x", "property": 1, "swatches": {"a": "red"}}]}, "colours such as"),
        ({"products_block": 0}, "greater than or equal to 1"),
        ({"price": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_setting_says_what_was_expected(wrong: dict[str, Any], said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=said):
        bitrix24_settings(**wrong)


def test_settings_come_as_text_too() -> None:
    """A variable of the environment brings tables as JSON."""
    settings = bitrix24_settings(
        options='[{"code": "size", "title": "Размер", "property": 312}]',
        products_block="23",
        badge_colors='{"new": "#2f9e44"}',
    )

    assert (settings.options[0].property, settings.products_block) == (312, 23)
