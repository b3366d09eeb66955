"""How often one client may ask: a leaky bucket per client, as one number each (GCRA).

The number is the instant at which the bucket will be empty again. Taking an amount moves it on; a
bucket that would be fuller than its burst refuses, and knows exactly how long to wait.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from redis.exceptions import RedisError

from clients.eventual import Eventual
from gateway.http.errors import Code, Limit, Refused

MAX_CLIENTS = 100_000
SILENT_S: Final = 1.0
"""A shared store that failed is left alone for so long."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_s` units each second in the long run, `burst` at once."""

    per_s: float
    burst: float


def decide_bucket(empty_at: float, now: float, amount: float, rate: Rate) -> tuple[float, float]:
    """Decide one taking: when the bucket will be empty, and the seconds to wait (0 when it was granted).

    An amount beyond the burst is granted to a bucket that is empty, or it never could be.
    """
    start = max(empty_at, now)
    wait_s = start + amount / rate.per_s - max(rate.burst, amount) / rate.per_s - now
    if wait_s > 0:
        return empty_at, wait_s
    return start + amount / rate.per_s, 0.0


class Buckets(Protocol):
    """Who keeps the buckets: this process alone, or all processes together. It never raises."""

    def take(self, key: str, amount: float, rate: Rate) -> Eventual[float]:
        """Take an amount; the seconds to wait before it could be taken, 0 when it was."""


class LocalBuckets:
    """Buckets of one process, for so many clients; the one seen longest ago is forgotten first."""

    def __init__(self, clock: Callable[[], float], max_clients: int = MAX_CLIENTS) -> None:
        self._clock = clock
        self._max_clients = max_clients
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, amount: float, rate: Rate) -> float:
        empty_at, wait_s = decide_bucket(self._empty_at.get(key, 0.0), self._clock(), amount, rate)
        self._empty_at[key] = empty_at
        self._empty_at.move_to_end(key)
        if len(self._empty_at) > self._max_clients:
            self._empty_at.popitem(last=False)
        return wait_s


_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local amount_s, burst_s = tonumber(ARGV[1]), tonumber(ARGV[2])
local start = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait_s = start + amount_s - burst_s - now
if wait_s > 0 then return tostring(wait_s) end
local empty_at = start + amount_s
redis.call('SET', KEYS[1], string.format('%.6f', empty_at), 'PX', math.ceil((empty_at - now) * 1000) + 1000)
return '0'
"""
"""The same decision by the server's clock; times travel as text, since Lua's numbers are cut to integers."""


class Commands(Protocol):
    """What is needed of `redis.asyncio.Redis`; give it short socket timeouts."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any]: ...


class ValkeyBuckets:
    """Buckets that all processes share; while the store does not answer, each process counts for itself."""

    def __init__(self, commands: Commands, clock: Callable[[], float], prefix: str = "rate") -> None:
        self._commands = commands
        self._clock = clock
        self._prefix = prefix
        self._local = LocalBuckets(clock)
        self._silent_until = float("-inf")

    async def take(self, key: str, amount: float, rate: Rate) -> float:
        if self._clock() < self._silent_until:
            return self._local.take(key, amount, rate)
        burst_s = max(rate.burst, amount) / rate.per_s
        try:
            said = await self._commands.eval(_TAKE, 1, f"{self._prefix}:{key}", amount / rate.per_s, burst_s)
        except (RedisError, OSError, TimeoutError):
            self._silent_until = self._clock() + SILENT_S
            return self._local.take(key, amount, rate)
        return float(said)


@dataclass(frozen=True, slots=True)
class ClientRates:
    """What a client may do: requests, and static cost of what they ask for.

    A category page of 24 tiles costs about 3,500, so the default cost rate is some forty such pages a minute.
    """

    requests: Rate = Rate(per_s=20.0, burst=40.0)
    cost: Rate = Rate(per_s=2_500.0, burst=50_000.0)


class ClientQuota:
    """Charges each request to its client: the customer, or the address of an anonymous visitor."""

    def __init__(self, buckets: Buckets, rates: ClientRates | None = None) -> None:
        self._buckets = buckets
        self._rates = rates or ClientRates()

    def admit(self, customer_id: str | None, address: str) -> Eventual[None]:
        """Count one request; raises Refused(RATE_LIMITED) when there were too many."""
        return self._take("rate", f"{_client(customer_id, address)}:requests", 1, self._rates.requests)

    def charge(self, customer_id: str | None, address: str, cost: int) -> Eventual[None]:
        """Count the static cost of what is asked for; raises Refused(RATE_LIMITED) when it was too much."""
        return self._take("cost", f"{_client(customer_id, address)}:cost", cost, self._rates.cost)

    def _take(self, limit: Limit, key: str, amount: float, rate: Rate) -> Eventual[None]:
        wait = self._buckets.take(key, amount, rate)
        if isinstance(wait, float | int):
            _judge(wait, limit)
            return None
        return _judge_later(wait, limit)


def _client(customer_id: str | None, address: str) -> str:
    return f"a:{address}" if customer_id is None else f"c:{customer_id}"


async def _judge_later(wait: Awaitable[float], limit: Limit) -> None:
    _judge(await wait, limit)


def _judge(wait_s: float, limit: Limit) -> None:
    if wait_s > 0:
        seconds = int(-(-wait_s // 1))
        raise Refused(
            Code.RATE_LIMITED,
            f"Expected fewer or cheaper requests; this client may ask again in {seconds} s.",
            headers=((b"retry-after", b"%d" % seconds),),
            limit=limit,
        )
