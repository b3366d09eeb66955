"""What workers ask each other, and the shapes of their answers, as they travel between them."""

from typing import TypeAlias

import msgspec

from clients.values import Dataset
from gateway.ops.history import StepOf
from gateway.ops.lab import Point
from gateway.ops.sizes import SizePoint
from gateway.telemetry.readings import Sample


class Question(msgspec.Struct, frozen=True, tag=True):
    """Base of all."""


class Figures(Question, frozen=True):
    """All figures of this moment; answered by a list of Sample."""


class PastHour(Question, frozen=True):
    """Answered by a list of StepOf."""


class TopMissed(Question, frozen=True):
    """Which keys went to their source most; answered by lists of (key, count) by dataset."""


class LookUp(Question, frozen=True):
    """Entries by tag, or by a part of their key; answered by a list of Found."""

    text: str


class Largest(Question, frozen=True):
    """The heaviest entries; answered by a list of Found."""


class Try(Question, frozen=True):
    """A dataset's curve; answered by a Curve."""

    dataset: Dataset


class TrySizes(Question, frozen=True):
    """A dataset's curve over sizes of memory; answered by a SizeCurve."""

    dataset: Dataset


class PurgeTags(Question, frozen=True):
    """Forget what carries these; answered by Done."""

    tags: tuple[str, ...]
    is_published: bool


class HoldBreaker(Question, frozen=True):
    """Hold a breaker "open" or "closed", or let it decide by itself: "auto"; answered by Done."""

    source: str
    operation: str
    state: str


class Deeds(Question, frozen=True):
    """What was done by hand; answered by a list of Deed."""


class LookUpStored(Question, frozen=True):
    """What the shared store has under the keys that a tag spells out; answered by a list of Found."""

    text: str


AnyQuestion: TypeAlias = (
    Figures | PastHour | TopMissed | LookUp | LookUpStored | Largest | Try | TrySizes | PurgeTags | HoldBreaker | Deeds
)


class StoredCopy(msgspec.Struct, frozen=True):
    """The shared store's copy of an entry: how it compares, and its age in seconds."""

    state: str
    age_s: float | None = None


class Found(msgspec.Struct, frozen=True):
    """One entry. Ages in seconds; `key` is masked where it names a person; `stored` is None without a shared store."""

    dataset: str
    scope: str
    key: str
    age_s: float
    fresh_for_s: float
    state: str
    weight: int
    tags: list[str]
    is_absence: bool
    stored: StoredCopy | None = None


class Curve(msgspec.Struct, frozen=True):
    """One worker's curve of a dataset, and what it is drawn from; `measured` is the cache's own hit rate meanwhile."""

    points: list[Point]
    keys: int
    questions: int
    share: float
    since: float
    asked: int
    measured: float | None


class SizeCurve(msgspec.Struct, frozen=True):
    """One worker's curve over sizes of memory, and the size in force.

    `measured` are the hit rates of the dataset and of all meanwhile, and `points` led through them; `replayed`
    is what the sample alone says of the dataset at the size in force. `asked` for the dataset; `held` is how
    much of the memory is in use.
    """

    points: list[SizePoint]
    replayed: float | None
    max_entries: int
    max_bytes: int
    held: float
    asked: int
    measured: float | None
    all_measured: float | None


class Done(msgspec.Struct, frozen=True):
    """Whether a worker did as it was told, and what to know about it."""

    is_done: bool
    note: str = ""


class Deed(msgspec.Struct, frozen=True):
    """Who did what by hand, and when (seconds since the epoch)."""

    at: float
    who: str
    what: str


_decoder = msgspec.msgpack.Decoder(AnyQuestion)
encode = msgspec.msgpack.Encoder().encode
decode_samples = msgspec.msgpack.Decoder(list[Sample]).decode
decode_steps = msgspec.msgpack.Decoder(list[StepOf]).decode
decode_found = msgspec.msgpack.Decoder(list[Found]).decode
decode_missed = msgspec.msgpack.Decoder(dict[str, list[tuple[str, int]]]).decode
decode_curve = msgspec.msgpack.Decoder(Curve).decode
decode_size_curve = msgspec.msgpack.Decoder(SizeCurve).decode
decode_done = msgspec.msgpack.Decoder(Done).decode
decode_deeds = msgspec.msgpack.Decoder(list[Deed]).decode


def decode_question(text: bytes) -> AnyQuestion:
    """Read a question; raises msgspec.DecodeError."""
    question: AnyQuestion = _decoder.decode(text)
    return question
