"""The plainest journal: the standard library's logging."""

import logging

from gateway.http.ports import Answered


class LogJournal:
    """Write faults with their traces, and answers as debug lines."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("gateway.http")

    def fault(self, request_id: str, operation: str | None, error: BaseException) -> None:
        self._logger.error("fault request_id=%s operation=%s", request_id, operation, exc_info=error)

    def answered(self, answer: Answered) -> None:
        if self._logger.isEnabledFor(logging.DEBUG):
            self._logger.debug("answered %s", answer)
