"""Loymax Processing over the shop's goods: previews of single goods, and cheques with a line or more."""

from collections.abc import Iterator

from sandbox.upstreams.contract import Json
from sandbox.vendors.loymax_answers import BONUS, uid_of
from sandbox.world import prices, promotions
from sandbox.world.draw import number_of
from sandbox.world.goods import Product
from sandbox.world.people import Person
from sandbox.world.places import CITIES
from sandbox.world.prices import ZONE_PERCENT, Made, Step, Terms
from sandbox.world.shop import Shop, terms_for

AMOUNT_ATTRIBUTE = 17
"""The attribute of goods that holds their list price."""

MERCHANTS = {zone: uid_of("merchant", zone) for zone in ZONE_PERCENT}
"""One place of sale for each price list."""

_ZONES = {uid: zone for zone, uid in MERCHANTS.items()}


def known() -> Json:
    """What an operator writes for the whole country."""
    return {
        "merchantUid": MERCHANTS["west"],
        "merchants": {locality_id: MERCHANTS[city.zone] for locality_id, city in CITIES.items()},
        "amountAttributeId": AMOUNT_ATTRIBUTE,
    }


def goods(shop: Shop, asked: Json) -> Json:
    """For everybody; goods that there are none of, and a place that does not exist, have no answer."""
    zone = _ZONES.get(asked.get("merchantUid", ""))
    rows = []
    for wanted in asked["goods"]:
        at = shop.goods.by_sku(wanted["goodsId"])
        if at is None or zone is None or asked.get("goodsAmountAttributeId") != AMOUNT_ATTRIBUTE:
            continue
        made = prices.unit_price(at[0], at[0].roubles(at[1]), Terms(zone, "RUB", "WEB"))
        rows.append(
            {
                "goodsId": wanted["goodsId"],
                "originalAmount": made.listed / 100,
                "calculationResults": [_preview(at[0], made, has_cashback=asked.get("isCalculateCashback", False))],
            }
        )
    return {"goods": rows}


def _preview(product: Product, made: Made, *, has_cashback: bool) -> Json:
    given = [
        {"offerInfo": _offer(step), "amount": -step.amount / 100} for step in made.steps if step.promotion is not None
    ]
    preview: Json = {
        "keys": [],
        "discount": {
            "goodsCalculationDiscountResult": given,
            "sumDiscount": (made.listed - made.current) / 100,
            "resultAmount": made.current / 100,
        },
        "cashback": None,
    }
    if has_cashback:
        points = basic_points(product, made)
        preview["cashback"] = {
            "goodsCalculationCashbackResult": [
                {"offerInfo": _named("Баллы за покупки"), "amount": float(points), "currency": BONUS["uid"]}
            ],
            "amount": float(points),
        }
    return preview


def basic_points(product: Product, made: Made) -> int:
    """What a basic member earns for one unit: as the shop's own loyalty programme counts."""
    points = made.current * 3 // 10_000
    if promotions.takes_part(promotions.BY_ID["promo-double-points"], product):
        points *= 2
    if points and promotions.takes_part(promotions.BY_ID["promo-welcome-points"], product):
        points += 300
    return points


def calculated(shop: Shop, asked: Json, person: Person | None, code: str) -> list[Json]:
    """A list with one operation, as Loymax has it; anything but `Ok` has no cheque."""
    operation: Json = {
        "transactionId": number_of(asked["operationId"]),
        "deviceLogicalId": "web",
        "operationId": asked["operationId"],
        "code": code,
        "errorMessage": None if code == "Ok" else "Ошибка: ORA-12154",
        "cashierMessage": None,
        "chequeMessage": None,
        "cheque": None,
        "availableAmount": 0.0,
        "availableBonusAmount": 0.0,
        "balance": 0.0,
        "giftCertificates": [],
    }
    if code == "Ok":
        lines = [_line(shop, line, person) for line in asked["cheque"]["lines"]]
        operation["cheque"] = {
            "totalAmount": sum(line["amount"] for line in lines),
            "totalDiscount": sum(line["discount"] for line in lines),
            "totalCashback": 0.0,
            "lines": lines,
        }
    return [operation]


def _line(shop: Shop, line: Json, person: Person | None) -> Json:
    """Amounts of all units together. The till says what one costs before; the zone is the one that has that price."""
    discount, offers = 0, []
    at = shop.goods.by_sku(line["goodsId"])
    if at is not None:
        made = _made(at[0], at[0].roubles(at[1]), line, person)
        discount = (made.listed - made.current) * line["quantity"]
        offers = [_offer(step) for step in made.steps if step.kind not in ("BASE", "ROUNDING")]
    return {
        "position": line["position"],
        "amount": line["amount"],
        "discount": discount / 100,
        "cashback": 0.0,
        "payAmount": line["amount"] - discount / 100,
        "message": None,
        "appliedOffers": offers,
    }


def _made(product: Product, roubles: int, line: Json, person: Person | None) -> Made:
    personal = terms_for("msk", "WEB", "RUB", person.id if person else None)
    fitting: Iterator[Terms] = (
        terms
        for zone in ZONE_PERCENT
        if prices.listed(roubles, terms := personal._replace(zone=zone)) == round(line["price"] * 100)
    )
    return prices.unit_price(product, roubles, next(fitting, personal), line["quantity"])


def _offer(step: Step) -> Json:
    if step.promotion is None:
        return _named(step.title.ru)
    return {**_named(step.promotion.title.ru), "externalId": step.promotion.id}


def _named(name: str) -> Json:
    return {"id": number_of(name) % 100_000, "versionId": 1, "name": name, "externalId": None}
