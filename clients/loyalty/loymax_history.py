"""From Loymax's operations to movements of points, and the place in a history that a cursor names.

Loymax lists operations: one purchase may bring points and take some at once, so an operation is none,
one or several movements. Its pages are counted by offset, over a list that grows at the front. A cursor
therefore names the last operation that was given, and the next page is asked for by date.
"""

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from clients.loyalty.protocol import HistoryEntry, HistoryKey, PointsHistory, PointsMovement, PointsMovementKind
from clients.values import Instant, Page
from clients.vendors.loymax import Currency, Wire, exact, in_zone

PURCHASE: Final = "PurchaseData"
GIVEN: Final = "RewardData"
TAKEN: Final = "WithdrawData"

OF_PURCHASES: Final = frozenset({PointsMovementKind.EARNED, PointsMovementKind.REDEEMED, PointsMovementKind.REVERSED})
KNOWN_KINDS: Final = OF_PURCHASES | {PointsMovementKind.ADJUSTED}
"""Loymax's history tells no activations apart, and no points that expired from others that were written off."""


class Amount(Wire):
    """An amount of a bonus currency, or of money, whose currency has no `currencyInfo`."""

    amount: Decimal
    currency_info: Currency | None = None


class _Part(Wire):
    amount: Amount


class _Details(Wire):
    amount: Amount | None = None
    rewards: tuple[_Part, ...] | None = None
    withdraws: tuple[_Part, ...] | None = None
    is_refund: bool = False
    cheque_number: str | None = None


class Row(Wire):
    """One operation; `type` is an open set."""

    id: str
    date_time: dt.datetime
    type: str
    description: str | None = None
    data: _Details = _Details()


class Rows(Wire):
    """A page of operations, newest first, and how many there are in all."""

    all_count: int
    rows: tuple[Row, ...] | None = None


class BadPlace(ValueError):
    """A cursor that was not given for this list."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a history goes on: after the movement `number` of the operation `row_id`, which was at `at`."""

    at: dt.datetime
    row_id: str
    number: int


class _Written(msgspec.Struct, frozen=True, array_like=True):
    at: Instant
    row_id: str
    number: int
    of: str


_WRITTEN: Final = msgspec.json.Decoder(_Written)


def list_mark(customer_id: str, kinds: Sequence[PointsMovementKind]) -> str:
    """A short word for a list, so that a cursor of another customer or of other kinds is known for what it is."""
    said = "\0".join((customer_id, *sorted(kind.value for kind in kinds)))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def write_cursor(place: Place, mark: str) -> str:
    written = msgspec.json.encode(_Written(place.at, place.row_id, place.number, mark))
    return base64.urlsafe_b64encode(written).decode().rstrip("=")


def read_cursor(text: str, mark: str) -> Place:
    """Raises BadPlace for anything that was not written for this list."""
    try:
        written = _WRITTEN.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise BadPlace from None
    if written.of != mark:
        raise BadPlace
    return Place(written.at, written.row_id, written.number)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one list is read: whose, which currencies count as points, which kinds are wanted, in which zone."""

    currencies: Collection[str]
    kinds: Collection[PointsMovementKind]
    zone: dt.tzinfo
    mark: str

    def entries(self, row: Row, given: int = 0) -> Iterator[HistoryEntry]:
        """The wanted movements of an operation, without the first `given` of all that it has."""
        at = in_zone(row.date_time, self.zone)
        for number, (kind, points) in enumerate(self._movements(row)):
            if number >= given and kind in self.kinds:
                movement = PointsMovement(
                    id=f"{row.id}:{number}",
                    kind=kind,
                    points=points,
                    title=row.description or "",
                    occurred_at=at,
                    order_id=row.data.cheque_number,
                )
                yield HistoryEntry(cursor=write_cursor(Place(at, row.id, number), self.mark), movement=movement)

    def after(self, row: Row) -> str:
        """The cursor behind everything of an operation."""
        return write_cursor(Place(in_zone(row.date_time, self.zone), row.id, 1_000_000), self.mark)

    def _movements(self, row: Row) -> Iterator[tuple[PointsMovementKind, Decimal]]:
        """Amounts come without a sign that one may rely on: what is given counts as more, what is taken as less."""
        data = row.data
        if row.type in (GIVEN, TAKEN) and data.amount is not None and not (data.rewards or data.withdraws):
            if self._counts(data.amount):
                points = abs(exact(data.amount.amount))
                yield PointsMovementKind.ADJUSTED, points if row.type == GIVEN else -points
            return
        for sign, usual, parts in (
            (-1, PointsMovementKind.REDEEMED, data.withdraws or ()),
            (1, PointsMovementKind.EARNED, data.rewards or ()),
        ):
            for part in parts:
                if self._counts(part.amount):
                    yield _kind(row, usual), sign * abs(exact(part.amount.amount))

    def _counts(self, amount: Amount) -> bool:
        return amount.currency_info is not None and amount.currency_info.is_one_of(self.currencies)


def _kind(row: Row, usual: PointsMovementKind) -> PointsMovementKind:
    if row.type != PURCHASE:
        return PointsMovementKind.ADJUSTED
    return PointsMovementKind.REVERSED if row.data.is_refund else usual


def unread(rows: Sequence[Row], place: Place, zone: dt.tzinfo) -> tuple[Sequence[Row], int, bool]:
    """The rows behind a place, how many movements of the first of them were given already, and whether it was met.

    Rows newer than the place came since, and are skipped. Of rows of the very same moment those before
    the named one are skipped too; if it is not there any more, the list goes on with what is older.
    """
    for index, row in enumerate(rows):
        at = in_zone(row.date_time, zone)
        if row.id == place.row_id:
            return rows[index:], place.number + 1, True
        if at < place.at:
            return rows[index:], 0, True
    return (), 0, False


def page_of(entries: Sequence[HistoryEntry], key: HistoryKey, left_at: str | None, *, is_end: bool) -> PointsHistory:
    """The page that a key asked for, out of what was read so far. `left_at` is where reading stopped."""
    shown = tuple(entries[: key.first])
    has_more = len(entries) > key.first
    return PointsHistory(
        entries=shown,
        page=Page(
            has_next_page=has_more or not is_end,
            has_previous_page=key.after is not None,
            start_cursor=shown[0].cursor if shown else None,
            end_cursor=shown[-1].cursor if shown and (has_more or is_end) else left_at,
        ),
    )


def item_type(kinds: Collection[PointsMovementKind]) -> str:
    """The narrowest of Loymax's own filters that has all of these kinds."""
    return "Purchase" if set(kinds) <= OF_PURCHASES else "All"


def wanted_kinds(key: HistoryKey) -> Collection[PointsMovementKind]:
    """Those of the asked kinds that Loymax can tell."""
    return KNOWN_KINDS & set(key.kinds) if key.kinds else KNOWN_KINDS
