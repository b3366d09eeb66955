"""Points of a member: what happened to them, what will, and the coupons and the card that come with membership."""

import datetime as dt
from typing import Literal, NamedTuple

from sandbox.world.draw import draw, number_of
from sandbox.world.people import Person
from sandbox.world.shop import HOME_ZONE, month_end
from sandbox.world.text import Text

MovementKind = Literal["EARNED", "ACTIVATED", "REDEEMED", "REVERSED", "EXPIRED", "ADJUSTED"]

_MOVEMENTS = 120
_WAITING_DAYS = 14
_CARD = 61


class Movement(NamedTuple):
    """`points` are signed; `number` counts from the oldest."""

    number: int
    kind: MovementKind
    points: int
    title: Text
    days_ago: int
    order_id: str | None

    def at(self, now: dt.datetime) -> dt.datetime:
        return midnight(now, -self.days_ago) + dt.timedelta(hours=9 + self.number % 12)


class Coupon(NamedTuple):
    code: str
    title: Text
    about: Text
    ends_at: dt.datetime


# What happens around one purchase, oldest last: kind, sign, share of the purchase's points in percent, title.
_STORY: tuple[tuple[MovementKind, int, int, Text], ...] = (
    ("ADJUSTED", 1, 10, Text("Подарок от магазина", "A present from the shop")),
    ("EXPIRED", -1, 15, Text("Баллы сгорели", "Points expired")),
    ("REVERSED", -1, 30, Text("Возврат товара", "Goods returned")),
    ("REDEEMED", -1, 50, Text("Оплата баллами", "Paid in points")),
    ("ACTIVATED", 1, 100, Text("Баллы активны", "Points are active")),
    ("EARNED", 1, 100, Text("Покупка", "Purchase")),
)


def movements(person: Person) -> list[Movement]:
    """Newest first; members only."""
    if person.membership not in ("ACTIVE", "BLOCKED"):
        return []
    made = []
    for number in range(_MOVEMENTS):
        turn, step = divmod(number, len(_STORY))
        kind, sign, share, title = _STORY[step]
        purchase = 100 + draw(number_of(person.id), turn) % 900
        order = (
            f"ord-{number_of(person.id) % 10_000:04d}-{turn + 1:03d}"
            if kind in ("EARNED", "REDEEMED", "REVERSED")
            else None
        )
        made.append(Movement(_MOVEMENTS - number, kind, sign * purchase * share // 100, title, 1 + number * 3, order))
    return made


def lifetime(earned_at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """When points of a purchase become active, and when they expire."""
    active = midnight(earned_at, _WAITING_DAYS)
    return active, midnight(active, 365)


def pending(person: Person) -> int:
    """Points that an active member cannot spend yet."""
    return 10 + person.points // 4 if person.membership == "ACTIVE" else 0


def next_activation(now: dt.datetime) -> dt.datetime:
    return midnight(now, 3)


def expirations(person: Person, now: dt.datetime) -> list[tuple[int, dt.datetime]]:
    """A fifth of the points within the month, a tenth within each of the next two quarters."""
    shares = ((1, person.points // 5), (3, person.points // 10), (6, person.points // 10))
    return [(points, month_end(now, months)) for months, points in shares if points]


def coupons(person: Person, now: dt.datetime) -> list[Coupon]:
    name = person.id.removeprefix("cust-").upper()
    return [
        Coupon(
            f"{name}-500",
            Text("500 ₽ на обувь", "500 ₽ off shoes"),
            Text("<p>От 3000 ₽.</p>", "<p>From 3000 ₽.</p>"),
            month_end(now, 1),
        ),
        Coupon(
            f"{name}-MASK",
            Text("Маска в подарок", "A mask as a gift"),
            Text("<p>К любой покупке.</p>", "<p>With any purchase.</p>"),
            month_end(now, 2),
        ),
    ]


def card_digits(person: Person) -> str:
    return f"77{draw(number_of(person.id), _CARD) % 10**11:011d}"


def midnight(moment: dt.datetime, days: int) -> dt.datetime:
    """The beginning of the day so many days later, in the shop's zone."""
    day = moment.astimezone(HOME_ZONE).date() + dt.timedelta(days=days)
    return dt.datetime.combine(day, dt.time(), HOME_ZONE)
