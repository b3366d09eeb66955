"""Voucherify's cards, tiers and transactions as they come; every field may be missing or null."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from clients.values import Instant


class Card(msgspec.Struct, frozen=True):
    """`points` are all that were ever added; what can be spent is `balance`."""

    points: int | None = None
    balance: int | None = None
    pending_points: int | None = None
    next_expiration_date: dt.date | None = None
    next_expiration_points: int | None = None


class Voucher(msgspec.Struct, frozen=True):
    code: str
    campaign: str | None = None
    active: bool | None = None
    expiration_date: Instant | None = None
    additional_info: str | None = None
    metadata: Mapping[str, Any] | None = None
    loyalty_card: Card | None = None


class HeldVoucher(msgspec.Struct, frozen=True):
    voucher: Voucher | None = None
    status: str | None = None


class Held(msgspec.Struct, frozen=True):
    """Something that was given to a customer."""

    id: str
    customer_id: str | None = None
    holder_role: str | None = None
    campaign_id: str | None = None
    voucher_type: str | None = None
    redeemable: HeldVoucher | None = None


class Redeemables(msgspec.Struct, frozen=True):
    data: tuple[Held, ...]
    has_more: bool | None = None
    more_starting_after: str | None = None


class TierExpiration(msgspec.Struct, frozen=True):
    expiration_date: dt.date | None = None


class Tier(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    metadata: Mapping[str, Any] | None = None
    expiration: TierExpiration | None = None


class Tiers(msgspec.Struct, frozen=True):
    data: tuple[Tier, ...]


class Bucket(msgspec.Struct, frozen=True):
    total_points: int | None = None


class PointsBucket(msgspec.Struct, frozen=True):
    """Points with the day they are gone; those that never go have none."""

    bucket: Bucket | None = None
    status: str | None = None
    expires_at: dt.date | None = None


class Buckets(msgspec.Struct, frozen=True):
    data: tuple[PointsBucket, ...]
    total: int | None = None


class Pending(msgspec.Struct, frozen=True):
    activates_at: dt.date | None = None
    points: int | None = None


class PendingList(msgspec.Struct, frozen=True):
    data: tuple[Pending, ...]


class Balance(msgspec.Struct, frozen=True):
    points: int | None = None


class OfOrder(msgspec.Struct, frozen=True):
    source_id: str | None = None


class RuleSource(msgspec.Struct, frozen=True):
    banner: str | None = None


class Rule(msgspec.Struct, frozen=True):
    source: RuleSource | None = None


class Details(msgspec.Struct, frozen=True):
    balance: Balance | None = None
    order: OfOrder | None = None
    earning_rule: Rule | None = None


class Transaction(msgspec.Struct, frozen=True):
    """`details.balance.points` is signed."""

    id: str
    type: str
    created_at: Instant
    details: Details
    reason: str | None = None


class Transactions(msgspec.Struct, frozen=True):
    data: tuple[Transaction, ...]
    has_more: bool | None = None
    more_starting_after: str | None = None


class Programme(msgspec.Struct, frozen=True):
    id: str


REDEEMABLES: Final = msgspec.json.Decoder(Redeemables)
TIERS: Final = msgspec.json.Decoder(Tiers)
BUCKETS: Final = msgspec.json.Decoder(Buckets)
PENDING: Final = msgspec.json.Decoder(PendingList)
TRANSACTIONS: Final = msgspec.json.Decoder(Transactions)
PROGRAMME: Final = msgspec.json.Decoder(Programme)
