"""Everything that can go wrong between us and another system.

    SourceError
    ├── SourceTimeout          TIMEOUT           no answer within the time budget
    ├── SourceUnavailable      UNAVAILABLE       refused, reset, server fault
    ├── SourceThrottled        THROTTLED         the source limits our rate
    ├── InvalidSourceResponse  INVALID_RESPONSE  the answer breaks the contract
    ├── CircuitOpen            CIRCUIT_OPEN      not asked, it has been failing
    ├── ConfirmationRequired   UNAVAILABLE       the source is well, but this customer must sign in to it again
    └── NotOffered             UNAVAILABLE       the source is well, but has no such thing at all

`RequestRefused` stands apart: the source is well, the question was wrong.

Messages are ours and safe to show: no vendor text, address or trace ever gets into one. What the
vendor really said goes to `detail`, which is for logs only.
"""

import enum
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from clients.values import DataSource, Problem

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SourceFailureCode(enum.Enum):
    """Why a source gave no answer; public as `errors[].extensions.code`."""

    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    THROTTLED = "THROTTLED"
    INVALID_RESPONSE = "INVALID_RESPONSE"
    CIRCUIT_OPEN = "CIRCUIT_OPEN"


class SourceError(Exception):
    """A source gave no usable answer.

    `detail` is for logs; `retry_after_s` is set when it is known when asking again makes sense.
    """

    code: ClassVar[SourceFailureCode] = SourceFailureCode.UNAVAILABLE
    retryable: ClassVar[bool] = True
    said: ClassVar[str] = "did not answer"

    def __init__(self, source: DataSource, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"{source.value} {self.said}.")
        self.source = source
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def extensions(self) -> dict[str, Any]:
        """What a client may read: `code`, `source`, `retryable`, `retryAfterSeconds`."""
        return {
            "code": self.code.value,
            "source": self.source.value,
            "retryable": self.retryable,
            "retryAfterSeconds": None if self.retry_after_s is None else int(-(-self.retry_after_s // 1)),
        }


class SourceTimeout(SourceError):
    """No answer within the time budget."""

    code = SourceFailureCode.TIMEOUT
    said = "did not answer in time"


class SourceUnavailable(SourceError):
    """Connection refused, reset, or a server fault."""

    said = "is not available"


class SourceThrottled(SourceError):
    """The source is limiting our rate."""

    code = SourceFailureCode.THROTTLED
    said = "is limiting our rate"


class InvalidSourceResponse(SourceError):
    """An answer that breaks the source's contract; asking again rarely helps."""

    code = SourceFailureCode.INVALID_RESPONSE
    retryable = False
    said = "gave an answer that breaks its contract"


class CircuitOpen(SourceError):
    """Not asked, because the source has been failing."""

    code = SourceFailureCode.CIRCUIT_OPEN
    said = "was not asked, because it has been failing"


CONFIRMATION_REQUIRED: Final = "CONFIRMATION_REQUIRED"
"""The public code of ConfirmationRequired. No `SourceFailureCode`: it is about the customer, not about the source."""


class ConfirmationRequired(SourceError):
    """The source is well, but tells this customer's data only after they signed in to it again.

    For example with a code that it sends to their telephone. Nobody has to be alarmed: it is the
    customer's turn, and asking again before that does not help.
    """

    retryable = False
    said = "wants the customer to confirm who they are"

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "code": CONFIRMATION_REQUIRED}


NOT_OFFERED: Final = "NOT_OFFERED"
"""The public code of NotOffered. No `SourceFailureCode`: nothing has failed."""


class NotOffered(SourceError):
    """The system behind a domain has no such function, so the field has no value for anybody; nobody is asked."""

    retryable = False
    said = "does not offer this"

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "code": NOT_OFFERED}


Outcomes: TypeAlias = Mapping[K, V | SourceError]
"""What a batch method returns: per key the value or the error that kept us from it. A key that is not
there does not exist, says the source."""

SAID_OF_PROBLEM = {
    Problem.BAD_CURSOR: "Expected a cursor of this list, got one that is unknown or too old.",
    Problem.BAD_FILTER: "Expected a filter made of this list's own tokens and facet codes, got another.",
    Problem.NOT_FOUND: "Expected an existing category or promotion, got an unknown one.",
    Problem.UNKNOWN_PLACEMENT: "Expected a placement that the merchandiser configured, got an unknown one.",
}


class RequestRefused(Exception):
    """The client's own input made the question unanswerable; its message is written for the client."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(SAID_OF_PROBLEM[problem])
        self.problem = problem

    @property
    def extensions(self) -> dict[str, Any]:
        """What a client may read beside the message."""
        return {"code": "BAD_USER_INPUT", "problem": self.problem.value}
