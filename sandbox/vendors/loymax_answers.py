"""What this Loymax says of a person: the shop's own points, in the shapes of the vendor's third-party clients."""

import datetime as dt
import uuid
from typing import Any

from sandbox.upstreams.contract import Json
from sandbox.world import points
from sandbox.world.draw import number_of
from sandbox.world.people import TIERS, Person, Tier
from sandbox.world.points import Movement

STATUS_SYSTEM = "ShopStatuses"
WEEK = dt.timedelta(days=7)
MONTH = dt.timedelta(days=30)
YEAR = dt.timedelta(days=365)
WELCOME_POINTS = 50

BONUS: Json = {
    "id": 1,
    "name": "Бонусы",
    "code": "Currency1",
    "uid": "0193260a-8040-7d4c-a916-0fbbad2a3e0d",
    "externalId": "0193260a-8040-7d4c-a916-0fbbad2a3e0d",
    "description": "Общая внутрисистемная валюта",
    "isDeleted": False,
    "nameCases": {"nominative": "бонус", "genitive": "бонуса", "plural": "бонусов", "abbreviation": "бнс."},
}
WELCOME: Json = {
    **BONUS,
    "id": 4,
    "name": "Приветственные бонусы",
    "code": "Currency3",
    "uid": "01932613-26ab-7ca1-8438-f3eba0a8443e",
    "externalId": "01932613-26ab-7ca1-8438-f3eba0a8443e",
}
"""A second currency that everybody has a little of: a balance is a list."""

SUCCESS = {"state": "Success", "message": None, "messageCode": None, "exception": None, "validationErrors": None}


def enveloped(data: Any, *, leaves_out_offsets: bool, has_news: bool) -> Json:
    """Data in the envelope that everything has; without zones, or with what nobody knows, where it is told so."""
    if leaves_out_offsets:
        data = _local(data)
    if has_news:
        data = _with_news(data)
    return {"data": data, "result": SUCCESS}


def failed(state: str) -> Json:
    """Said with HTTP 200."""
    errors = [{"field": "filter.count", "errorMessages": ["Недопустимое значение"]}]
    result = {
        **SUCCESS,
        "state": state,
        "message": "Ошибка обработки запроса: ORA-12154",
        "messageCode": "Common.Error",
        "validationErrors": errors if state == "ValidationError" else None,
    }
    return {"data": None, "result": result}


def person_uid(person: Person) -> str:
    return uid_of("person", person.id)


def user(person: Person) -> Json:
    return {
        "id": number_of(person.id),
        "personUid": person_uid(person),
        "firstName": person.first_name,
        "lastName": person.last_name,
        "patronymicName": None,
        "birthDay": person.birthday,
        "state": "Normal" if person.membership == "PENDING" else "Registered",
        "phoneNumber": f"***{person.phone[-4:]}",
        "email": None,
    }


def balance(person: Person) -> list[Json]:
    return [
        {
            "currency": BONUS,
            "balance": float(_spendable(person)),
            "notActivated": float(points.pending(person)),
            "accumulated": float(person.points * 3),
            "paid": float(person.points * 2),
        },
        {
            "currency": WELCOME,
            "balance": float(WELCOME_POINTS),
            "notActivated": 0.0,
            "accumulated": float(WELCOME_POINTS),
            "paid": 0.0,
        },
    ]


def detailed_balance(person: Person, now: dt.datetime) -> Json:
    """Changes of the coming week with their dates; what is later in sums."""
    rows = changes(person, now, BONUS["id"])
    dated = [(dt.datetime.fromisoformat(row["date"]), row["amount"]) for row in rows]
    later = [("FromWeekToMonth", WEEK, MONTH), ("FromMonthToYear", MONTH, YEAR)]
    return {
        "items": [
            {
                "currency": BONUS,
                "amount": float(_spendable(person)),
                "notActivatedAmount": float(points.pending(person)),
                "accountIsBlocked": person.membership == "BLOCKED",
                "lifeTimesByTime": [row for row in rows if dt.datetime.fromisoformat(row["date"]) <= now + WEEK],
                "lifeTimesByPeriod": [
                    {
                        "activationAmount": sum(a for at, a in dated if a > 0 and now + start < at <= now + end),
                        "expirationAmount": -sum(a for at, a in dated if a < 0 and now + start < at <= now + end),
                        "period": name,
                    }
                    for name, start, end in later
                ],
            },
            {
                "currency": WELCOME,
                "amount": float(WELCOME_POINTS),
                "notActivatedAmount": 0.0,
                "accountIsBlocked": False,
                "lifeTimesByTime": [],
                "lifeTimesByPeriod": [],
            },
        ]
    }


def changes(person: Person, now: dt.datetime, currency_id: int) -> list[Json]:
    """What becomes active and what expires, by date."""
    if person.membership != "ACTIVE" or currency_id != BONUS["id"]:
        return []
    rows = [(points.next_activation(now), float(points.pending(person)))]
    rows += [(at, -float(some)) for some, at in points.expirations(person, now)]
    return [{"amount": amount, "date": at.isoformat()} for at, amount in sorted(rows)]


def status(person: Person) -> list[Json]:
    if person.membership != "ACTIVE":
        return []
    top = person.tier + 1 == len(TIERS)
    return [
        {
            "name": "Статусы магазина",
            "logicalName": STATUS_SYSTEM,
            "description": "",
            "statuses": [_status(tier) for tier in TIERS],
            "currentStatus": _status(TIERS[person.tier]),
            "currentValue": float(person.spent),
            "nextStatusValue": 0.0 if top else float(TIERS[person.tier + 1].from_roubles),
        }
    ]


def _status(tier: Tier) -> Json:
    first, *more = (benefit.ru for benefit in tier.benefits)
    return {
        "name": tier.title.ru,
        "description": None,
        "threshold": float(tier.from_roubles),
        "preferences": first,
        "preferencesAdditional": ", ".join(more) or None,
    }


def coupons(person: Person, now: dt.datetime, states: list[str]) -> list[Json]:
    """Two that can be used and one that was."""
    if person.membership != "ACTIVE":
        return []
    made = [
        {
            "id": number_of(coupon.code),
            "code": coupon.code,
            "qrContent": coupon.code,
            "createDate": points.midnight(now, -10).isoformat(),
            "updateDate": points.midnight(now, -10).isoformat(),
            "activationDate": points.midnight(now, -10).isoformat(),
            "expiryDate": coupon.ends_at.isoformat(),
            "couponState": "Issued",
            "emissionTitle": coupon.title.ru,
            "emissionId": 7,
            "emissionUid": uid_of("emission", coupon.title.en),
            "shortDescription": None,
            "description": coupon.about.ru,
            "imageFile": None,
        }
        for coupon in points.coupons(person, now)
    ]
    used = {**made[0], "id": 1, "code": f"{made[0]['code']}-USED", "couponState": "Used"}
    return [coupon for coupon in (*made, used) if not states or coupon["couponState"] in states]


def cards(person: Person) -> list[Json]:
    if person.membership not in ("ACTIVE", "BLOCKED"):
        return []
    digits = points.card_digits(person)
    return [
        {
            "$type": "Loymax.Mobile.Contract.Models.Cards.VirtualCardInfo, Loymax.Mobile.Contract",
            "id": number_of(person.id),
            "state": "Activated",
            "number": digits,
            "barCode": digits,
            "block": False,
            "expiryDate": None,
            "qrContent": f"https://loymax.ru/join/{digits}",
            "cardCategory": {"id": 1, "title": "Виртуальная карта", "logicalName": "VirtualCard"},
        }
    ]


def history(person: Person, now: dt.datetime, kind: str) -> list[Json]:
    """Operations, newest first. A purchase brings points and may take some; nothing tells when points become active."""
    of_orders: dict[str | None, list[Movement]] = {}
    rows = []
    for movement in points.movements(person):
        if movement.kind in ("EARNED", "REDEEMED"):
            of_orders.setdefault(movement.order_id, []).append(movement)
        elif movement.kind != "ACTIVATED":
            rows.append((movement.at(now), _operation(person, movement, now)))
    rows += [(some[-1].at(now), _purchase(person, some, now)) for some in of_orders.values()]
    rows.sort(key=lambda row: row[0], reverse=True)
    return [row for _, row in rows if kind == "All" or row["type"] == ("PurchaseData" if kind == "Purchase" else kind)]


def _operation(person: Person, movement: Movement, now: dt.datetime) -> Json:
    amount = _amount(abs(movement.points))
    if movement.kind == "REVERSED":
        data = _purchase_data(0, [], [movement], is_refund=True)
    else:
        name = "RewardData" if movement.points > 0 else "WithdrawData"
        data = {"$type": f"Loymax.History.UI.Model.{name}, Loymax.History.UI.Model", "amount": amount}
    kind = {"ADJUSTED": "RewardData", "EXPIRED": "WithdrawData", "REVERSED": "PurchaseData"}[movement.kind]
    return _row(person, kind, movement, data, now)


def _purchase(person: Person, some: list[Movement], now: dt.datetime) -> Json:
    earned = [movement for movement in some if movement.points > 0]
    spent = [movement for movement in some if movement.points < 0]
    return _row(person, "PurchaseData", some[-1], _purchase_data(1990, earned, spent, is_refund=False), now)


def _purchase_data(roubles: int, earned: list[Movement], spent: list[Movement], *, is_refund: bool) -> Json:
    return {
        "$type": "Loymax.History.UI.Model.HistoryPurchaseDataModel, Loymax.History.UI.Model",
        "amount": {"amount": float(roubles), "currency": "руб.", "currencyInfo": None},
        "isRefund": is_refund,
        "chequeNumber": (earned or spent)[0].order_id,
        "chequeItems": [],
        "rewards": [{"rewardType": "Bonus", "amount": _amount(it.points)} for it in earned],
        "withdraws": [{"withdrawType": "Bonus", "amount": _amount(-it.points)} for it in spent],
    }


def _row(person: Person, kind: str, movement: Movement, data: Json, now: dt.datetime) -> Json:
    return {
        "id": uid_of("operation", f"{person.id}/{movement.number}"),
        "dateTime": movement.at(now).isoformat(),
        "type": kind,
        "description": movement.title.ru,
        "identity": None,
        "location": None,
        "brand": None,
        "data": data,
    }


def _amount(amount: int) -> Json:
    return {"amount": float(amount), "currency": "бнс.", "currencyInfo": BONUS}


def _spendable(person: Person) -> int:
    return person.points if person.membership in ("ACTIVE", "BLOCKED") else 0


def uid_of(use: str, of: str) -> str:
    """A stable uid of something that the shop itself has none for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://loymax.sandbox/{use}/{of}"))


def _local(data: Any) -> Any:
    """The same with dates as the programme's own clock shows them, without their offset."""
    if isinstance(data, dict):
        dated = ("date", "dateTime", "expiryDate")
        return {name: part[:19] if name in dated and part else _local(part) for name, part in data.items()}
    return [_local(part) for part in data] if isinstance(data, list) else data


def _with_news(data: Any) -> Any:
    """The same with a field more in every object, and states and types that nobody knows yet at the end of lists."""
    if isinstance(data, dict):
        return {**{name: _with_news(part) for name, part in data.items()}, "addedIn2027": {"answer": 42}}
    if not isinstance(data, list):
        return data
    known = [_with_news(part) for part in data]
    odd = {"couponState": "Frozen", "type": "LotteryData", "state": "Melted", "period": "FromDecade"}
    last = known[-1] if known and isinstance(known[-1], dict) else {}
    return [*known, last | {name: odd[name] for name in odd if name in last}] if odd.keys() & last.keys() else known
