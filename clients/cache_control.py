"""What a source's `Cache-Control` lets us do with its answer (RFC 9111, RFC 5861).

We are a private cache for whoever an answer was asked for, since the scope of a question is part of
the key of its answer; so `private` and `s-maxage` change nothing.
"""

import re
from collections.abc import Mapping
from typing import Final

from clients.values import Allowance

_DIRECTIVE: Final = re.compile(r"""([a-z0-9-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]*)))?""")
FOR_EVER: Final = float("inf")


def read_allowance(headers: Mapping[str, str], asked_at: float) -> Allowance | None:
    """What an answer to a question of `asked_at` (epoch seconds) allows; None when it does not say.

    Ages count from the question, as RFC 9111 4.2.3 does when clocks may differ. What cannot be read
    counts as no time at all (4.2.1). Stale use needs leave (`stale-while-revalidate`), except while
    the source fails, where it needs only that nothing forbids it (4.2.4).
    """
    said = _directives(headers.get("cache-control", ""))
    if "no-store" in said or "no-cache" in said:
        return Allowance(fresh_until=asked_at, served_until=asked_at, kept_until=asked_at)
    if "max-age" not in said:
        return None
    fresh_until = asked_at + max(0.0, _seconds(said["max-age"]) - read_age_s(headers))
    served_until = fresh_until + _seconds(said.get("stale-while-revalidate", ""))
    if "must-revalidate" in said:
        return Allowance(fresh_until=fresh_until, served_until=fresh_until, kept_until=fresh_until)
    on_failure = said.get("stale-if-error")
    kept_until = FOR_EVER if on_failure is None else fresh_until + _seconds(on_failure)
    return Allowance(fresh_until=fresh_until, served_until=served_until, kept_until=max(served_until, kept_until))


def read_age_s(headers: Mapping[str, str]) -> float:
    """How old an answer was when it was sent to us; 0 when it does not say."""
    return _seconds(headers.get("age", ""))


def _directives(text: str) -> dict[str, str]:
    """Directives by name in small letters; of one that is said twice the shorter time."""
    said: dict[str, str] = {}
    for name, quoted, plain in _DIRECTIVE.findall(text.lower()):
        value = quoted or plain
        said[name] = min(said[name], value, key=_seconds) if name in said else value
    return said


def _seconds(text: str) -> float:
    """Whole seconds, at most 2^31 (RFC 9111 1.2.2); what is not digits is none."""
    text = text.strip()
    return float(min(int(text[:11]), 2_147_483_648)) if text.isascii() and text.isdigit() else 0.0
