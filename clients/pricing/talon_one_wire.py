"""Talon.One's campaigns and dry sessions as they come; fields and effects that are new are passed over."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from clients.values import Instant

PER_ITEM: Final = "setDiscountPerItem"


class CartItem(msgspec.Struct, frozen=True):
    """`price` is of one unit, in major units, from the Application's catalog."""

    sku: str
    quantity: int | None = None
    price: Decimal | None = None


class Session(msgspec.Struct, frozen=True, rename="camel"):
    """`cart_item_total` is of all items before discounts."""

    cart_items: tuple[CartItem, ...]
    cart_item_total: Decimal
    updated: Instant


class Props(msgspec.Struct, frozen=True, rename="camel"):
    """Of a discount on one item, by its place in the session."""

    value: Decimal
    position: Decimal
    scope: str | None = None
    total_discount: Decimal | None = None
    bundle_name: str | None = None
    bundle_index: int | None = None


class Effect(msgspec.Struct, frozen=True, rename="camel"):
    """`props` are read when the type is one that is understood."""

    campaign_id: int
    effect_type: str
    props: msgspec.Raw


class Evaluated(msgspec.Struct, frozen=True, rename="camel"):
    """What the rules make of a session."""

    customer_session: Session
    effects: tuple[Effect, ...]


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    display_name: str | None = None
    display_description: str | None = None


class Campaign(msgspec.Struct, frozen=True, rename="camel"):
    """A campaign that runs now."""

    id: int
    name: str
    tags: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    attributes: Mapping[str, Any] | None = None
    rules: tuple[Rule, ...] | None = None
    start_time: Instant | None = None
    end_time: Instant | None = None


class Campaigns(msgspec.Struct, frozen=True, rename="camel"):
    data: tuple[Campaign, ...]
    has_more: bool


class Source(msgspec.Struct, frozen=True):
    pointer: str | None = None


class Wrong(msgspec.Struct, frozen=True):
    source: Source | None = None


class Refusal(msgspec.Struct, frozen=True):
    """An error; its texts are the vendor's and go nowhere."""

    errors: tuple[Wrong, ...] | None = None


EVALUATED: Final = msgspec.json.Decoder(Evaluated)
PROPS: Final = msgspec.json.Decoder(Props)
CAMPAIGNS: Final = msgspec.json.Decoder(Campaigns)
REFUSAL: Final = msgspec.json.Decoder(Refusal)
