"""Who may see the operations page and use it: whoever has the token.

On a developer's machine no token is needed, if the listener can be reached from that machine only.
A page on the internet could still make a browser ask for it under a name of its own that leads to
127.0.0.1, so the name that was asked for must then be this machine's.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

COOKIE: Final = "gateway-ops"
SESSION_S: Final = 12 * 3600
HERE: Final = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
LONGEST_NAME: Final = 40
SOMEBODY: Final = "somebody"


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one listener; an empty token lets everybody in who asks under a name of this machine."""

    token: str
    now: Callable[[], float] = time.time

    def find_visitor(self, connection: HTTPConnection) -> str | None:
        """The name that the visitor gave, or None for one who may not come in."""
        if not self.token:
            host = connection.headers.get("host", "")
            return SOMEBODY if name_of_host(host) in HERE else None
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return SOMEBODY if self.is_token(given) else None
        return self.read_session(connection.cookies.get(COOKIE, ""))

    def is_token(self, given: str) -> bool:
        """Compare in a time that tells nothing."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def write_session(self, who: str) -> str:
        """A cookie's value: until when, who, and our signature; it is worth nothing once the token changes."""
        name = base64.urlsafe_b64encode(who.strip()[:LONGEST_NAME].encode()).decode().rstrip("=")
        said = f"{int(self.now()) + SESSION_S}.{name}"
        return f"{said}.{self._sign(said)}"

    def read_session(self, value: str) -> str | None:
        """Who it was written for; None for one that is not ours or past its time."""
        said, _, signature = value.rpartition(".")
        until, _, name = said.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(said).encode()):
            return None
        if not until.isdigit() or int(until) < self.now():
            return None
        try:
            return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode() or SOMEBODY
        except (binascii.Error, UnicodeDecodeError):
            return None

    def _sign(self, said: str) -> str:
        return hmac.new(b"ops session" + self.token.encode(), said.encode(), hashlib.sha256).hexdigest()


def name_of_host(host: str) -> str:
    """A Host header without its port."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def is_own_page(connection: HTTPConnection) -> bool:
    """Whether a request that changes something comes from our page: no other site can send this header unasked."""
    return connection.headers.get("x-ops") == "1"
