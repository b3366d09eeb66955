"""Loyalty by Voucherify: a customer's card of one programme, its points, tier, coupons and transactions.

A customer is known there by our own id. The list of what was given to a customer has the card with
its balance, and the coupons, in one call; tier, expirations and points that wait are asked for by the
card. There is no operation that tells what a purchase would bring, so there are no estimates, and
tiers count points, not money, so there is no way to the next one.
"""

import asyncio
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from pydantic import Field

from clients.annotations import said_in
from clients.contract import in_batches
from clients.errors import NotOffered, Outcomes, SourceError
from clients.http import Upstream
from clients.loyalty.protocol import (
    ACCOUNT,
    EstimateKey,
    HistoryEntry,
    HistoryKey,
    LoyaltyAccount,
    LoyaltyBalance,
    LoyaltyCard,
    LoyaltyCoupon,
    LoyaltyMembership,
    LoyaltyTier,
    PointsEstimate,
    PointsExpiration,
    PointsHistory,
    PointsMovement,
    PointsMovementKind,
)
from clients.loyalty.voucherify_wire import (
    BUCKETS,
    PENDING,
    PROGRAMME,
    REDEEMABLES,
    TIERS,
    TRANSACTIONS,
    Buckets,
    Card,
    Held,
    PendingList,
    Tier,
    Transaction,
    Transactions,
    Voucher,
)
from clients.scope import ForCustomer, OfCustomer
from clients.values import LAST_PAGE, Dataset, Money, Page, PointsAmount, Problem
from clients.vendors.voucherify import Answered, Voucherify, VoucherifyAccount

PAGE: Final = 100
REDEEMABLES_PAGES: Final = 5
HISTORY_PAGES: Final = 5
HISTORIES_LIMIT: Final = 20
NO_KEYS: Final = frozenset({"", ".", ".."})
NO_POINTS: Final = Decimal(0)
CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")

KINDS: Final = {
    "POINTS_ACCRUAL": PointsMovementKind.EARNED,
    "PENDING_POINTS_ACTIVATION": PointsMovementKind.ACTIVATED,
    "POINTS_REDEMPTION": PointsMovementKind.REDEEMED,
    "POINTS_REFUND": PointsMovementKind.REVERSED,
    "POINTS_EXPIRATION": PointsMovementKind.EXPIRED,
}
"""All others, and those that are new, are adjustments."""

TITLES: Final = {
    PointsMovementKind.EARNED: ("Начисление баллов", "Points earned"),
    PointsMovementKind.ACTIVATED: ("Баллы активны", "Points are active"),
    PointsMovementKind.REDEEMED: ("Списание баллов", "Points spent"),
    PointsMovementKind.REVERSED: ("Возврат баллов", "Points returned"),
    PointsMovementKind.EXPIRED: ("Баллы сгорели", "Points expired"),
    PointsMovementKind.ADJUSTED: ("Изменение баланса", "Balance adjusted"),
}


class VoucherifyLoyaltySettings(VoucherifyAccount):
    """Options of Voucherify where it keeps the points."""

    programme: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="Campaign id of the loyalty programme.")
    zone: ZoneInfo = Field(description="Time zone of the project: days of expiration and activation come without one.")
    point_worth: Decimal | None = Field(
        default=None, gt=0, description="What one point is worth in the currency, where the programme publishes it."
    )


@dataclass(frozen=True, slots=True)
class VoucherifyLoyalty:
    """Fulfils `clients.loyalty.protocol.Loyalty`."""

    upstream: Upstream
    settings: VoucherifyLoyaltySettings
    now: Callable[[], float]

    async def ping(self) -> None:
        """Read the programme; raises a SourceError."""
        path = f"/v1/loyalties/{self.settings.programme}"
        await self._project.ask("GET", path, PROGRAMME, operation="loyalty.programme")

    async def fetch_accounts(self, keys: Sequence[str], scope: OfCustomer) -> Outcomes[str, LoyaltyAccount]:
        async def fetch(_: Sequence[str]) -> dict[str, LoyaltyAccount | SourceError]:
            held, observed_at = await self._held(scope)
            try:
                return {ACCOUNT: await self._account(held, observed_at, scope)}
            except ValueError as error:
                raise self._project.broken(f"an account: {error}") from None

        return await in_batches(keys, 1, fetch)

    async def fetch_history(self, keys: Sequence[HistoryKey], scope: OfCustomer) -> Outcomes[HistoryKey, PointsHistory]:
        async def fetch(some: Sequence[HistoryKey]) -> dict[HistoryKey, PointsHistory | SourceError]:
            held, observed_at = await self._held(scope)
            card = self._card(held)
            pages = await asyncio.gather(*(self._history(key, card, scope, observed_at) for key in some))
            return dict(zip(some, pages, strict=True))

        return await in_batches(keys, HISTORIES_LIMIT, fetch)

    async def fetch_estimates(
        self, keys: Sequence[EstimateKey], scope: ForCustomer
    ) -> Outcomes[EstimateKey, PointsEstimate]:
        """None: Voucherify does not say what a purchase would bring, and earning rules need an order to judge."""
        del scope
        return dict.fromkeys(keys, NotOffered(self.upstream.source))

    @property
    def _project(self) -> Voucherify:
        return Voucherify(self.upstream, self.settings, self.now)

    async def _held(self, scope: OfCustomer) -> Answered[list[Held]]:
        """All that was given to the scope's customer; nothing when Voucherify has never heard of them."""
        held: list[Held] = []
        if scope.customer_id in NO_KEYS:
            raise self._project.broken("a customer id that no path can hold")
        observed_at = dt.datetime.fromtimestamp(self.now(), dt.UTC)
        after: dict[str, str] = {}
        for _ in range(REDEEMABLES_PAGES):
            path = (
                f"/v1/customers/{quote(scope.customer_id, safe='')}/redeemables?{urlencode({'limit': PAGE, **after})}"
            )
            answer = await self._project.find(path, REDEEMABLES, operation="loyalty.accounts")
            if answer is None:
                return Answered(held, observed_at)
            held += answer.value.data
            observed_at = answer.observed_at
            if not answer.value.has_more or not answer.value.more_starting_after:
                return Answered(self._of_one_owner(held), observed_at)
            after = {"starting_after_id": answer.value.more_starting_after}
        raise self._project.broken(f"expected at most {PAGE * REDEEMABLES_PAGES} redeemables of one customer")

    def _of_one_owner(self, held: list[Held]) -> list[Held]:
        """An answer about several customers belongs to none of them."""
        if len({one.customer_id for one in held}) > 1:
            raise self._project.broken("redeemables of more than one customer")
        return held

    def _card(self, held: Sequence[Held]) -> Voucher | None:
        """The card of the programme that the customer holds."""
        for one in held:
            is_card = one.voucher_type == "LOYALTY_CARD" and one.campaign_id == self.settings.programme
            if is_card and one.holder_role in (None, "OWNER") and one.redeemable is not None:
                return one.redeemable.voucher
        return None

    async def _account(self, held: Sequence[Held], observed_at: dt.datetime, scope: OfCustomer) -> LoyaltyAccount:
        voucher = self._card(held)
        freshness = self._project.received(observed_at, Dataset.LOYALTY_ACCOUNT)
        coupons = tuple(coupon for one in held if (coupon := coupon_of(one, scope.language)) is not None)
        if voucher is None or voucher.loyalty_card is None:
            nothing = LoyaltyBalance(available=self._points(NO_POINTS), pending=self._points(NO_POINTS))
            return LoyaltyAccount(
                id=scope.customer_id,
                customer_id=scope.customer_id,
                membership=LoyaltyMembership.NOT_ENROLLED,
                balance=nothing,
                expirations=(),
                coupons=coupons,
                freshness=freshness,
            )
        tiers, buckets, pending = await self._of_card(voucher, voucher.loyalty_card)
        return LoyaltyAccount(
            id=voucher.code,
            customer_id=scope.customer_id,
            membership=self._membership(voucher),
            balance=self._balance(voucher.loyalty_card, pending),
            expirations=self._expirations(buckets),
            coupons=coupons,
            card=LoyaltyCard(number=f"•••• {voucher.code[-4:]}", barcode=voucher.code),
            tier=tier_of(tiers[0], scope.language) if tiers else None,
            freshness=freshness,
        )

    async def _of_card(self, voucher: Voucher, card: Card) -> tuple[Sequence[Tier], Buckets, PendingList]:
        """Tier, expirations and waiting points; what the balance says there is none of is not asked for."""
        code = quote(voucher.code, safe="")
        project, programme = self._project, self.settings.programme
        expirations = f"/v1/loyalties/{programme}/members/{code}/points-expiration?limit={PAGE}"

        async def waiting() -> PendingList:
            if not card.pending_points:
                return PendingList(data=())
            path = f"/v1/loyalties/members/{code}/pending-points?limit={PAGE}"
            return (await project.ask("GET", path, PENDING, operation="loyalty.pending")).value

        async def going() -> Buckets:
            if card.next_expiration_date is None:
                return Buckets(data=())
            return (await project.ask("GET", expirations, BUCKETS, operation="loyalty.expirations")).value

        tiers, buckets, pending = await asyncio.gather(
            project.ask("GET", f"/v1/loyalties/members/{code}/tiers", TIERS, operation="loyalty.tiers"),
            going(),
            waiting(),
        )
        return tiers.value.data, buckets, pending

    def _membership(self, voucher: Voucher) -> LoyaltyMembership:
        ended = voucher.expiration_date is not None and voucher.expiration_date.timestamp() <= self.now()
        is_active = voucher.active is not False and not ended
        return LoyaltyMembership.ACTIVE if is_active else LoyaltyMembership.BLOCKED

    def _balance(self, card: Card, pending: PendingList) -> LoyaltyBalance:
        if card.balance is None:
            raise self._project.broken("a loyalty card without its balance")
        days = [one.activates_at for one in pending.data if one.activates_at is not None]
        return LoyaltyBalance(
            available=self._points(Decimal(card.balance)),
            pending=self._points(Decimal(card.pending_points or 0)),
            next_activation_at=self._midnight(min(days)) if days else None,
        )

    def _expirations(self, buckets: Buckets) -> tuple[PointsExpiration, ...]:
        going = sorted(
            (one.expires_at, one.bucket.total_points)
            for one in buckets.data
            if one.expires_at is not None and one.bucket is not None and one.bucket.total_points
        )
        return tuple(
            PointsExpiration(amount=self._points(Decimal(points)), expires_at=self._midnight(day))
            for day, points in going
        )

    def _points(self, points: Decimal) -> PointsAmount:
        worth = self.settings.point_worth
        if worth is None:
            return PointsAmount(points=points)
        return PointsAmount(points=points, worth=Money(amount=points * worth, currency_code=self.settings.currency))

    def _midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.settings.zone)

    async def _history(
        self, key: HistoryKey, card: Voucher | None, scope: OfCustomer, observed_at: dt.datetime
    ) -> PointsHistory | SourceError:
        try:
            return await self._read_history(key, card, scope, observed_at)
        except SourceError as error:
            return error
        except ValueError as error:
            return self._project.broken(f"a history: {error}")

    async def _read_history(
        self, key: HistoryKey, card: Voucher | None, scope: OfCustomer, observed_at: dt.datetime
    ) -> PointsHistory:
        """Voucherify does not filter by kind, so pages are read until enough is found, `HISTORY_PAGES` at most."""
        freshness = self._project.received(observed_at, Dataset.POINTS_HISTORY)
        refused = PointsHistory(entries=(), page=LAST_PAGE, problem=Problem.BAD_CURSOR, freshness=freshness)
        if key.after is not None and (card is None or CURSOR.fullmatch(key.after) is None):
            return refused
        found: list[HistoryEntry] = []
        last, has_more = key.after, card is not None
        for _ in range(HISTORY_PAGES):
            if card is None or not has_more or len(found) == key.first:
                break
            limit = PAGE if key.kinds else min(key.first, PAGE)
            answer = await self._transactions(card.code, limit, last)
            if answer is None:
                if last is None:
                    raise self._project.broken("a card that was held a moment ago is not known")
                return refused
            has_more = bool(answer.has_more)
            for one in answer.data:
                if len(found) == key.first:
                    has_more = True
                    break
                last = one.id
                if not key.kinds or kind_of(one) in key.kinds:
                    found.append(HistoryEntry(cursor=one.id, movement=movement_of(one, scope.language)))
        page = Page(
            has_next_page=has_more,
            has_previous_page=key.after is not None,
            start_cursor=found[0].cursor if found else None,
            end_cursor=last,
        )
        return PointsHistory(entries=tuple(found), page=page, freshness=freshness)

    async def _transactions(self, code: str, limit: int, after: str | None) -> Transactions | None:
        """None when Voucherify does not know where to continue."""
        query = {"limit": str(limit), "order": "-id"} | ({"starting_after_id": after} if after is not None else {})
        path = f"/v1/loyalties/members/{quote(code, safe='')}/transactions?{urlencode(query)}"
        answer = await self._project.find(path, TRANSACTIONS, operation="loyalty.history")
        return answer.value if answer is not None else None


def coupon_of(held: Held, language: str) -> LoyaltyCoupon | None:
    """A discount code that can be used now."""
    voucher = held.redeemable.voucher if held.redeemable is not None else None
    if voucher is None or held.voucher_type != "DISCOUNT_VOUCHER" or held.holder_role not in (None, "OWNER"):
        return None
    if held.redeemable is not None and held.redeemable.status not in (None, "ACTIVE"):
        return None
    return LoyaltyCoupon(
        code=voucher.code,
        title=said_in(voucher.metadata, "title", language) or voucher.campaign or voucher.code,
        description=said_in(voucher.metadata, "description", language) or voucher.additional_info,
        expires_at=voucher.expiration_date,
    )


def tier_of(tier: Tier, language: str) -> LoyaltyTier:
    """Title, benefits (separated by semicolons) and share of purchases are the retailer's own metadata."""
    benefits = (said_in(tier.metadata, "benefits", language) or "").split(";")
    return LoyaltyTier(
        code=said_in(tier.metadata, "code", language) or tier.id,
        title=said_in(tier.metadata, "title", language) or tier.name or tier.id,
        benefits=tuple(benefit.strip() for benefit in benefits if benefit.strip()),
        earn_percent=_decimal(tier.metadata, "earn_percent"),
        valid_until=tier.expiration.expiration_date if tier.expiration is not None else None,
    )


def kind_of(one: Transaction) -> PointsMovementKind:
    return KINDS.get(one.type, PointsMovementKind.ADJUSTED)


def movement_of(one: Transaction, language: str) -> PointsMovement:
    kind, details = kind_of(one), one.details
    rule = details.earning_rule.source.banner if details.earning_rule and details.earning_rule.source else None
    points = details.balance.points if details.balance is not None else None
    return PointsMovement(
        id=one.id,
        kind=kind,
        points=Decimal(points or 0),
        title=one.reason or rule or TITLES[kind][language[:2].lower() == "en"],
        occurred_at=one.created_at,
        order_id=details.order.source_id if details.order is not None else None,
    )


def _decimal(metadata: Mapping[str, Any] | None, name: str) -> Decimal | None:
    """A number of the metadata, written as one or as a text; what is neither is not there."""
    try:
        number = Decimal(str((metadata or {}).get(name)))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= 100 else None  # noqa: PLR2004 (percent)
