"""What any loyalty programme promises: one customer's account and history, and estimates for purchases."""

import datetime as dt
import enum
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

from clients.errors import Outcomes
from clients.scope import ForCustomer, OfCustomer
from clients.values import (
    Instant,
    Money,
    Page,
    PointsAmount,
    Problem,
    Sourced,
    Value,
    refuse_absurd,
)

ACCOUNT: Final = "account"
"""The one key of the account that the scope's customer has."""


class LoyaltyMembership(enum.Enum):
    """Membership in the programme."""

    NOT_ENROLLED = "NOT_ENROLLED"
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"


class PointsMovementKind(enum.Enum):
    """Kind of movement of points."""

    EARNED = "EARNED"
    ACTIVATED = "ACTIVATED"
    REDEEMED = "REDEEMED"
    REVERSED = "REVERSED"
    EXPIRED = "EXPIRED"
    ADJUSTED = "ADJUSTED"


class LoyaltyCard(Value):
    """A card: its number as shown, and the text to draw at the till."""

    number: str
    barcode: str


class LoyaltyBalance(Value):
    """Points that can be spent now, and points that are earned but not active yet."""

    available: PointsAmount
    pending: PointsAmount
    next_activation_at: Instant | None = None


class LoyaltyTier(Value):
    """A tier; `earn_percent` is the share of a purchase that comes back in points."""

    code: str
    title: str
    benefits: tuple[str, ...]
    earn_percent: Decimal | None = None
    valid_until: dt.date | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.earn_percent)


class TierProgress(Value):
    """Way to the next tier: spent so far in the period, and to spend more."""

    tier: LoyaltyTier
    spent: Money
    remaining: Money
    period_ends_on: dt.date | None = None


class PointsExpiration(Value):
    """Points about to expire."""

    amount: PointsAmount
    expires_at: Instant


class LoyaltyCoupon(Value):
    """A personal coupon: its code is applied to a cart."""

    code: str
    title: str
    description: str | None = None
    expires_at: Instant | None = None


class LoyaltyAccount(Sourced):
    """One customer's place in the programme; whoever has not joined has one too, with zero balances."""

    id: str
    customer_id: str
    membership: LoyaltyMembership
    balance: LoyaltyBalance
    expirations: tuple[PointsExpiration, ...]
    coupons: tuple[LoyaltyCoupon, ...]
    card: LoyaltyCard | None = None
    tier: LoyaltyTier | None = None
    next_tier: TierProgress | None = None


class PointsMovement(Value):
    """A movement of points; `points` is signed."""

    id: str
    kind: PointsMovementKind
    points: Decimal
    title: str
    occurred_at: Instant
    activates_at: Instant | None = None
    expires_at: Instant | None = None
    order_id: str | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.points)


class HistoryEntry(Value):
    """One movement, and the cursor that continues after it."""

    cursor: str
    movement: PointsMovement


class PointsHistory(Sourced):
    """A page of movements, newest first. With a `problem` it has nothing else."""

    entries: tuple[HistoryEntry, ...]
    page: Page
    problem: Problem | None = None


class HistoryKey(Value, omit_defaults=True, cache_hash=True):
    """A page of the customer's movements; all kinds when none is named."""

    first: int
    after: str | None = None
    kinds: tuple[PointsMovementKind, ...] = ()


class PointsEstimate(Sourced):
    """Points that a purchase would bring this customer, or a basic member when not personal."""

    sku: str
    quantity: int
    amount: PointsAmount
    is_personal: bool


class EstimateKey(Value, cache_hash=True):
    """A variant in a quantity."""

    sku: str
    quantity: int = 1


class Loyalty(Protocol):
    """The loyalty programme."""

    async def fetch_accounts(self, keys: Sequence[str], scope: OfCustomer) -> Outcomes[str, LoyaltyAccount]:
        """The account of the scope's customer under the one key `ACCOUNT`."""
        ...

    async def fetch_history(self, keys: Sequence[HistoryKey], scope: OfCustomer) -> Outcomes[HistoryKey, PointsHistory]:
        """Pages of the history of the scope's customer; a bad cursor gets a page with its `problem`."""
        ...

    async def fetch_estimates(
        self, keys: Sequence[EstimateKey], scope: ForCustomer
    ) -> Outcomes[EstimateKey, PointsEstimate]:
        """Points that purchases would bring."""
        ...
