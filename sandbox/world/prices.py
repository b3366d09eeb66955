"""How a price is made: list price, promotion, app, multi-buy, tier, contract, rounding. All in whole minor units."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sandbox.world import promotions
from sandbox.world.goods import Product
from sandbox.world.promotions import Promotion
from sandbox.world.text import Text

ZONE_PERCENT = {"west": 100, "ural": 102, "siberia": 103, "east": 107}
# Minor units of the currency for one kopeck, in millionths; and what prices are rounded down to.
RATES = {"RUB": (1_000_000, 100), "KZT": (5_600_000, 100), "BYN": (36_000, 1)}
SYMBOLS = {"RUB": "₽", "KZT": "₸", "BYN": "Br"}


class Terms(NamedTuple):
    """Everything that a price depends on besides the goods. Hashable: it is part of cache keys."""

    zone: str
    currency: str
    channel: str
    tier_percent: int = 0
    tier: Text | None = None
    contract_percent: int = 0


class Step(NamedTuple):
    """`amount` is signed."""

    kind: str
    title: Text
    amount: int
    promotion: Promotion | None = None


class Made(NamedTuple):
    """A price of one unit: what it is and how it came about."""

    steps: tuple[Step, ...]
    current: int
    listed: int
    is_personal: bool


def in_currency(kopecks: int, currency: str) -> int:
    """Converted at the shop's own rate and rounded half up to a whole minor unit, or to its grain when it has one."""
    rate, grain = RATES[currency]
    minor = (kopecks * rate + 500_000) // 1_000_000
    return (minor + grain // 2) // grain * grain


def listed(roubles: int, terms: Terms) -> int:
    """The price list of a zone: dearer zones are rounded up to ten roubles."""
    kopecks = -(-roubles * ZONE_PERCENT[terms.zone] // 1000) * 1000
    return in_currency(kopecks, terms.currency)


def unit_price(
    product: Product, roubles: int, terms: Terms, quantity: int = 1, taken: Sequence[Promotion] | None = None
) -> Made:
    """The price of one unit when `quantity` are bought; `taken` saves working out the product's promotions again."""
    base = listed(roubles, terms)
    taken = promotions.taken_by(product, terms.channel) if taken is None else taken
    steps = [Step("BASE", Text("Цена по прейскуранту", "List price"), base)]
    now = base
    for step in _reductions(product, base, terms, quantity, taken):
        steps.append(step)
        now += step.amount
    rest = now % RATES[terms.currency][1]
    if rest:
        steps.append(Step("ROUNDING", Text("Округление", "Rounding"), -rest))
        now -= rest
    is_personal = any(step.kind in ("LOYALTY_TIER", "PERSONAL") for step in steps)
    return Made(tuple(steps), now, base, is_personal)


def _reductions(product: Product, base: int, terms: Terms, quantity: int, taken: Sequence[Promotion]) -> Iterator[Step]:
    now = base
    for promotion in _linear(taken):
        off = _off(promotion, now, terms)
        yield Step("PROMOTION", promotion.title, -off, promotion)
        now -= off
    multi_buy = _multi_buy(taken, now, terms, quantity)
    if multi_buy is not None:
        yield multi_buy
        now += multi_buy.amount
    if terms.tier is not None and terms.tier_percent:
        off = percent_of(now, terms.tier_percent)
        yield Step("LOYALTY_TIER", terms.tier, -off)
        now -= off
    if terms.contract_percent and has_contract(product):
        yield Step("PERSONAL", Text("Ваша цена", "Your price"), -percent_of(now, terms.contract_percent))


def _linear(taken: Sequence[Promotion]) -> Iterator[Promotion]:
    """The best plain reduction, and the app's on top of it."""
    plain = [it for it in taken if it.mechanic["kind"] == "PRICE_OFF" and not it.requires_promo_code]
    yield from [promotion for promotion in plain if not promotion.channels][:1]
    yield from [promotion for promotion in plain if promotion.channels]


def _off(promotion: Promotion, price: int, terms: Terms) -> int:
    percent, amount = promotion.mechanic.get("percent"), promotion.mechanic.get("amount")
    if isinstance(percent, int):
        return percent_of(price, percent)
    assert isinstance(amount, int)
    return in_currency(amount * 100, terms.currency)


def _multi_buy(taken: Sequence[Promotion], price: int, terms: Terms, quantity: int) -> Step | None:
    """Spread evenly over all units that are bought; whoever buys too few pays in full."""
    for promotion in taken:
        mechanic = promotion.mechanic
        if mechanic["kind"] != "MULTI_BUY":
            continue
        buy, reduced = mechanic["buyQuantity"], mechanic["discountedQuantity"]
        assert isinstance(buy, int)
        assert isinstance(reduced, int)
        groups = quantity // buy
        saved = groups * (buy * price - _group_price(mechanic, price, buy, reduced, terms)) // quantity
        return Step("CART_PROMOTION", promotion.title, -saved, promotion) if saved > 0 else None
    return None


def _group_price(mechanic: dict[str, object], price: int, buy: int, reduced: int, terms: Terms) -> int:
    whole, percent = mechanic.get("setPrice"), mechanic.get("percent")
    if isinstance(whole, int):
        return in_currency(whole * 100, terms.currency)
    assert isinstance(percent, int)
    return buy * price - reduced * percent_of(price, percent)


def percent_of(minor: int, percent: int) -> int:
    """Rounded half up to a whole minor unit."""
    return (minor * percent + 50) // 100


def has_contract(product: Product) -> bool:
    """Whether contracts with companies cover the product."""
    return product.number == 1 or product.dice % 3 == 0


def decimal(minor: int) -> str:
    """Minor units as an exact decimal of major ones: -1990 becomes `-19.90`."""
    whole, rest = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole}.{rest:02d}"


def money(minor: int, currency: str) -> dict[str, str]:
    return {"amount": decimal(minor), "currencyCode": currency}
