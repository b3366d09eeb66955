"""The whole shop, made from a seed, with the clock that it lives by."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from sandbox.world import people
from sandbox.world.goods import Goods
from sandbox.world.places import CITIES, Places
from sandbox.world.prices import RATES, Terms
from sandbox.world.text import Text
from sandbox.world.tree import Tree

HOME_ZONE = ZoneInfo("Europe/Moscow")
Clock = Callable[[], dt.datetime]


@dataclass(frozen=True)
class Shop:
    """`media_url` is where pictures are served, without a slash at the end. `clock` gives aware datetimes."""

    seed: int
    product_count: int
    media_url: str
    clock: Clock

    @cached_property
    def tree(self) -> Tree:
        return Tree()

    @cached_property
    def goods(self) -> Goods:
        return Goods(self.seed, self.product_count, self.tree)

    @cached_property
    def places(self) -> Places:
        return Places(self.seed)

    def now(self) -> dt.datetime:
        """In the shop's own time zone."""
        return self.clock().astimezone(HOME_ZONE)

    def image(self, path: str, alt: str, width: int = 1200, height: int = 1200) -> dict[str, object]:
        """A picture that this sandbox draws; `path` is below `/media/`, without size and ending."""
        return {"url": f"{self.media_url}/media/{path}-{{width}}.svg", "alt": alt, "width": width, "height": height}


def terms_for(locality_id: str, channel: str, currency: str, customer_id: str | None) -> Terms:
    """What a price depends on; unknown places pay like Moscow, unknown currencies are answered in roubles."""
    city = CITIES.get(locality_id)
    person = people.find(customer_id) if customer_id else None
    standing = person.standing if person else None
    title = Text(f"Скидка уровня «{standing.title.ru}»", f"{standing.title.en} tier discount") if standing else None
    return Terms(
        zone=city.zone if city else "west",
        currency=currency if currency in RATES else "RUB",
        channel=channel,
        tier_percent=standing.price_percent if standing else 0,
        tier=title,
        contract_percent=person.contract_percent if person else 0,
    )


def month_end(now: dt.datetime, months: int) -> dt.datetime:
    """The last second of this month (`months` = 1) or of a later one."""
    total = now.year * 12 + now.month - 1 + months
    return dt.datetime(total // 12, total % 12 + 1, 1, tzinfo=HOME_ZONE) - dt.timedelta(seconds=1)


def month_start(now: dt.datetime) -> dt.datetime:
    return dt.datetime(now.year, now.month, 1, tzinfo=HOME_ZONE)
