"""Every adapter of loyalty over what stands in for its programme; a new one joins by its row in `PROGRAMMES`.

All programmes have the same shop's customers, with its clock stopped at noon in Moscow on 1 March 2026.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import httpx

from clients.http import Upstream
from clients.loyalty.generic import GenericLoyalty
from clients.loyalty.loymax import LoymaxLoyalty, LoymaxLoyaltyOptions
from clients.loyalty.protocol import Loyalty, PointsMovementKind
from clients.loyalty.voucherify import VoucherifyLoyalty, VoucherifyLoyaltySettings
from clients.values import DataSource
from gateway.vendors import Pinged
from sandbox.server.upstream import Upstream as PublishedUpstream
from sandbox.upstreams.loyalty import Loyalty as PublishedLoyalty
from sandbox.vendors.loymax import Loymax
from sandbox.vendors.voucherify import APP_ID, SECRET_KEY, Voucherify
from sandbox.vendors.voucherify_points import PROGRAMME
from sandbox.world import points
from sandbox.world.people import Person
from sandbox.world.shop import Shop
from tests.vendors.contracts import Judge, Tally, slim
from tests.vendors.meddling import ByHost, Meddler

NOON = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)


class Watch:
    """The shop's clock and the adapter's, moved by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> float:
        return self.at.timestamp()

    def pass_by(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


@dataclass(frozen=True)
class Programme:
    """An adapter over its programme, and what the programme cannot tell: its vendor's page says so too.

    `can_tell` are the kinds of movements that it distinguishes.
    """

    loyalty: Loyalty
    adapter: Pinged
    meddler: Meddler
    watch: Watch
    can_tell: frozenset[PointsMovementKind] = field(default_factory=lambda: frozenset(PointsMovementKind))
    estimates: Literal["personal", "basic", "none"] = "personal"
    """Whether it can say what a purchase would bring: whoever asks, or a basic member."""
    tells_pending: bool = True
    """Whether it knows those who have not finished joining."""
    tells_next_tier: bool = True
    """Whether it says what remains to be spent."""
    card_code: Callable[[Person], str] = points.card_digits
    """What its cards say at the till."""


def _shop(watch: Watch) -> Shop:
    return Shop(1, 400, "http://pictures.test", lambda: watch.at)


def generic(_: Tally) -> Programme:
    """Our own contract."""
    watch = Watch()
    shop = _shop(watch)
    app = PublishedUpstream("loyalty", shop, PublishedLoyalty(shop).operations(), "key")
    meddler = Meddler(httpx.ASGITransport(app))
    upstream = Upstream(DataSource.LOYALTY, "http://programme.example", meddler, {"authorization": "Bearer key"})
    adapter = GenericLoyalty(upstream, watch.now)
    return Programme(adapter, adapter, meddler, watch)


@dataclass(frozen=True)
class LoymaxProgramme(Programme):
    """With the simulator, for what only Loymax does."""

    simulator: Loymax = field(kw_only=True)


def loymax(tally: Tally, *, is_judged: bool = True) -> LoymaxProgramme:
    """Loymax and the desk of its tokens, both held against our schemas unless there are too many calls for that."""
    watch = Watch()
    simulator = Loymax(_shop(watch))
    app = httpx.ASGITransport(simulator.app())
    of_loymax, of_desk = ([slim("loymax")], [slim("loymax-tokens")]) if is_judged else ([], [])
    meddler = Meddler(ByHost(loymax=Judge(app, of_loymax, tally), desk=Judge(app, of_desk, tally)))
    adapter = LoymaxLoyalty(
        Upstream(DataSource.LOYALTY, "https://loymax.example", meddler), loymax_options(simulator), watch.now
    )
    return LoymaxProgramme(
        adapter,
        adapter,
        meddler,
        watch,
        frozenset(PointsMovementKind) - {PointsMovementKind.ACTIVATED, PointsMovementKind.EXPIRED},
        estimates="basic",
        simulator=simulator,
    )


def loymax_options(simulator: Loymax, **more: object) -> LoymaxLoyaltyOptions:
    """As an operator would write them for the simulator."""
    known = simulator.known()
    written = {
        "tokens_url": "https://desk.example",
        "tokens_key": known["tokensKey"],
        "zone": known["zone"],
        "currencies": ",".join(known["currencies"]),
        "money": known["money"],
        "point_worth": known["pointWorth"],
        "status_system": known["statusSystem"],
        "processing": {
            "username": known["tillUsername"],
            "password": known["tillPassword"],
            "merchant_uid": known["merchantUid"],
            "amount_attribute_id": str(known["amountAttributeId"]),
            "money": known["money"],
        },
    }
    return LoymaxLoyaltyOptions.model_validate({**written, **more})


def voucherify(tally: Tally) -> Programme:
    """Voucherify's loyalty programme."""
    watch = Watch()
    judge = Judge(httpx.ASGITransport(Voucherify(_shop(watch)).app()), [slim("voucherify")], tally)
    meddler = Meddler(judge)
    options = VoucherifyLoyaltySettings.model_validate(
        {
            "application_id": APP_ID,
            "secret_key": SECRET_KEY,
            "currency": "RUB",
            "programme": PROGRAMME,
            "zone": "Europe/Moscow",
            "point_worth": "1",
        }
    )
    adapter = VoucherifyLoyalty(Upstream(DataSource.LOYALTY, "https://voucherify.example", meddler), options, watch.now)
    return Programme(
        adapter,
        adapter,
        meddler,
        watch,
        frozenset(PointsMovementKind) - {PointsMovementKind.REVERSED},
        estimates="none",
        tells_pending=False,
        tells_next_tier=False,
        card_code=lambda person: f"CLUB-{person.id.removeprefix('cust-').upper()}",
    )


PROGRAMMES: dict[str, Callable[[Tally], Programme]] = {"generic": generic, "loymax": loymax, "voucherify": voucherify}
