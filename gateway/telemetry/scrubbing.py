"""Keys taken out of whatever is written for people: log lines, and the doctor's table.

Some vendors want their key in the address: in the query (Retail Rocket's `apiKey`, Recombee's
signature) or in the path (Bitrix24's webhook). Nothing of ours writes addresses, but the exceptions
of libraries may. So every line is searched on its way out, for the secrets of the settings as they
are and as addresses and JSON spell them, and for what looks like a key wherever it comes from.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
SHORTEST: Final = 6
"""A shorter secret would turn half of all words into stars; it is no secret either."""

Scrub = Callable[[str], str]

_NAMES: Final = (
    "api_?key|access_?token|refresh_?token|auth|token|secret|client_secret|password|signature|hmac_sign|"
    "application_token"
)
_LOOKS: Final = (
    re.compile(rf"([?&;](?:{_NAMES})=)[^&\s\"'<>#\\]+", re.IGNORECASE),
    re.compile(r"(/rest/\d+/)[a-z0-9]{6,}(?![a-z0-9.])", re.IGNORECASE),
    re.compile(r"(\b(?:bearer|basic) )[a-z0-9._~+/=-]{6,}", re.IGNORECASE),
    re.compile(r"(://[^/\s:@\"']*:)[^/\s@\"']+(?=@)"),
)


class Scrubber:
    """Hides these secrets, and what looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelled = {form for secret in secrets if len(secret) >= SHORTEST for form in _spellings(secret)}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if spelled else None

    def scrub(self, text: str) -> str:
        """The text with stars in place of keys."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for look in _LOOKS:
            text = look.sub(rf"\1{HIDDEN}", text)
        return text


def _spellings(secret: str) -> set[str]:
    """A secret as it stands, in an address, in JSON and in Python's `repr`."""
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }
