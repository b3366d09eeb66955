"""The plainest journal: the standard library's logging."""

import logging
import traceback

from gateway.http.errors import Limit
from gateway.http.ports import Answered


class LogJournal:
    """Write faults with the place where they happened, and answers as debug lines.

    An exception's message may quote anything: an address with a password, a customer's e-mail. So it is
    left out; its type and its way through the code are written.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("gateway.http")

    def fault(self, request_id: str, operation: str | None, error: BaseException) -> None:
        self._logger.error(
            "fault request_id=%s operation=%s error=%s way=%s",
            request_id,
            operation,
            type(error).__qualname__,
            way_of(error),
        )

    def refused(self, limit: Limit) -> None:
        self._logger.debug("refused limit=%s", limit)

    def answered(self, answer: Answered) -> None:
        if self._logger.isEnabledFor(logging.DEBUG):
            self._logger.debug("answered %s", answer)


def way_of(error: BaseException) -> str:
    """Tell where an exception came from: innermost call first, `function (file:line)` each."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
