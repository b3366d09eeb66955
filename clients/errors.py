"""Everything that can go wrong between us and another system.

    SourceError
    ├── SourceTimeout          TIMEOUT           no answer within the time budget
    ├── SourceUnavailable      UNAVAILABLE       refused, reset, server fault
    ├── SourceThrottled        THROTTLED         the source limits our rate
    ├── InvalidSourceResponse  INVALID_RESPONSE  the answer breaks the contract
    └── CircuitOpen            CIRCUIT_OPEN      not asked, it has been failing

Messages are ours and safe to show: no vendor text, address or trace ever gets into one. What the
vendor really said goes to `detail`, which is for logs only.
"""

import enum
from typing import Any, ClassVar

from clients.values import DataSource


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

    def __init__(
        self, source: DataSource, detail: str = "", retry_after_s: float | None = None
    ) -> None:
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
