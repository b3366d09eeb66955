"""Recombee's recommendations: signed questions about users, items, segments and searches, many in one call.

Source: the vendor's OpenAPI document (docs.recombee.com/openapi.yaml, version 4.1.0) and its client for
Python, recombee-api-client 6.3.1. Only what asks is used, with two exceptions that the vendor means
for asking: a user who is asked about may be made (`creates_users`), and so is the one who stands for
all visitors. Blocks of one batch are never made distinct of each other: each is kept by itself.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, Self
from urllib.parse import quote

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from clients.contract import in_batches, too_many
from clients.errors import InvalidSourceResponse, Outcomes, SourceError
from clients.http import UNDECODABLE, Reply, Upstream, decide_objection
from clients.recommendations.placements import PlacementSettings, make_block, refused_block
from clients.recommendations.protocol import BlockKey, RecommendationBlock, RecommendationItem
from clients.recommendations.recombee_signing import Signer
from clients.scope import ForCustomer
from clients.values import Dataset, Freshness, Problem
from clients.vendors.tables import FromJson

BATCH_LIMIT: Final = 10_000
ID: Final = re.compile(r"[a-zA-Z0-9_\-:@.]+")
"""What Recombee takes for an id."""

_NOT_FOUND, _UNAUTHORIZED = 404, 401
_MADE: Final = frozenset({200, 201, 409})
"""409: it was there already."""

_NO_HEADERS: Final = httpx.Headers()


class RecombeePlacement(PlacementSettings):
    """Which question fills a placement."""

    by: Literal["user", "item", "category", "search"] = Field(
        description="What is asked about: who looks, the product or the category that the page shows, or its search."
    )
    scenario: str | None = Field(default=None, pattern="^[A-Za-z0-9_.:@-]+$", description="Scenario of the Admin UI.")
    filter: str | None = Field(default=None, description="ReQL that items must satisfy, e.g. 'available'.")
    booster: str | None = Field(default=None, description="ReQL by which items are preferred.")
    logic: str | None = Field(default=None, description="Name of the logic, where the scenario does not say it.")
    min_relevance: Literal["low", "medium", "high"] | None = Field(default=None, description="Not for searches.")

    @model_validator(mode="after")
    def _is_a_question(self) -> Self:
        if self.by == "search" and self.min_relevance is not None:
            raise ValueError("min_relevance: expected none for a search")
        return self

    @property
    def wishes(self) -> dict[str, str]:
        """What of it goes into every question."""
        said = {
            "scenario": self.scenario,
            "filter": self.filter,
            "booster": self.booster,
            "logic": self.logic,
            "minRelevance": self.min_relevance,
        }
        return {name: value for name, value in said.items() if value is not None}


class RecombeeSettings(BaseModel):
    """What Recombee's adapter is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_id: str = Field(pattern="^[A-Za-z0-9_-]+$", max_length=100, description="Id of the database.")
    private_token: SecretStr = Field(min_length=1, description="Its private token; it signs calls and is never sent.")
    visitor_id: str = Field(
        default="visitors", pattern="^[A-Za-z0-9_.:@-]{1,64}$", description="The user who stands for all visitors."
    )
    creates_users: bool = Field(
        default=True, description="A customer whom Recombee does not know becomes a user when asked about."
    )
    placements: Annotated[Mapping[str, RecombeePlacement], FromJson, Field(min_length=1)] = Field(
        description="The merchandiser's placements by name."
    )


class _Question(NamedTuple):
    """One question, as a call of its own or as a part of a batch."""

    path: str
    params: Mapping[str, Any]
    first: int


class _Item(msgspec.Struct, frozen=True):
    id: str


class _Recommended(msgspec.Struct, frozen=True, rename="camel"):
    recomm_id: str
    recomms: tuple[_Item, ...]


class _Part(msgspec.Struct, frozen=True):
    code: int
    json: msgspec.Raw = msgspec.Raw(b"null")


_Found = _Recommended | SourceError | None
"""What a question brought; None when Recombee does not know whom or what it is about."""

_RECOMMENDED: Final = msgspec.json.Decoder(_Recommended)
_PARTS: Final = msgspec.json.Decoder(tuple[_Part, ...])
_ANYTHING: Final = msgspec.json.Decoder()


def user_of(customer_id: str) -> str:
    """The user of a customer: the same id, or a fingerprint of one that Recombee would not take."""
    if ID.fullmatch(customer_id):
        return customer_id
    return f"sha256:{hashlib.sha256(customer_id.encode()).hexdigest()[:56]}"


class RecombeeRecommendations:
    """Fulfils `clients.recommendations.protocol.Recommendations`."""

    def __init__(self, upstream: Upstream, settings: RecombeeSettings, now: Callable[[], float]) -> None:
        self._upstream = upstream
        self._settings = settings
        self._now = now
        self._signer = Signer(settings.database_id, settings.private_token.get_secret_value(), now)
        self._knows_visitors = False

    async def ping(self) -> None:
        """Ask for the id of one item; raises a SourceError."""
        self._expect_answer(await self._send("GET", "/items/list/?count=1", None, "recommendations.ping"))

    async def fetch_blocks(
        self, keys: Sequence[BlockKey], scope: ForCustomer
    ) -> Outcomes[BlockKey, RecommendationBlock]:
        """All questions in one call. Those about somebody unknown are asked again for visitors, in one more."""
        user = self._settings.visitor_id if scope.customer_id is None else user_of(scope.customer_id)
        distinct = list(dict.fromkeys(keys))
        questions = {key: question for key in distinct if (question := self._question(key, user))}
        found: dict[BlockKey, _Found] = {**await self._ask_all(questions)}
        unknown = [key for key, answer in found.items() if answer is None]
        if unknown and (user != self._settings.visitor_id or not self._knows_visitors):
            for_visitors = {key: q for key in unknown if (q := self._question(key, self._settings.visitor_id))}
            found |= await self._ask_all(for_visitors, makes_visitor=not self._knows_visitors)
        return {key: self._block(key, scope, found.get(key)) for key in distinct}

    def _block(self, key: BlockKey, scope: ForCustomer, found: _Found) -> RecommendationBlock | SourceError:
        placement = self._settings.placements.get(key.placement)
        if placement is None:
            return refused_block(key, Problem.UNKNOWN_PLACEMENT)
        if isinstance(found, SourceError):
            return found
        token, ids = (found.recomm_id, found.recomms) if found else ("", ())
        items = [RecommendationItem(product_id=item.id, tracking_token=token) for item in ids]
        return make_block(key, placement, scope.language, token, items, self._freshness())

    def _question(self, key: BlockKey, user: str) -> _Question | None:
        """What to ask for a block; None when the page lacks what the placement is about."""
        placement = self._settings.placements.get(key.placement)
        if placement is None:
            return None
        params: dict[str, Any] = {"count": key.first, **placement.wishes}
        may_make = {"cascadeCreate": self._settings.creates_users}
        if placement.by == "user":
            return _Question(f"/recomms/users/{quote(user, safe=':@')}/items/", params | may_make, key.first)
        if placement.by == "search":
            path = f"/search/users/{quote(user, safe=':@')}/items/"
            return _Question(path, params | may_make | {"searchQuery": key.query}, key.first) if key.query else None
        params["targetUserId"] = user
        if placement.by == "category":
            asked = params | may_make | {"contextSegmentId": key.category_id}
            return _Question("/recomms/item-segments/items/", asked, key.first) if key.category_id else None
        # Never made: a product that only a page invented would be an item for ever.
        is_possible = key.product_id is not None and ID.fullmatch(key.product_id)
        return _Question(f"/recomms/items/{key.product_id}/items/", params, key.first) if is_possible else None

    async def _ask_all(
        self, questions: Mapping[BlockKey, _Question], *, makes_visitor: bool = False
    ) -> Mapping[BlockKey, _Found]:
        """All questions, after the user who stands for visitors was made if need be."""

        async def ask(keys: Sequence[BlockKey]) -> Mapping[BlockKey, Any]:
            if len(keys) == 1 and not makes_visitor:
                return {keys[0]: await self._ask_one(questions[keys[0]])}
            asked = [questions[key] for key in keys]
            return dict(zip(keys, await self._ask_batch(asked, makes_visitor=makes_visitor), strict=True))

        return await in_batches(list(questions), BATCH_LIMIT - 1, ask)

    async def _ask_one(self, question: _Question) -> _Found:
        reply = await self._send("POST", question.path, question.params, "recommendations.blocks")
        if reply.status == _NOT_FOUND and _says_why(reply.payload):
            return None
        self._expect_answer(reply)
        return self._read(reply.payload, question)

    async def _ask_batch(self, questions: Sequence[_Question], *, makes_visitor: bool) -> Sequence[_Found]:
        making = [{"method": "PUT", "path": f"/users/{self._settings.visitor_id}"}] if makes_visitor else []
        asking = [{"method": "POST", "path": question.path, "params": question.params} for question in questions]
        parts = await self._fetch_parts([*making, *asking])
        if makes_visitor:
            self._knows_visitors = parts[0].code in _MADE
        return [self._judge(*both) for both in zip(parts[len(making) :], questions, strict=True)]

    async def _fetch_parts(self, requests: Sequence[Mapping[str, Any]]) -> Sequence[_Part]:
        body = {"requests": requests, "distinctRecomms": False}
        reply = await self._send("POST", "/batch/", body, "recommendations.batch")
        self._expect_answer(reply)
        try:
            parts = _PARTS.decode(reply.payload)
        except UNDECODABLE as error:
            raise self._broken(f"batch: {error}") from None
        if len(parts) != len(requests):
            raise self._broken(f"expected {len(requests)} answers of a batch, got {len(parts)}")
        return parts

    def _judge(self, part: _Part, question: _Question) -> _Found:
        """A batch that is well may hold answers that are not."""
        if part.code == _NOT_FOUND:
            return None
        objection = decide_objection(self._upstream.source, part.code, _NO_HEADERS)
        if objection is not None:
            return objection
        try:
            return self._read(bytes(part.json), question)
        except SourceError as error:
            return error

    def _read(self, payload: bytes, question: _Question) -> _Recommended:
        try:
            recommended = _RECOMMENDED.decode(payload)
        except UNDECODABLE as error:
            raise self._broken(f"recommendations: {error}") from None
        objection = too_many(recommended.recomms, question.first)
        if objection is not None:
            raise self._broken(objection)
        return recommended

    async def _send(self, method: str, path: str, body: object, operation: str) -> Reply:
        """Send a signed call; once more by the vendor's clock if it was ours that was refused."""
        content = b"" if body is None else msgspec.json.encode(body)
        reply = await self._upstream.send(method, self._signer.sign(path), content=content, operation=operation)
        if reply.status == _UNAUTHORIZED and self._signer.follow(reply.headers.get("date")):
            reply = await self._upstream.send(method, self._signer.sign(path), content=content, operation=operation)
        return reply

    def _expect_answer(self, reply: Reply) -> None:
        if reply.status == _UNAUTHORIZED:
            raise self._broken(f"HTTP {reply.status}: private_token was refused, or the clock is off")
        if reply.status == _NOT_FOUND:
            raise self._broken(f"HTTP {reply.status}: the url or database_id is wrong")
        objection = decide_objection(self._upstream.source, reply.status, reply.headers)
        if objection is not None:
            raise objection

    def _broken(self, detail: str) -> InvalidSourceResponse:
        return InvalidSourceResponse(self._upstream.source, detail)

    def _freshness(self) -> Freshness:
        """Recombee does not say when it knew: it works recommendations out when it is asked."""
        now = self._now()
        observed_at = dt.datetime.fromtimestamp(now, dt.UTC)
        return Freshness(
            source=self._upstream.source, dataset=Dataset.RECOMMENDATION, observed_at=observed_at, received_at=now
        )


def _says_why(payload: bytes) -> bool:
    """Whether a 404 is of somebody who is not known: one of a wrong address is no JSON, or JSON that says nothing."""
    try:
        said = _ANYTHING.decode(payload)
    except UNDECODABLE:
        return False
    return isinstance(said, dict) and bool(said)
