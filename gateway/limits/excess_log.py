"""Lines about documents that are beyond a limit: what was refused, or would have been in measure mode."""

import logging

from gateway.limits.policy import Excess, Mode

_log = logging.getLogger("gateway.limits")


class ExcessLog:
    """A `Report` of `LimitGuard`: names the document by its hash, and never quotes it."""

    def __init__(self, mode: Mode) -> None:
        self._verb = "refused" if mode is Mode.ENFORCE else "measured"

    def __call__(self, sha256: str, excess: list[Excess]) -> None:
        said = " ".join(f"{item.limit}={item.got}/{item.most}" for item in excess)
        _log.warning("limit exceeded, %s: document=%s %s", self._verb, sha256 or "-", said)
