"""What was asked before, word for word: the way to an answer, never the answer.

The same bytes mean the same document, operation and variables, whoever sends them, so what reading,
finding and validating them led to is remembered by the bytes. Who asks is found out each time, and so are
the rate, the limits and the permissions. For anonymous visitors a way also tells where the response level
keeps its answer; whether it is there, and may still be served, is asked of that level each time.

A way is remembered when its question was asked a second time. It does not keep its document: when that is
forgotten, its ways lead nowhere.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any, Final, NamedTuple
from weakref import ReferenceType, ref

from gateway.http.documents import Prepared
from gateway.http.negotiation import Media
from gateway.http.params import Params
from gateway.http.persisted import is_hashed
from gateway.http.ports import RequestFacts

LONGEST: Final = 16 * 1024
"""Bytes of a body; what asks for a hot page is shorter."""
ENTRY_BYTES: Final = 2_000
"""About what a way takes beside its question's bytes and variables."""
MOST_MET: Final = 16 * 1024
"""Of so many questions it is known that they were asked once."""

Question = tuple[bytes, bytes | None]
"""A body, and what its sender accepts."""


class Way(NamedTuple):
    """What a question means, and the `place` where the response level keeps its answer for anonymous visitors.

    `document` is its SHA-256, `operation` the name of the operation in it; `place` is None when none is kept.
    """

    prepared: ReferenceType[Prepared]
    document: str
    operation: str | None
    variables: Mapping[str, Any]
    place: Hashable | None
    media: Media


class Ways:
    """Ways by question, bounded by about so many bytes; the least used go first."""

    def __init__(self, max_bytes: int = 16 * 1024 * 1024) -> None:
        self._ways: OrderedDict[Question, Way] = OrderedDict()
        self._met: set[int] = set()
        self._max_bytes = max_bytes
        self._bytes = 0

    def has_met(self, question: Question) -> bool:
        """Whether a question was asked before, as far as that is known; from now on it was."""
        mark = hash(question)
        if mark in self._met:
            return True
        if len(self._met) >= MOST_MET:
            self._met.clear()
        self._met.add(mark)
        return False

    def find(self, question: Question) -> Way | None:
        """The way of a question that was asked before; None once its document was forgotten."""
        way = self._ways.get(question)
        if way is None:
            return None
        if way.prepared() is None:
            self._forget(question)
            return None
        self._ways.move_to_end(question)
        return way

    def remember(self, question: Question, way: Way) -> None:
        """Keep a way, and forget others when there are too many."""
        if len(question[0]) > LONGEST:
            return
        self._forget(question)
        self._ways[question] = way
        self._bytes += weigh(question)
        while self._bytes > self._max_bytes:
            oldest, _ = self._ways.popitem(last=False)
            self._bytes -= weigh(oldest)

    def _forget(self, question: Question) -> None:
        if self._ways.pop(question, None) is not None:
            self._bytes -= weigh(question)

    def __len__(self) -> int:
        return len(self._ways)


def weigh(question: Question) -> int:
    """About how many bytes a way takes: variables that were read are several times as large as their text."""
    body, accept = question
    return ENTRY_BYTES + 10 * len(body) + len(accept or b"")


def is_lasting(params: Params) -> bool:
    """Whether a question has no other effect than its answer: a text with its hash is also kept for later."""
    return params.query is None or not is_hashed(params.extensions)


def way_of(facts: RequestFacts, found: Prepared, place: Hashable | None, media: Media) -> Way:
    """The way of a question that was just answered; `found` is the document as the lookup found it."""
    name = facts.operation.name.value if facts.operation.name else None
    return Way(ref(found), found.sha256, name, facts.variables, place, media)
