"""How an upstream may misbehave, and how its answers are spoilt."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import orjson

Mode = Literal[
    "none", "down", "hang", "garbage", "html", "empty", "truncate", "drip", "wrong_types", "missing_keys", "absent"
]

Method = Literal["COURIER", "EXPRESS", "PICKUP_POINT", "PARCEL_LOCKER", "STORE_PICKUP", "POST"]

_Z99 = 2.3263478740408408  # the 99th percentile of the standard normal distribution
VENDOR_TEXT = "ORA-12154 at com.vendor.Dao.load(Dao.java:42) on 10.20.30.40:1521"


class LogNormal(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Latency as real systems have it: half of the calls take less than the median, 1% more than `p99_ms`."""

    median_ms: float
    p99_ms: float

    def sample(self, dice: random.Random) -> float:
        spread = math.log(self.p99_ms / self.median_ms) / _Z99
        return dice.lognormvariate(math.log(self.median_ms), spread)


class Faults(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Everything that is wrong with an upstream.

    Both latencies add up. `error_rate` of calls (all, when only `status` is given) fail with `status` or 500.
    `operations` limits everything except `down` to some operations. `failed_providers` are carriers that the
    delivery system reports as failed, by method.
    """

    latency_ms: float = 0.0
    latency_log_normal: LogNormal | None = None
    error_rate: float = 0.0
    status: int | None = None
    mode: Mode = "none"
    rate_limit_per_second: float | None = None
    retry_after_seconds: int | None = None
    operations: list[str] | None = None
    failed_providers: list[Method] = msgspec.field(default_factory=list)

    def delay_s(self, dice: random.Random) -> float:
        more = self.latency_log_normal.sample(dice) if self.latency_log_normal else 0.0
        return (self.latency_ms + more) / 1000

    def concerns(self, operation: str) -> bool:
        return self.operations is None or operation in self.operations

    def fails(self, dice: random.Random) -> bool:
        rate = self.error_rate or (1.0 if self.status else 0.0)
        return rate > 0 and dice.random() < rate


NO_FAULTS = Faults()


class BadFaults(ValueError):
    """The asked misbehaviour makes no sense; the message says why."""


def read_faults(body: bytes) -> Faults:
    """Faults out of JSON; raises BadFaults."""
    try:
        faults = msgspec.json.decode(body, type=Faults)
    except msgspec.DecodeError as error:
        raise BadFaults(str(error)) from None
    for is_right, expectation in _expectations(faults):
        if not is_right:
            raise BadFaults(expectation)
    return faults


def _expectations(faults: Faults) -> tuple[tuple[bool, str], ...]:
    shape = faults.latency_log_normal
    rate = faults.rate_limit_per_second
    return (
        (faults.latency_ms >= 0, f"latencyMs: expected at least 0, got {faults.latency_ms}"),
        (0 <= faults.error_rate <= 1, f"errorRate: expected 0 to 1, got {faults.error_rate}"),
        (faults.status is None or 400 <= faults.status <= 599, f"status: expected 400 to 599, got {faults.status}"),  # noqa: PLR2004
        (rate is None or rate > 0, f"rateLimitPerSecond: expected more than 0, got {rate}"),
        (shape is None or 0 < shape.median_ms <= shape.p99_ms, "latencyLogNormal: expected 0 < medianMs <= p99Ms"),
    )


@dataclass(slots=True)
class RateLimit:
    """A bucket that refills at `per_second` and holds one second's worth, at least one call."""

    per_second: float
    clock: Callable[[], float]
    _level: float = -1.0
    _at: float = 0.0

    def wait_s(self) -> float:
        """0 when the call may pass, otherwise in how many seconds it may be tried again."""
        now, most = self.clock(), max(1.0, self.per_second)
        self._level = most if self._level < 0 else min(most, self._level + (now - self._at) * self.per_second)
        self._at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self.per_second


def spoil(mode: Mode, body: bytes) -> bytes:
    """An answer as a broken system would give it. Modes that concern the connection leave it as it is."""
    match mode:
        case "garbage":
            return b'{"observedAt": "2026-03-01T12:00", "error": "' + VENDOR_TEXT.encode() + b'", [\x00'
        case "html":
            return f"<html><body><h1>502 Bad Gateway</h1><pre>{VENDOR_TEXT}</pre></body></html>".encode()
        case "empty":
            return b""
        case "wrong_types":
            return orjson.dumps(_mistyped(orjson.loads(body)))
        case "missing_keys":
            return orjson.dumps(_over_items(orjson.loads(body), lambda items: [{} for _ in items]))
        case "absent":
            return orjson.dumps(_over_items(orjson.loads(body), lambda _: []))
        case _:
            return body


def _mistyped(value: Any) -> Any:
    """The same shape with every leaf of another type."""
    if isinstance(value, dict):
        return {name: _mistyped(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_mistyped(part) for part in value] or "none"
    return len(value) if isinstance(value, str) else f"<{value}>"


def _over_items(answer: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    """Change the lists of an answer's top level, or the answer if it is a list."""
    if isinstance(answer, list):
        return change(answer)
    return {name: change(value) if isinstance(value, list) else value for name, value in answer.items()}
