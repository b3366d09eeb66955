"""How upstreams say that they are asked too often, and which refusals their clients understand.

It is not always 429, and waits are not always seconds. A `Dialect` is what one vendor does; the
reading is pure. Sources: RFC 9110 10.2.3 (Retry-After), the IETF draft of RateLimit fields, and the
vendors' own pages.
"""

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LONGEST_PAUSE_S: Final = 60.0
"""No wait is believed beyond this, so that one bad header cannot silence an upstream for a day."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one vendor throttles.

    `statuses` always mean throttling; a status in `marked` does when the body holds the mark.
    `seconds_headers`, `millis_headers` and `epoch_headers` may say how long to wait;
    `millis_field` and `epoch_field` are JSON members of the body that may. If nothing does,
    `default_s` is the wait.

    `understood` are refusals that the vendor's client reads itself: a 401 that only says that a
    token has expired is an answer, and no breaker should hear of it.
    """

    statuses: frozenset[int] = frozenset({429})
    marked: Mapping[int, bytes] | None = None
    seconds_headers: tuple[str, ...] = ("retry-after",)
    millis_headers: tuple[str, ...] = ()
    epoch_headers: tuple[str, ...] = ()
    millis_field: str | None = None
    epoch_field: str | None = None
    default_s: float = 1.0
    understood: frozenset[int] = frozenset()


STANDARD: Final = Dialect()
BITRIX24: Final = Dialect(
    marked={503: b"QUERY_LIMIT_EXCEEDED"}, epoch_field="operating_reset_at", default_s=2.0, understood=frozenset({401})
)
RETAILCRM: Final = Dialect(statuses=frozenset({429, 503}), default_s=2.0)
TALON_ONE: Final = Dialect(statuses=frozenset({409, 429}), default_s=0.1)
VOUCHERIFY: Final = Dialect(epoch_headers=("x-rate-limit-retry",))
MOYSKLAD: Final = Dialect(millis_headers=("x-lognex-retry-after",))
YOOKASSA: Final = Dialect(millis_field="retry_after")
CDEK: Final = Dialect(understood=frozenset({401}))
LOYMAX: Final = Dialect(understood=frozenset({401}))


def throttle_wait_s(
    dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes, now_epoch: float
) -> float | None:
    """Seconds to wait when the answer means "too often", else None; `headers` ignores case."""
    if not _means_throttled(dialect, status, body):
        return None
    said = _said_wait_s(dialect, headers, body, now_epoch)
    return min(dialect.default_s if said is None else max(said, 0.0), LONGEST_PAUSE_S)


def exhausted_wait_s(headers: Mapping[str, str], now_epoch: float) -> float | None:
    """Seconds until a quota is filled up again, when a good answer says that nothing is left of it.

    Read from `RateLimit-*`, `X-RateLimit-*` and `X-Rate-Limit-*`, with `-Remaining` and `-Reset`; a
    reset above a billion is an instant in epoch seconds, below it is a number of seconds.
    """
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"):
        left, reset = _number(headers.get(f"{prefix}-remaining")), _number(headers.get(f"{prefix}-reset"))
        if left is not None and left <= 0 and reset is not None:
            wait_s = reset - now_epoch if reset > _EPOCH_FROM else reset
            return min(max(wait_s, 0.0), LONGEST_PAUSE_S)
    return None


def _means_throttled(dialect: Dialect, status: int, body: bytes) -> bool:
    if status in dialect.statuses:
        return True
    mark = (dialect.marked or {}).get(status)
    return mark is not None and mark in body


def _said_wait_s(dialect: Dialect, headers: Mapping[str, str], body: bytes, now_epoch: float) -> float | None:
    for name in dialect.millis_headers:
        if (millis := _number(headers.get(name))) is not None:
            return millis / 1000
    for name in dialect.seconds_headers:
        if (seconds := _seconds_or_date(headers.get(name), now_epoch)) is not None:
            return seconds
    for name in dialect.epoch_headers:
        if (instant := _number(headers.get(name))) is not None:
            return instant - now_epoch
    if dialect.millis_field and (millis := _body_number(body, dialect.millis_field)) is not None:
        return millis / 1000
    if dialect.epoch_field and (instant := _body_number(body, dialect.epoch_field)) is not None:
        return instant - now_epoch
    return None


def _seconds_or_date(text: str | None, now_epoch: float) -> float | None:
    number = _number(text)
    if number is not None or not text:
        return number
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() - now_epoch
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    """Digits and a fraction alone: `inf`, `nan`, signs and spaces are not believed."""
    return float(text) if text and _PLAIN_NUMBER.fullmatch(text) else None


def _body_number(body: bytes, member: str) -> float | None:
    """A numeric member of a small JSON body, wherever it stands; a parser would have to know the shape."""
    found = re.search(rb'"%s"\s*:\s*"?(\d{1,15}(?:\.\d{1,6})?)' % re.escape(member.encode()), body[:_BODY_READ])
    return float(found.group(1)) if found else None


_EPOCH_FROM = 1_000_000_000
_BODY_READ = 4096
_PLAIN_NUMBER = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)
