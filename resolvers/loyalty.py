"""The customer's place in the loyalty programme, and what purchases bring."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from clients.eventual import then
from clients.loyalty import protocol as loyalty
from clients.loyalty.protocol import LoyaltyMembership, PointsMovementKind
from clients.values import DataSource
from resolvers.context import Context, Info
from resolvers.directives import SIZED_BY_FIRST
from resolvers.fields import Argument, Outcomes, describe_enum, describes, plain, pure, reads, seam
from resolvers.freshness import Freshness, Sourced
from resolvers.money import Money, PointsAmount
from resolvers.node import Kind, Node, identity
from resolvers.paging import After, First, PageInfo, chosen, cursor, page_size
from resolvers.refusals import answered
from resolvers.scalars import HTML

describe_enum(
    LoyaltyMembership,
    "Membership in the programme.",
    {
        "NOT_ENROLLED": "Not a member.",
        "PENDING": "Joining is not finished (phone not confirmed, form not filled).",
        "ACTIVE": "Member.",
        "BLOCKED": "Blocked; points can be neither earned nor spent.",
    },
)

describe_enum(
    PointsMovementKind,
    "Kind of movement of points.",
    {
        "EARNED": "Earned by a purchase or an action.",
        "ACTIVATED": "Became active.",
        "REDEEMED": "Spent.",
        "REVERSED": "Returned or withdrawn because of a return of goods.",
        "EXPIRED": "Expired.",
        "ADJUSTED": "Corrected by staff.",
    },
)


@describes(loyalty.LoyaltyCard)
class LoyaltyCard:
    """Loyalty card."""

    number: str = plain("Number for display, masked if the programme masks it.")
    barcode: str = plain("Text to draw as a bar code or QR code at the till.")


@describes(loyalty.LoyaltyBalance)
class LoyaltyBalance:
    """Points of an account."""

    available: PointsAmount = plain("Can be spent now.")
    pending: PointsAmount = plain("Earned but not active yet.")
    next_activation_at: dt.datetime | None = plain("When the next pending points become active.")


@describes(loyalty.LoyaltyTier)
class LoyaltyTier:
    """A tier."""

    code: str = plain("Machine name.")
    title: str = plain("Title.")
    earn_percent: Decimal | None = plain("Share of a purchase returned in points, in percent.")
    benefits: list[str] = plain("Privileges, in words.")
    valid_until: dt.date | None = plain("Until when the tier is kept.")


@describes(loyalty.TierProgress)
class TierProgress:
    """Way to the next tier."""

    tier: LoyaltyTier = plain("The next tier.")
    spent: Money = plain("Spent so far in the period.")
    remaining: Money = plain("To spend more.")
    period_ends_on: dt.date | None = plain("Last day of the period.")


@describes(loyalty.PointsExpiration)
class PointsExpiration:
    """Points about to expire."""

    amount: PointsAmount = plain("How many.")
    expires_at: dt.datetime = plain("When.")


@describes(loyalty.LoyaltyCoupon)
class LoyaltyCoupon:
    """A personal coupon of the programme."""

    code: str = plain("Code to apply to a cart.")
    title: str = plain("Title.")
    description: HTML | None = plain("Conditions.")
    expires_at: dt.datetime | None = plain("Until when.")


@describes(loyalty.PointsMovement)
class PointsMovement(Node):
    """A movement of points."""

    id = identity(Kind.POINTS_MOVEMENT)
    kind: PointsMovementKind = plain("Kind.")
    points: Decimal = plain("Signed points.")
    title: str = plain("Text for the shopper.")
    occurred_at: dt.datetime = plain("When.")
    activates_at: dt.datetime | None = plain("When earned points become active.")
    expires_at: dt.datetime | None = plain("When earned points expire.")


@describes(loyalty.HistoryEntry)
class PointsMovementEdge:
    """One movement in a connection."""

    cursor: str = plain("Cursor.")
    node = reads("movement", PointsMovement, "Movement.")


@describes(loyalty.PointsHistory)
class PointsMovementConnection:
    """Movements of points."""

    edges = reads("entries", list[PointsMovementEdge], "Edges.")

    @pure(list[PointsMovement])
    @staticmethod
    def nodes(value: loyalty.PointsHistory, _context: Context, /) -> list[loyalty.PointsMovement]:
        """Movements only."""
        return [entry.movement for entry in value.entries]

    page_info = reads("page", PageInfo, "Page information.")


@describes(loyalty.LoyaltyAccount)
class LoyaltyAccount(Node, Sourced):
    """The customer's place in the loyalty programme. A customer who has not joined still gets an account with
    `membership: NOT_ENROLLED` and zero balances; null would mean that the programme did not answer.
    """

    id = identity(Kind.LOYALTY_ACCOUNT)
    membership: LoyaltyMembership = plain("Membership.")
    card: LoyaltyCard | None = plain("Card, if issued.")
    balance: LoyaltyBalance = plain("Points.")
    tier: LoyaltyTier | None = plain("Current tier, if the programme has tiers.")
    next_tier: TierProgress | None = plain("Way to the next tier; null at the top or without tiers.")
    expirations: list[PointsExpiration] = plain(
        "Points about to expire, soonest first; complete for the next 12 months."
    )
    coupons: list[LoyaltyCoupon] = plain("Personal coupons.")

    @seam(PointsMovementConnection | None, source=DataSource.LOYALTY, directives=[SIZED_BY_FIRST])
    @staticmethod
    def history(
        parents: Sequence[loyalty.LoyaltyAccount],
        info: Info,
        /,
        first: First = 20,
        after: After = None,
        kinds: Annotated[list[PointsMovementKind] | None, Argument(description="Only these kinds.")] = None,
    ) -> Outcomes[loyalty.PointsHistory]:
        """Movements of points, newest first."""
        key = loyalty.HistoryKey(first=page_size(first), after=cursor(after), kinds=chosen(kinds))
        pages = info.context.loaders.history.load_many([key] * len(parents))
        return then(pages, lambda outcomes: [answered(outcome) for outcome in outcomes])

    freshness: Freshness = plain("When the programme said so.")


@describes(loyalty.PointsEstimate)
class PointsEstimate(Sourced):
    """Points a purchase would bring."""

    amount: PointsAmount = plain("How many.")
    is_personal: bool = plain("Whether computed for the current customer; otherwise for a basic member.")
    freshness: Freshness = plain("When the programme said so.")
