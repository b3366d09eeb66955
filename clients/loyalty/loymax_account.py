"""From six answers of Loymax to one loyalty account; nothing here asks anybody."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from clients.loyalty.protocol import (
    LoyaltyAccount,
    LoyaltyBalance,
    LoyaltyCard,
    LoyaltyCoupon,
    LoyaltyMembership,
    LoyaltyTier,
    PointsExpiration,
    TierProgress,
)
from clients.values import Money, PointsAmount
from clients.vendors.loymax import Currency, Data, Wire, exact, in_zone

NOT_MEMBERS: Final = frozenset({"Deregistered", "Deleted", "Anonymous"})
NOT_YET: Final = "Normal"
USABLE: Final = frozenset({"Issued", "Activated"})
ZERO: Final = Decimal(0)


class User(Wire):
    """The person whose token it is. `state` is Registered, Normal (not registered yet), or one of `NOT_MEMBERS`."""

    id: int
    person_uid: str
    state: str


class Balance(Wire):
    currency: Currency
    balance: Decimal
    not_activated: Decimal


class Change(Wire):
    """Points that will become active, or expire: then the amount is negative."""

    amount: Decimal
    date: dt.datetime


class _Period(Wire):
    """Sums without dates: `FromWeekToMonth`, `FromMonthToYear`, `FromYear`."""

    period: str
    activation_amount: Decimal = ZERO
    expiration_amount: Decimal = ZERO


class Detailed(Wire):
    currency: Currency
    account_is_blocked: bool = False
    life_times_by_time: tuple[Change, ...] | None = None
    life_times_by_period: tuple[_Period, ...] | None = None

    @property
    def dates_everything(self) -> bool:
        """Whether all that happens within a year has its date here."""
        return not any(
            one.activation_amount or one.expiration_amount
            for one in self.life_times_by_period or ()
            if one.period != "FromYear"
        )


class DetailedBalances(Wire):
    items: tuple[Detailed, ...]


class _Status(Wire):
    name: str
    description: str | None = None
    threshold: Decimal | None = None
    preferences: str | None = None
    preferences_additional: str | None = None


class StatusSystem(Wire):
    logical_name: str
    statuses: tuple[_Status, ...]
    current_status: _Status | None = None
    current_value: Decimal | None = None


class Coupon(Wire):
    code: str
    coupon_state: str
    emission_title: str | None = None
    description: str | None = None
    short_description: str | None = None
    expiry_date: dt.datetime | None = None


class Card(Wire):
    number: str
    bar_code: str | None = None
    state: str
    block: bool = False


USER: Final = Data[User](User)
BALANCES: Final = Data[tuple[Balance, ...]](tuple[Balance, ...])
DETAILED_BALANCES: Final = Data[DetailedBalances](DetailedBalances)
CHANGES: Final = Data[tuple[Change, ...]](tuple[Change, ...])
STATUSES: Final = Data[tuple[StatusSystem, ...]](tuple[StatusSystem, ...])
COUPONS: Final = Data[tuple[Coupon, ...]](tuple[Coupon, ...])
CARDS: Final = Data[tuple[Card, ...]](tuple[Card, ...])


@dataclass(frozen=True, slots=True)
class AccountParts:
    """What was answered."""

    user: User
    balances: Sequence[Balance]
    detailed: Sequence[Detailed]
    statuses: Sequence[StatusSystem]
    coupons: Sequence[Coupon]
    cards: Sequence[Card]


@dataclass(frozen=True, slots=True)
class AccountReading:
    """How an operator wants it read; see `LoymaxLoyaltyOptions`."""

    currencies: frozenset[str]
    money: str
    point_worth: Decimal | None
    status_system: str | None
    zone: dt.tzinfo

    def counts(self, currency: Currency) -> bool:
        """Whether a currency counts as points."""
        return currency.is_one_of(self.currencies)

    def points(self, amount: Decimal) -> PointsAmount:
        """Raises one of `ABSURD`."""
        points = exact(amount)
        worth = None if self.point_worth is None else Money(amount=points * self.point_worth, currency_code=self.money)
        return PointsAmount(points=points, worth=worth)

    def spendings(self, amount: Decimal) -> Money:
        return Money(amount=exact(amount), currency_code=self.money)


def not_enrolled(customer_id: str, membership: LoyaltyMembership = LoyaltyMembership.NOT_ENROLLED) -> LoyaltyAccount:
    """The account of whoever is no member: everything is zero."""
    nothing = PointsAmount(points=ZERO)
    return LoyaltyAccount(
        id=customer_id,
        customer_id=customer_id,
        membership=membership,
        balance=LoyaltyBalance(available=nothing, pending=nothing),
        expirations=(),
        coupons=(),
    )


def enrolled(
    customer_id: str, parts: AccountParts, changes: Sequence[Change], reading: AccountReading, now: dt.datetime
) -> LoyaltyAccount:
    """A member's account; raises one of `ABSURD`."""
    blocked = {one.currency.id for one in parts.detailed if reading.counts(one.currency) and one.account_is_blocked}
    counted = [one for one in parts.balances if reading.counts(one.currency)]
    membership = decide_membership(parts.user.state, is_blocked=bool(blocked) and len(blocked) >= len(counted))
    if membership in (LoyaltyMembership.NOT_ENROLLED, LoyaltyMembership.PENDING):
        return not_enrolled(customer_id, membership)
    if not counted:
        raise ValueError("expected a balance in one of the bonus currencies that count as points, got none")
    usable = [one for one in counted if one.currency.id not in blocked]
    coming = sorted((in_zone(one.date, reading.zone), one.amount) for one in changes)
    system = next((one for one in parts.statuses if one.logical_name == reading.status_system), None)
    return LoyaltyAccount(
        id=customer_id,
        customer_id=customer_id,
        membership=membership,
        balance=LoyaltyBalance(
            available=reading.points(sum((one.balance for one in usable), ZERO)),
            pending=reading.points(sum((one.not_activated for one in usable), ZERO)),
            next_activation_at=next((at for at, amount in coming if amount > 0 and at > now), None),
        ),
        expirations=tuple(
            PointsExpiration(amount=reading.points(-amount), expires_at=at)
            for at, amount in coming
            if amount < 0 and at > now
        ),
        coupons=tuple(_coupons(parts.coupons, reading, now)),
        card=_card(parts.cards),
        tier=_tier(system),
        next_tier=_next_tier(system, reading),
    )


def decide_membership(state: str, *, is_blocked: bool) -> LoyaltyMembership:
    """By Loymax's word for the person; one that we do not know is a member, since the accounts answered."""
    if state in NOT_MEMBERS:
        return LoyaltyMembership.NOT_ENROLLED
    if state == NOT_YET:
        return LoyaltyMembership.PENDING
    return LoyaltyMembership.BLOCKED if is_blocked else LoyaltyMembership.ACTIVE


def _coupons(coupons: Iterable[Coupon], reading: AccountReading, now: dt.datetime) -> Iterable[LoyaltyCoupon]:
    """Those that can be used. A state that we do not know is no promise."""
    for one in coupons:
        ends_at = None if one.expiry_date is None else in_zone(one.expiry_date, reading.zone)
        if one.coupon_state in USABLE and (ends_at is None or ends_at > now):
            yield LoyaltyCoupon(
                code=one.code,
                title=one.emission_title or one.code,
                description=one.description or one.short_description,
                expires_at=ends_at,
            )


def _card(cards: Sequence[Card]) -> LoyaltyCard | None:
    """The first card that is in use, shown by its last digits."""
    used = [one for one in cards if not one.block]
    chosen = next((one for one in used if one.state == "Activated"), used[0] if used else None)
    return None if chosen is None else LoyaltyCard(
        number=f"•••• {chosen.number[-4:]}", barcode=chosen.bar_code or chosen.number
    )  # fmt: skip


def _tier(system: StatusSystem | None) -> LoyaltyTier | None:
    return None if system is None or system.current_status is None else _as_tier(system.current_status)


def _next_tier(system: StatusSystem | None, reading: AccountReading) -> TierProgress | None:
    """The way to the nearest status above what the counter shows now."""
    if system is None or system.current_value is None:
        return None
    spent = system.current_value
    ahead = [
        (one.threshold, number, one)
        for number, one in enumerate(system.statuses)
        if one.threshold is not None and one.threshold > spent
    ]
    if not ahead:
        return None
    threshold, _, status = min(ahead)
    return TierProgress(
        tier=_as_tier(status), spent=reading.spendings(spent), remaining=reading.spendings(threshold - spent)
    )


def _as_tier(status: _Status) -> LoyaltyTier:
    """Loymax gives a status no code of its own, so its name is the code too."""
    benefits = tuple(text for text in (status.preferences, status.preferences_additional) if text)
    return LoyaltyTier(code=status.name, title=status.name, benefits=benefits)
