"""Loymax as its third-party clients know it, and the desk of the shop's sign-in that keeps shoppers' tokens.

Each customer of the shop who has an account has signed in to Loymax once, long ago: the desk has a pair
for each. Access tokens live an hour; a renewal gives a new pair and spends the old refresh token.
"""

import datetime as dt
import hashlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.upstreams.contract import Json
from sandbox.vendors import loymax_answers as answers
from sandbox.vendors import loymax_processing as processing
from sandbox.world import people
from sandbox.world.people import Person
from sandbox.world.shop import Shop

Answer = Callable[[Person, Request], Any]

API = "/publicapi/v1.2"
DESK_KEY = "desk-of-the-sandbox"
TILL = ("till-of-the-sandbox", "password-of-the-till")
LIFETIME_S = 3600
REMEMBERED_OPERATIONS = 1000
CODE_TOKEN = "2fa-of-the-sandbox"  # noqa: S105 (the sandbox has no secrets)


class Switches(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How this Loymax misbehaves.

    `failState` is said with HTTP 200 instead of Success. `expiresInSeconds` is how long a new token
    lives. `wantsCode`: a renewal is answered by the wish for a code. `refusesRenewal`: by invalid_grant.
    `takesBackTokens`: every access token given out so far is refused with 401, once. `isDeskDown`: the
    desk answers 503. `mixesUp`: the desk gives another customer's pair. `callsPerAddress`: more calls
    from one `X-Forwarded-For` (or from none) are answered 429. `leavesOutOffsets`: dates have no zone.
    `hasNews`: fields, states and types that nobody knows yet. `operationCode` is what a calculation ends with.
    `losesAnswers`: so many calculations are made, and their answers lost on the way (502).
    """

    fail_state: str | None = None
    expires_in_seconds: int = LIFETIME_S
    wants_code: bool = False
    refuses_renewal: bool = False
    takes_back_tokens: bool = False
    is_desk_down: bool = False
    mixes_up: bool = False
    calls_per_address: int | None = None
    leaves_out_offsets: bool = False
    has_news: bool = False
    operation_code: str = "Ok"
    loses_answers: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """`generation` is the desk's version; both tokens are drawn from it, so that a restart knows nobody's."""

    customer_id: str
    generation: int
    access: str
    refresh: str
    expires_at: dt.datetime


class Loymax:
    """One programme; state is the generation of every pair and who spent which refresh token."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._issued: dict[str, Pair] = {}
        self._at_the_desk: dict[str, Pair] = {}
        self._by_access: dict[str, Pair] = {}
        self._tills: set[str] = set()
        self._operations: deque[str] = deque(maxlen=REMEMBERED_OPERATIONS)
        self._numbers = count(1)
        self.reset()

    def reset(self) -> None:
        """Nobody is signed out by it."""
        self._switches = Switches()
        self._calls: Counter[str] = Counter()
        self.renewals: Counter[str] = Counter()

    def app(self) -> Starlette:
        shopper: dict[str, Answer] = {
            "User": self._user,
            "User/Balance": lambda person, _: answers.balance(person),
            "User/DetailedBalance": lambda person, _: answers.detailed_balance(person, self._shop.now()),
            "User/Status": lambda person, _: answers.status(person),
            "Coupons": self._coupons,
            "Cards": lambda person, _: answers.cards(person),
            "History": self._history,
        }
        return Starlette(
            routes=[
                Route("/authorizationService/token", self._token, methods=["POST"], name="loymax.token"),
                Route(f"{API}/Processing/Goods", self._goods, methods=["POST"], name="loymax.processing.goods"),
                Route(
                    f"{API}/Processing/Purchases/{{purchase}}/Calculate",
                    self._calculate,
                    methods=["POST"],
                    name="loymax.processing.calculate",
                ),
                Route("/v1/tokens/take", self._take, methods=["POST"], name="desk.take"),
                Route("/v1/tokens/put", self._put, methods=["POST"], name="desk.put"),
                Route(
                    f"{API}/User/DetailedBalance/{{currency:int}}/Operations",
                    self._for_shopper(self._changes),
                    name="loymax.changes",
                ),
                *(
                    Route(f"{API}/{path}", self._for_shopper(answer), name=f"loymax.{path.lower().replace('/', '.')}")
                    for path, answer in shopper.items()
                ),
            ]
        )

    def known(self) -> Json:
        return {
            "tokensKey": DESK_KEY,
            "zone": "Europe/Moscow",
            "currencies": [answers.BONUS["code"]],
            "money": "RUB",
            "pointWorth": "1",
            "statusSystem": answers.STATUS_SYSTEM,
            "tillUsername": TILL[0],
            "tillPassword": TILL[1],
            **processing.known(),
        }

    def switches(self) -> Json:
        told: Json = msgspec.to_builtins(self._switches)
        return told

    def switch(self, wanted: Json) -> None:
        try:
            self._switches = msgspec.convert({**self.switches(), **wanted}, Switches)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        if self._switches.takes_back_tokens:
            self._by_access.clear()
            self._tills.clear()
            self._switches = msgspec.structs.replace(self._switches, takes_back_tokens=False)

    # -- the desk -----------------------------------------------------------------------------

    async def _take(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        refusal = self._desk_refusal(request)
        return refusal or _json(self._shopper(asked["customerId"]))

    async def _put(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        refusal = self._desk_refusal(request)
        if refusal is not None:
            return refusal
        customer_id, pair = asked["customerId"], asked["pair"]
        kept = self._at_the_desk.get(customer_id)
        if kept is None or str(kept.generation) != asked["version"]:
            return _json(self._shopper(customer_id), 409)
        self._at_the_desk[customer_id] = Pair(
            customer_id,
            kept.generation + 1,
            pair["accessToken"],
            pair["refreshToken"],
            dt.datetime.fromisoformat(pair["expiresAt"]),
        )
        return _json(self._shopper(customer_id))

    def _desk_refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {DESK_KEY}":
            return _json({"title": "expected the desk's key"}, 401)
        return _json({"title": "down"}, 503) if self._switches.is_desk_down else None

    def _shopper(self, customer_id: str) -> Json:
        person = people.find(customer_id)
        if person is None or person.membership == "NOT_ENROLLED":
            return {"customerId": customer_id, "status": "NOT_ENROLLED"}
        other = "cust-daria" if customer_id == "cust-anna" else "cust-anna"
        pair = self._pair_of(other if self._switches.mixes_up else customer_id)
        return {
            "customerId": customer_id,
            "status": "READY",
            "version": str(pair.generation),
            "personUid": answers.person_uid(person),
            "pair": {
                "accessToken": pair.access,
                "refreshToken": pair.refresh,
                "expiresAt": pair.expires_at.isoformat(),
            },
        }

    def _pair_of(self, customer_id: str) -> Pair:
        """The pair at the desk; who signs in to Loymax for the first time gets one."""
        if customer_id not in self._at_the_desk:
            self._at_the_desk[customer_id] = self._issue(customer_id, 1)
        return self._at_the_desk[customer_id]

    def _issue(self, customer_id: str, generation: int) -> Pair:
        def drawn(use: str) -> str:
            return hashlib.sha256(f"{self._shop.seed}/{customer_id}/{generation}/{use}".encode()).hexdigest()

        expires_at = self._shop.now() + dt.timedelta(seconds=self._switches.expires_in_seconds)
        pair = Pair(customer_id, generation, drawn("access"), drawn("refresh"), expires_at)
        self._issued[customer_id] = self._by_access[pair.access] = pair
        return pair

    # -- authorization ------------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        """A renewal spends its refresh token; a shopper with a password only would need a code, the till does not."""
        asked = dict(parse_qsl((await request.body()).decode()))
        if (asked.get("username"), asked.get("password"), asked.get("area")) == (*TILL, "Default"):
            return self._till_token()
        if asked.get("area") is not None:
            return _json({"error": "invalid_grant", "error_description": "Неверный логин или пароль"}, 400)
        if self._switches.wants_code or asked.get("grant_type") == "password":
            said = {"error": "TwoFactorAuthenticationCodeRequired", "error_description": "Введите код из SMS"}
            return _json(said, 400, {"x-loymax-2fa": CODE_TOKEN})
        if asked.get("grant_type") != "refresh_token":
            return _json({"error": "unsupported_grant_type"}, 400)
        refresh, bearer = asked.get("refresh_token"), request.headers.get("authorization", "")
        known = next((pair for pair in self._issued.values() if pair.refresh == refresh), None)
        if known is None or self._switches.refuses_renewal or bearer != f"Bearer {known.access}":
            return _json({"error": "invalid_grant", "error_description": "Токен обновления недействителен"}, 400)
        self._by_access.pop(known.access, None)
        self.renewals[known.customer_id] += 1
        fresh = self._issue(known.customer_id, known.generation + 1)
        return _json(
            {
                "access_token": fresh.access,
                "token_type": "bearer",
                "expires_in": self._switches.expires_in_seconds,
                "refresh_token": fresh.refresh,
            }
        )

    def _till_token(self) -> Response:
        self.renewals["till"] += 1
        access = f"till-{next(self._numbers)}"
        self._tills.add(access)
        lifetime_s = self._switches.expires_in_seconds
        return _json({"access_token": access, "token_type": "bearer", "expires_in": lifetime_s, "refresh_token": "t"})

    # -- processing ---------------------------------------------------------------------------

    async def _goods(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        return self._for_till_or_shopper(request) or self._enveloped(processing.goods(self._shop, asked))

    async def _calculate(self, request: Request) -> Response:
        """An operation's id works once, also when its answer was lost."""
        asked = orjson.loads(await request.body())
        refusal = self._for_till_or_shopper(request)
        if refusal is not None:
            return refusal
        pair = self._by_access.get(_bearer(request))
        person = None if pair is None else people.find(pair.customer_id)
        code = self._switches.operation_code
        if asked["operationId"] in self._operations:
            code = "NotUniqueOperationID"
        self._operations.append(asked["operationId"])
        if self._switches.loses_answers > 0:
            self._switches = msgspec.structs.replace(self._switches, loses_answers=self._switches.loses_answers - 1)
            return _json({"title": "lost"}, 502)
        return self._enveloped(processing.calculated(self._shop, asked, person, code))

    def _for_till_or_shopper(self, request: Request) -> Response | None:
        bearer = _bearer(request)
        if bearer not in self._tills and bearer not in self._by_access:
            return _json({"error": "invalid_token"}, 401)
        state = self._switches.fail_state
        return None if state is None else _json(answers.failed(state))

    def _enveloped(self, data: Any) -> Response:
        switches = self._switches
        return _json(
            answers.enveloped(data, leaves_out_offsets=switches.leaves_out_offsets, has_news=switches.has_news)
        )

    def _for_shopper(self, answer: Answer) -> Callable[[Request], Response]:
        """Answer in an envelope, to whom the token belongs."""

        def respond(request: Request) -> Response:
            address = request.headers.get("x-forwarded-for", "")
            self._calls[address] += 1
            most = self._switches.calls_per_address
            if most is not None and self._calls[address] > most:
                return _json({"error": "blocked"}, 429)
            pair = self._by_access.get(_bearer(request))
            person = None if pair is None else people.find(pair.customer_id)
            if pair is None or person is None or pair.expires_at <= self._shop.now():
                return _json({"error": "invalid_token"}, 401)
            if self._switches.fail_state is not None:
                return _json(answers.failed(self._switches.fail_state))
            return self._enveloped(answer(person, request))

        return respond

    # -- what a shopper asks ------------------------------------------------------------------

    def _user(self, person: Person, _: Request) -> Json:
        return answers.user(person)

    def _coupons(self, person: Person, request: Request) -> list[Json]:
        states = request.query_params.getlist("couponListFilter.couponStates")
        start, count = _offset(request, "")
        return answers.coupons(person, self._shop.now(), states)[start : start + count]

    def _history(self, person: Person, request: Request) -> Json:
        start, count = _offset(request, "filter.")
        until = request.query_params.get("filter.toDate")
        rows = answers.history(person, self._shop.now(), request.query_params.get("filter.historyItemType", "All"))
        if until is not None:
            rows = [
                row for row in rows if dt.datetime.fromisoformat(row["dateTime"]) <= dt.datetime.fromisoformat(until)
            ]
        return {"allCount": len(rows), "rows": rows[start : start + count]}

    def _changes(self, person: Person, request: Request) -> list[Json]:
        start, count = _offset(request, "filter.")
        since, until = (dt.datetime.fromisoformat(request.query_params[f"filter.{end}Date"]) for end in ("from", "to"))
        rows = [
            row
            for row in answers.changes(person, self._shop.now(), request.path_params["currency"])
            if since <= dt.datetime.fromisoformat(row["date"]) <= until
        ]
        return rows[start : start + count]


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _offset(request: Request, prefix: str) -> tuple[int, int]:
    query = request.query_params
    return int(query.get(f"{prefix}from", "0")), int(query.get(f"{prefix}count", "20"))


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")
