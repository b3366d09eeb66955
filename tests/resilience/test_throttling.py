"""How vendors say "too often", and what is made of it."""

import email.utils
import math

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience import throttling
from gateway.resilience.throttling import (
    BITRIX24,
    LONGEST_PAUSE_S,
    MOYSKLAD,
    RETAILCRM,
    STANDARD,
    TALON_ONE,
    VOUCHERIFY,
    YOOKASSA,
    Dialect,
    exhausted_wait_s,
    throttle_wait_s,
)

NOW = 1_800_000_000.0
IN_SEVEN = email.utils.formatdate(NOW + 7, usegmt=True)


@pytest.mark.parametrize(
    ("dialect", "status", "headers", "body", "expected_s"),
    [
        (STANDARD, 429, {"retry-after": "3"}, b"", 3.0),
        (STANDARD, 429, {"Retry-After": IN_SEVEN}, b"", 7.0),
        (STANDARD, 429, {}, b"", 1.0),
        (STANDARD, 429, {"retry-after": "soon"}, b"", 1.0),
        (STANDARD, 429, {"retry-after": "-5"}, b"", 1.0),
        (STANDARD, 429, {"retry-after": "inf"}, b"", 1.0),
        (STANDARD, 429, {"retry-after": "999999999"}, b"", LONGEST_PAUSE_S),
        (STANDARD, 503, {"retry-after": "3"}, b"", None),
        (STANDARD, 200, {"retry-after": "3"}, b"", None),
        (BITRIX24, 503, {}, b'{"error":"QUERY_LIMIT_EXCEEDED"}', 2.0),
        (BITRIX24, 503, {}, b'{"error":"OVERLOAD"}', None),
        (BITRIX24, 429, {}, b'{"error":"OPERATION_TIME_LIMIT","time":{"operating_reset_at":1800000009}}', 9.0),
        (RETAILCRM, 503, {}, b"", 2.0),
        (TALON_ONE, 409, {}, b"", 0.1),
        (VOUCHERIFY, 429, {"x-rate-limit-retry": "1800000004"}, b"", 4.0),
        (VOUCHERIFY, 429, {"x-rate-limit-retry": "1700000000"}, b"", 0.0),
        (MOYSKLAD, 429, {"x-lognex-retry-after": "250"}, b"", 0.25),
        (YOOKASSA, 429, {}, b'{"type":"error","retry_after": 1800}', 1.8),
    ],
)
def test_each_vendor_is_read_in_its_own_dialect(
    dialect: Dialect, status: int, headers: dict[str, str], body: bytes, expected_s: float | None
) -> None:
    """Seconds, milliseconds, epoch seconds and dates; in headers and in bodies; 429, 503 and 409."""
    assert throttle_wait_s(dialect, status, httpx.Headers(headers), body, NOW) == (
        None if expected_s is None else pytest.approx(expected_s, abs=0.001)
    )


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "5"}, 5.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000005"}, 5.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "2"}, 2.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "100000"}, LONGEST_PAUSE_S),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "5"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "none", "x-ratelimit-reset": "5"}, None),
        ({}, None),
    ],
)
def test_a_good_answer_may_say_that_the_quota_is_used_up(headers: dict[str, str], expected_s: float | None) -> None:
    """Nothing remaining and a reset, relative or as an instant, is a wait; anything else is none."""
    assert exhausted_wait_s(httpx.Headers(headers), NOW) == expected_s


DIALECTS = [value for value in vars(throttling).values() if isinstance(value, Dialect)]


@given(
    st.sampled_from(DIALECTS),
    st.sampled_from([200, 409, 429, 503]),
    st.text(st.characters(codec="latin-1")),
    st.binary(),
)
def test_nothing_a_vendor_writes_can_break_the_reading(dialect: Dialect, status: int, text: str, body: bytes) -> None:
    """Whatever stands in headers and bodies, the wait is none or between nothing and the longest pause."""
    names = [*dialect.seconds_headers, *dialect.millis_headers, *dialect.epoch_headers]
    headers = httpx.Headers([(name.encode(), text.encode("latin-1")) for name in names])
    wait_s = throttle_wait_s(dialect, status, headers, body, NOW)
    assert wait_s is None or (math.isfinite(wait_s) and 0.0 <= wait_s <= LONGEST_PAUSE_S)
