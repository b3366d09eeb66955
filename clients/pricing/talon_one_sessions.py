"""What Talon.One's rules take off many variants at once: dry sessions, which leave no trace.

Prices are those of the Application's cart item catalog: items are sent without one. A session is a
basket, and a rule can look at all of it; an effect does not tell whether it did. So only campaigns
that the retailer marked with a tag as pricing single items are evaluated, and only effects on one
item count. What a marked campaign does because of the rest of a page is the campaign's mistake.

Talon.One answers 409 when two requests for one profile meet, so a profile is asked about one
question after the other; each session has an id that is never used again.
"""

import asyncio
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from clients.errors import InvalidSourceResponse, SourceThrottled, SourceTimeout
from clients.http import UNDECODABLE, Decodes, Reply, Upstream, call_terms, decide_objection
from clients.pricing.talon_one_wire import (
    CAMPAIGNS,
    EVALUATED,
    PER_ITEM,
    PROPS,
    REFUSAL,
    Campaign,
    Campaigns,
    Effect,
    Evaluated,
)
from clients.scope import ForCustomer

T = TypeVar("T")

ITEMS_LIMIT: Final = 1000
UNITS_LIMIT: Final = 10_000
CAMPAIGNS_PAGE: Final = 1000
CAMPAIGNS_PAGES: Final = 5
ATTEMPTS: Final = 3
OF_THE_PRICE: Final = frozenset({None, "price", "itemTotal"})
NOTHING: Final = Decimal(0)
CENT: Final = Decimal("0.01")
"""Amounts may be off by so much each: Talon.One reckons in binary fractions."""

_ITEM: Final = re.compile(r"/cartItems/(\d{1,4})(?:/|$)")
_BAD_REQUEST, _CONFLICT = 400, 409


class TalonOneSettings(BaseModel):
    """Options of Talon.One."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr = Field(min_length=1, description="Key of the Integration API: `Authorization: ApiKey-v1 ...`.")
    currency: str = Field(pattern="^[A-Z]{3}$", description="Currency of the Application; no answer says it.")
    price_tag: str = Field(
        min_length=1, description="Tag of the campaigns that price single items, whatever else is in a basket."
    )
    channel_attribute: str | None = Field(
        default=None, description="Session attribute for the channel; it must exist in the Campaign Manager."
    )
    locality_attribute: str | None = Field(default=None, description="The same for the locality.")
    campaigns_kept_s: float = Field(default=60.0, gt=0, le=3600, description="For how long running campaigns are kept.")
    base_title: str = Field(
        default="Цена по прейскуранту", min_length=1, description="Title of the list price in an explanation."
    )
    base_title_en: str = Field(default="List price", min_length=1, description="The same for those who read English.")


class Reduction(NamedTuple):
    """What one campaign takes off a line, in major units."""

    campaign: Campaign
    off: Decimal


class Quote(NamedTuple):
    """A line: the catalog's price of one unit, and what comes off the whole line."""

    base: Decimal
    reductions: Sequence[Reduction]


class UnknownItems(Exception):
    """Items that the catalog does not have, by their place in the session."""

    def __init__(self, places: frozenset[int]) -> None:
        super().__init__(f"{len(places)} items")
        self.places = places


@dataclass(frozen=True, slots=True)
class TalonOne:
    """One Application, asked with one key."""

    upstream: Upstream
    settings: TalonOneSettings
    now: Callable[[], float]
    _turns: "WeakValueDictionary[str, asyncio.Lock]" = field(default_factory=WeakValueDictionary)

    async def fetch_campaigns(self) -> tuple[Campaign, ...]:
        """All campaigns that run now; raises a SourceError when they are more than a shop means."""
        campaigns: list[Campaign] = []
        for page in range(CAMPAIGNS_PAGES):
            answer = await self.read_campaigns(CAMPAIGNS_PAGE, page * CAMPAIGNS_PAGE)
            campaigns += answer.data
            if not answer.has_more:
                return tuple(campaigns)
        raise self.broken(f"expected at most {CAMPAIGNS_PAGE * CAMPAIGNS_PAGES} running campaigns")

    async def read_campaigns(self, size: int, skip: int) -> Campaigns:
        """One page of them."""
        path = f"/v1/integration/campaigns?pageSize={size}&skip={skip}"
        return self._read(await self._send("GET", path, "pricing.campaigns"), CAMPAIGNS)

    async def evaluate(
        self, skus: Sequence[str], quantity: int, campaigns: Sequence[Campaign], scope: ForCustomer
    ) -> Evaluated | None:
        """The session of these items; those that the catalog does not have are left out, None when that is all.

        Raises a SourceError.
        """
        left = list(skus)
        for _ in range(ATTEMPTS):
            if not left:
                return None
            try:
                return await self._in_turn(left, quantity, campaigns, scope)
            except UnknownItems as unknown:
                left = [sku for place, sku in enumerate(left) if place not in unknown.places]
        raise self.broken(f"items were refused {ATTEMPTS} times")

    async def _in_turn(
        self, skus: Sequence[str], quantity: int, campaigns: Sequence[Campaign], scope: ForCustomer
    ) -> Evaluated:
        session = self._session(skus, quantity, campaigns, scope)
        if scope.customer_id is None:
            return await self._ask(session, skus)
        turn = self._turns.setdefault(scope.customer_id, asyncio.Lock())
        try:
            async with asyncio.timeout_at(call_terms.get().deadline):
                await turn.acquire()
        except TimeoutError:
            raise SourceTimeout(self.upstream.source, "others asked about the same profile") from None
        try:
            return await self._ask(session, skus)
        finally:
            turn.release()

    async def _ask(self, session: Mapping[str, Any], skus: Sequence[str]) -> Evaluated:
        body = msgspec.json.encode({"customerSession": session, "responseContent": ["customerSession"]})
        path = f"/v2/customer_sessions/preview-{uuid.uuid4()}?dry=true"
        reply = await self._send("PUT", path, "pricing.prices", body)
        unknown = refused_places(reply, len(skus))
        if unknown:
            raise UnknownItems(unknown)
        evaluated = self._read(reply, EVALUATED)
        if [item.sku for item in evaluated.customer_session.cart_items] != list(skus):
            raise self.broken("a session with other items than were sent")
        return evaluated

    def _session(
        self, skus: Sequence[str], quantity: int, campaigns: Sequence[Campaign], scope: ForCustomer
    ) -> dict[str, Any]:
        named = (
            (self.settings.channel_attribute, scope.channel.value),
            (self.settings.locality_attribute, scope.locality_id),
        )
        attributes = {name: value for name, value in named if name is not None}
        session: dict[str, Any] = {
            "state": "open",
            "cartItems": [{"sku": sku, "quantity": quantity} for sku in skus],
            "evaluableCampaignIds": [campaign.id for campaign in campaigns],
        }
        session |= {"attributes": attributes} if attributes else {}
        return session | ({} if scope.customer_id is None else {"profileId": scope.customer_id})

    async def _send(self, method: str, path: str, operation: str, content: bytes = b"") -> Reply:
        key = ("authorization", f"ApiKey-v1 {self.settings.api_key.get_secret_value()}")
        return await self.upstream.send(method, path, operation=operation, content=content, headers=(key,))

    def _read(self, reply: Reply, answer: Decodes[T]) -> T:
        if reply.status == _CONFLICT:
            raise SourceThrottled(self.upstream.source, "HTTP 409: another request for the same profile")
        objection = decide_objection(self.upstream.source, reply.status, reply.headers)
        if objection is not None:
            raise objection
        try:
            return answer.decode(reply.payload)
        except UNDECODABLE as error:
            raise self.broken(f"{error}") from None

    def broken(self, detail: str) -> InvalidSourceResponse:
        """The error for an answer that contradicts itself; `detail` is for logs."""
        return InvalidSourceResponse(self.upstream.source, detail)


def refused_places(reply: Reply, sent: int) -> frozenset[int]:
    """Places of the items that a 400 points at: the catalog does not have them, so they have no price."""
    if reply.status != _BAD_REQUEST:
        return frozenset()
    try:
        wrong = REFUSAL.decode(reply.payload).errors or ()
    except UNDECODABLE:
        return frozenset()
    found = (_ITEM.search(one.source.pointer or "") for one in wrong if one.source is not None)
    return frozenset(place for one in found if one is not None and (place := int(one.group(1))) < sent)


def quotes_of(evaluated: Evaluated, campaigns: Sequence[Campaign], quantity: int) -> dict[str, Quote]:
    """Every item with its price and what the campaigns take off it, in the order of their effects.

    Units of an item have effects of their own; those of one campaign are added up. Raises ValueError,
    or one of `UNDECODABLE`, for a session that contradicts itself: no price is made around what
    cannot be read.
    """
    by_id = {campaign.id: campaign for campaign in campaigns}
    session = evaluated.customer_session
    prices = [item.price or NOTHING for item in session.cart_items]
    if abs(sum(prices) * quantity - session.cart_item_total) > CENT * (len(prices) + 1):
        raise ValueError("prices of items do not sum to the session's total")
    taken: list[dict[int, Decimal]] = [{} for _ in prices]
    for effect in evaluated.effects:
        found = read_effect(effect, len(prices)) if effect.campaign_id in by_id else None
        if found is not None:
            place, off = found
            taken[place][effect.campaign_id] = taken[place].get(effect.campaign_id, NOTHING) + off
    return {
        item.sku: Quote(item.price, [Reduction(by_id[key], off) for key, off in offs.items() if off])
        for item, offs in zip(session.cart_items, taken, strict=True)
        if item.price is not None
    }


def read_effect(effect: Effect, items: int) -> tuple[int, Decimal] | None:
    """The item that an effect reduces and by how much; None for every effect that is not of one item's price.

    Bundles and amounts that are spread over items need their basket.
    """
    if effect.effect_type != PER_ITEM:
        return None
    props = PROPS.decode(effect.props)
    if props.scope not in OF_THE_PRICE:
        return None
    if (props.bundle_name, props.bundle_index, props.total_discount) != (None, None, None):
        return None
    if props.position != props.position.to_integral_value() or not 0 <= props.position < items:
        raise ValueError(f"a discount on item {props.position} of {items}")
    return int(props.position), props.value
