"""Loyalty by Loymax: balances, what expires, status, coupons and history, each asked with the shopper's own token.

An account is made of six answers; it is whole or it is not there, because an account without its
coupons would say that there are none.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from clients.contract import in_batches
from clients.errors import InvalidSourceResponse, NotOffered, Outcomes, SourceError
from clients.http import Upstream
from clients.loyalty.loymax_account import (
    BALANCES,
    CARDS,
    CHANGES,
    COUPONS,
    DETAILED_BALANCES,
    STATUSES,
    USER,
    AccountParts,
    AccountReading,
    Change,
    Detailed,
    enrolled,
    not_enrolled,
)
from clients.loyalty.loymax_history import (
    BadPlace,
    Place,
    Reading,
    Rows,
    item_type,
    list_mark,
    page_of,
    read_cursor,
    unread,
    wanted_kinds,
)
from clients.loyalty.protocol import (
    ACCOUNT,
    EstimateKey,
    HistoryEntry,
    HistoryKey,
    LoyaltyAccount,
    PointsEstimate,
    PointsHistory,
)
from clients.scope import ForCustomer, OfCustomer
from clients.values import LAST_PAGE, Dataset, Freshness, Problem, stamp
from clients.vendors.loymax import (
    ABSURD,
    API,
    UNAUTHORIZED,
    Data,
    LoymaxOptions,
    Watch,
    in_zone,
    judged,
    shopper_calls,
    together,
)
from clients.vendors.loymax_desk import desk_at
from clients.vendors.loymax_processing import GOODS_AT_ONCE, GoodsPreview, ProcessingOptions, Till, TillToken
from clients.vendors.loymax_tokens import NotEnrolled

T = TypeVar("T")

ROWS_AT_ONCE: Final = 50
PAGES_OF_ROWS: Final = 4
"""How far one page of movements is looked for; beyond, the page is shorter than asked for and says where to go on."""

COUPONS_AT_ONCE: Final = 100
CHANGES_AT_ONCE: Final = 200
YEAR: Final = dt.timedelta(days=366)
NOBODY: Final = "gateway-ping"
NO_TOKEN: Final = "Bearer gateway-ping"  # noqa: S105 (it is none)
"""Refused, which is all that a ping without a customer of the shop's own can prove."""

_ROWS: Final = Data[Rows](Rows)
_COUPON_QUERY: Final = {
    "from": "0",
    "count": str(COUPONS_AT_ONCE),
    "couponListFilter.couponStates": ("Issued", "Activated"),
}


class LoymaxLoyaltyOptions(LoymaxOptions):
    """What the loyalty domain has to be told beside the desk."""

    currencies: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Bonus currencies that count as points, by code, uid or external id; separated by commas."
    )
    money: str = Field(
        pattern="^[A-Z]{3}$", description="ISO 4217 code of the money that points and counters stand for."
    )
    point_worth: Decimal | None = Field(
        default=None, gt=0, description="What one point is worth in that money; left out, points are not valued."
    )
    status_system: str | None = Field(
        default=None, description="Logical name of the status system whose statuses are tiers; none: no tiers."
    )
    ping_customer_id: str | None = Field(
        default=None, description="A customer of the shop's own, whose balance a ping reads to prove the whole way."
    )

    processing: ProcessingOptions | None = Field(
        default=None, description="How Processing is asked what purchases would bring; none: nobody says so."
    )

    @field_validator("currencies", mode="before")
    @classmethod
    def _separate(cls, given: Any) -> Any:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


class LoymaxLoyalty:
    """Fulfils `clients.loyalty.protocol.Loyalty`."""

    def __init__(self, upstream: Upstream, options: LoymaxLoyaltyOptions, now: Callable[[], float]) -> None:
        self._upstream = upstream
        self._options = options
        self._now = now
        self._watch = Watch(upstream.source, now)
        self._zone = ZoneInfo(options.zone)
        self._calls = shopper_calls(upstream, *self._desk_address(), now)
        self._preview = self._goods_preview()
        self._reading = AccountReading(
            currencies=frozenset(options.currencies),
            money=options.money,
            point_worth=options.point_worth,
            status_system=options.status_system,
            zone=self._zone,
        )

    async def ping(self) -> None:
        """Whether the desk takes our key and Loymax answers; with a customer of the shop's own, the whole way."""
        if self._options.ping_customer_id is not None:
            try:
                await self._read(self._options.ping_customer_id, "/User/Balance", BALANCES, "balance")
            except NotEnrolled:
                raise self._broken("the customer for pings has no account in the programme") from None
            return
        with suppress(NotEnrolled):
            await desk_at(self._upstream, *self._desk_address()).take(NOBODY)
        operation = "loyalty.ping"
        reply = await self._upstream.send(
            "GET", f"{API}/User", operation=operation, headers=[("authorization", NO_TOKEN)]
        )
        if reply.status != UNAUTHORIZED:
            judged(self._upstream.source, operation, reply)

    async def fetch_accounts(self, keys: Sequence[str], scope: OfCustomer) -> Outcomes[str, LoyaltyAccount]:
        async def fetch(_: Sequence[str]) -> dict[str, LoyaltyAccount | SourceError]:
            provenance = self._watch.asked_now(Dataset.LOYALTY_ACCOUNT)
            try:
                account = await self._account(scope.customer_id)
            except NotEnrolled:
                account = not_enrolled(scope.customer_id)
            stamp(account, provenance())
            return {ACCOUNT: account}

        return await in_batches(keys, 1, fetch)

    async def fetch_history(self, keys: Sequence[HistoryKey], scope: OfCustomer) -> Outcomes[HistoryKey, PointsHistory]:
        async def fetch(one: Sequence[HistoryKey]) -> dict[HistoryKey, PointsHistory | SourceError]:
            provenance = self._watch.asked_now(Dataset.POINTS_HISTORY)
            try:
                page = await self._history(one[0], scope.customer_id)
            except BadPlace:
                page = PointsHistory(entries=(), page=LAST_PAGE, problem=Problem.BAD_CURSOR)
            except NotEnrolled:
                page = PointsHistory(entries=(), page=LAST_PAGE)
            stamp(page, provenance())
            return {one[0]: page}

        return await in_batches(keys, 1, fetch)

    async def fetch_estimates(
        self, keys: Sequence[EstimateKey], scope: ForCustomer
    ) -> Outcomes[EstimateKey, PointsEstimate]:
        """By Loymax Processing, where it is set up: what one unit brings a basic member, times how many are bought."""
        if self._preview is None:
            return dict.fromkeys(keys, NotOffered(self._upstream.source))
        found = await self._brought_by({key.sku for key in keys}, scope.locality_id, self._preview)
        return {
            key: points if isinstance(points, SourceError) else self._estimate(key, points)
            for key in keys
            if (points := found.get(key.sku)) is not None
        }

    async def _brought_by(
        self, skus: Collection[str], locality_id: str, preview: GoodsPreview
    ) -> Outcomes[str, tuple[Decimal, Freshness]]:
        """Points for one unit of each variant, and when that was asked."""

        async def fetch(some: Sequence[str]) -> Mapping[str, tuple[Decimal, Freshness] | SourceError]:
            provenance = self._watch.asked_now(Dataset.POINTS_ESTIMATE)
            goods = await preview.fetch(some, locality_id, operation="loyalty.estimates", has_cashback=True)
            told = {sku: one.for_everybody() for sku, one in goods.items()}
            return {
                sku: (one.cashback.amount, provenance())
                for sku, one in told.items()
                if one is not None and one.cashback is not None
            }

        return await in_batches(sorted(skus), GOODS_AT_ONCE, fetch)

    def _estimate(self, key: EstimateKey, found: tuple[Decimal, Freshness]) -> PointsEstimate | SourceError:
        points, freshness = found
        try:
            amount = self._reading.points(points * key.quantity)
        except ABSURD as error:
            return self._broken(f"an estimate: {error}")
        return PointsEstimate(sku=key.sku, quantity=key.quantity, amount=amount, is_personal=False, freshness=freshness)

    # -- accounts -----------------------------------------------------------------------------

    async def _account(self, customer_id: str) -> LoyaltyAccount:
        tokens = await self._calls.tokens.of(customer_id)
        read = self._read
        user, balances, detailed, statuses, coupons, cards = await together(
            read(customer_id, "/User", USER, "user"),
            read(customer_id, "/User/Balance", BALANCES, "balance"),
            read(customer_id, "/User/DetailedBalance", DETAILED_BALANCES, "detailed_balance"),
            read(customer_id, "/User/Status", STATUSES, "status"),
            read(customer_id, "/Coupons", COUPONS, "coupons", _COUPON_QUERY),
            read(customer_id, "/Cards", CARDS, "cards"),
        )
        if tokens.person_uid is not None and user.person_uid != tokens.person_uid:
            raise self._broken("the token that the desk gave is another person's")
        parts = AccountParts(user, balances, detailed.items, statuses, coupons, cards)
        counted = [one for one in detailed.items if self._reading.counts(one.currency)]
        try:
            changes = await self._changes(customer_id, counted)
            return enrolled(customer_id, parts, changes, self._reading, self._watch.moment())
        except ABSURD as error:
            raise self._broken(f"an account: {error}") from None

    async def _changes(self, customer_id: str, accounts: Sequence[Detailed]) -> list[Change]:
        """What becomes active or expires within a year. Loymax dates a week of it with the balance, the rest apart."""
        found: list[Change] = []
        for account in accounts:
            if account.dates_everything:
                found += account.life_times_by_time or ()
            else:
                found += await self._all_changes(customer_id, account.currency.id)
        return found

    async def _all_changes(self, customer_id: str, currency_id: int) -> tuple[Change, ...]:
        now = self._watch.moment()
        query = {
            "orderByDateAscending": "true",
            "filter.fromDate": _utc(now),
            "filter.toDate": _utc(now + YEAR),
            "filter.from": "0",
            "filter.count": str(CHANGES_AT_ONCE),
        }
        path = f"/User/DetailedBalance/{currency_id}/Operations"
        return await self._read(customer_id, path, CHANGES, "changes", query)

    # -- history ------------------------------------------------------------------------------

    async def _history(self, key: HistoryKey, customer_id: str) -> PointsHistory:
        mark = list_mark(customer_id, key.kinds)
        place = read_cursor(key.after, mark) if key.after is not None else None
        kinds = wanted_kinds(key)
        if not kinds:
            return PointsHistory(entries=(), page=LAST_PAGE)
        reading = Reading(frozenset(self._options.currencies), kinds, self._zone, mark)
        try:
            return await self._page(key, customer_id, reading, place)
        except ABSURD as error:
            raise self._broken(f"a history: {error}") from None

    async def _page(self, key: HistoryKey, customer_id: str, reading: Reading, place: Place | None) -> PointsHistory:
        """A page of movements behind a place; one that would take too many rows ends early and says where to go on."""
        entries: list[HistoryEntry] = []
        left_at, is_end, is_met = key.after, False, place is None
        for turn in range(PAGES_OF_ROWS):
            said = await self._rows(customer_id, turn * ROWS_AT_ONCE, reading, place)
            rows = said.rows or ()
            given = 0
            if place is not None and not is_met:
                rest, given, is_met = unread(rows, place, self._zone)
            else:
                rest = rows
            for row in rest:
                entries += reading.entries(row, given)
                given, left_at = 0, reading.after(row)
            is_end = not rows or turn * ROWS_AT_ONCE + len(rows) >= said.all_count
            if is_end or len(entries) > key.first:
                break
        return page_of(entries, key, left_at, is_end=is_end)

    async def _rows(self, customer_id: str, offset: int, reading: Reading, place: Place | None) -> Rows:
        query = {
            "filter.from": str(offset),
            "filter.count": str(ROWS_AT_ONCE),
            "filter.historyItemType": item_type(reading.kinds),
        }
        if place is not None:
            query["filter.toDate"] = _utc(place.at + dt.timedelta(seconds=1))
        said = await self._read(customer_id, "/History", _ROWS, "history", query)
        moments = [in_zone(row.date_time, self._zone) for row in said.rows or ()]
        if any(later > earlier for earlier, later in pairwise(moments)):
            raise self._broken("expected operations newest first, got them in another order")
        return said

    # -- both ---------------------------------------------------------------------------------

    async def _read(
        self,
        customer_id: str,
        path: str,
        data: Data[T],
        operation: str,
        params: Mapping[str, str | Sequence[str]] | None = None,
    ) -> T:
        return await self._calls.get(customer_id, path, data, operation=f"loyalty.{operation}", params=params)

    def _goods_preview(self) -> GoodsPreview | None:
        processing = self._options.processing
        if processing is None:
            return None
        till = Till(self._upstream, TillToken(self._upstream, processing, self._now))
        return GoodsPreview(till, processing, self._now)

    def _desk_address(self) -> tuple[str, str]:
        return str(self._options.tokens_url), self._options.tokens_key.get_secret_value()

    def _broken(self, detail: str) -> InvalidSourceResponse:
        return InvalidSourceResponse(self._upstream.source, detail)


def _utc(moment: dt.datetime) -> str:
    """As Loymax's documentation writes moments: `2026-03-01T12:00:00Z`."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
