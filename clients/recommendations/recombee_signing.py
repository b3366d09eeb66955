"""How Recombee's calls are signed, and what to do when its clock and ours differ.

Source: the vendor's own client for Python, recombee-api-client 6.3.1: the path with the database, the
query and `hmac_timestamp` is signed by HMAC-SHA1 with the private token. A signature holds for 30
seconds of the vendor's clock, so a clock that is off by more is refused like a wrong token.
"""

import hashlib
import hmac
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

NOTICED_S: Final = 5.0
"""A `Date` has whole seconds and its way takes time: less than this is no difference of clocks."""

LONGEST_SKEW_S: Final = 86_400.0
"""A clock that is off by more is not believed."""


class Signer:
    """Signs paths of one database by the vendor's clock, as far as it is known."""

    def __init__(self, database_id: str, private_token: str, now: Callable[[], float]) -> None:
        self._prefix = f"/{database_id}"
        self._token = private_token.encode()
        self._now = now
        self.ahead_s = 0.0

    def sign(self, path: str) -> str:
        """The whole path to send, to the letter: a signature is of what is sent."""
        separator = "&" if "?" in path else "?"
        timed = f"{self._prefix}{path}{separator}hmac_timestamp={int(self._now() + self.ahead_s)}"
        signature = hmac.new(self._token, timed.encode(), hashlib.sha1).hexdigest()
        return f"{timed}&hmac_sign={signature}"

    def follow(self, date: str | None) -> bool:
        """Take over the clock of a refusal's `Date`; False when it was not the clock that was refused."""
        try:
            theirs = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, TypeError, OverflowError):
            return False
        ahead_s = theirs - self._now()
        if abs(ahead_s - self.ahead_s) < NOTICED_S or abs(ahead_s) > LONGEST_SKEW_S:
            return False
        self.ahead_s = ahead_s
        return True
