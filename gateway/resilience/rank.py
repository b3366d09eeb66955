"""How important a request is, told before its body is read: who is sent away first when there are too many.

Every request is a page unless it says that it is less. Nobody is more: what a header claims costs its
sender nothing, and the document, which would tell, is in the body that a full house must not read.

    priority: u=4, i        RFC 9218: urgency 0 to 7, 3 when it is not said; browsers send it for
                            `fetch(..., {priority: "low"})`
    sec-purpose: prefetch   a browser's guess at what may be wanted next
    x-apollo-operation-name the operation, as Apollo's clients tell it; some names may be expendable
"""

from collections.abc import Collection
from typing import Any, Final

from clients.http import Priority
from gateway.resilience.door import RankOf, Scope

LESS_URGENT: Final = {
    b"4": Priority.RECOMMENDATION,
    b"5": Priority.RECOMMENDATION,
    b"6": Priority.REFRESH,
    b"7": Priority.REFRESH,
}


def make_rank_of(expendable: Collection[str] = ()) -> RankOf:
    """Rank requests by what their headers admit; `expendable` are names of operations that a page can do without.

    A preflight is not limited (None): it costs nothing, and refused it hides every other answer.
    """
    names = frozenset(name.encode() for name in expendable)

    def rank_of(scope: Scope) -> Priority | None:
        if scope["method"] == "OPTIONS":
            return None
        rank = Priority.PAGE
        for name, value in scope["headers"]:
            if name in _TELLING:
                rank = max(rank, admitted_rank(name, value, names))
        return rank

    return rank_of


def admitted_rank(name: bytes, value: bytes, expendable: Collection[Any]) -> Priority:
    """What one header says; a page when it is not understood."""
    if name == b"priority":
        return LESS_URGENT.get(value.partition(b"u=")[2][:1], Priority.PAGE)
    if name == b"sec-purpose":
        return Priority.REFRESH if value.startswith(b"prefetch") else Priority.PAGE
    return Priority.RECOMMENDATION if value in expendable else Priority.PAGE


_TELLING: Final = frozenset({b"priority", b"sec-purpose", b"x-apollo-operation-name"})
