"""Rates: so much at once, so much in the long run, per client."""

from collections.abc import Mapping
from typing import Any

import pytest
from redis.exceptions import ConnectionError as StoreDown

from gateway.limits.rate import Buckets, ClientQuota, ClientRates, LocalBuckets, Rate, ValkeyBuckets, decide_bucket
from resolvers.context import ANONYMOUS, Viewer
from tests.http.door import KeptJournal, Reply, knock, make_endpoint
from tests.http.shop import make_schema

RATE = Rate(per_s=2.0, burst=4.0)


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_grants_a_burst_then_the_rate() -> None:
    """Over any time, what is granted is at most the burst and the rate times the time."""
    clock = Clock()
    buckets = LocalBuckets(clock)
    granted = 0
    for _ in range(600):
        granted += buckets.take("a", 1, RATE) == 0
        clock.at += 0.1
    assert 123 <= granted <= 124


def test_tells_how_long_to_wait() -> None:
    """After the wait that was told, the same amount is granted; a little earlier it is not."""
    clock = Clock()
    buckets = LocalBuckets(clock)
    for _ in range(4):
        assert buckets.take("a", 1, RATE) == 0
    wait_s = buckets.take("a", 1, RATE)
    assert wait_s == pytest.approx(0.5)
    clock.at += wait_s - 0.01
    assert buckets.take("a", 1, RATE) > 0
    clock.at += 0.02
    assert buckets.take("a", 1, RATE) == 0


def test_a_refusal_costs_nothing() -> None:
    """Who is refused is not pushed back further."""
    assert decide_bucket(1010.0, 1000.0, 1, RATE)[0] == 1010.0


def test_an_amount_beyond_the_burst_is_granted_to_an_empty_bucket() -> None:
    """One dear operation can be done, and is paid for afterwards."""
    empty_at, wait_s = decide_bucket(0.0, 1000.0, 100, RATE)
    assert (empty_at, wait_s) == (1050.0, 0.0)
    assert decide_bucket(empty_at, 1000.0, 1, RATE)[1] > 40


def test_forgets_clients() -> None:
    """A million clients do not fill the memory."""
    buckets = LocalBuckets(Clock(), max_clients=100)
    for number in range(10_000):
        buckets.take(str(number), 1, RATE)
    assert len(buckets._empty_at) == 100


async def ask(endpoint: Any, token: str = "", query: str = "{hello}") -> Reply:
    return await knock(endpoint, {"query": query}, headers={"authorization": token} if token else {})


def authenticate(headers: Mapping[bytes, bytes]) -> Viewer:
    token = headers.get(b"authorization")
    return ANONYMOUS if token is None else Viewer(customer_id=token.decode())


async def test_counts_each_client_alone() -> None:
    """A client that asks too often is refused with 429 and told when to come back; others are not touched."""
    rates = ClientRates(requests=Rate(per_s=0.5, burst=2))
    quota = ClientQuota(LocalBuckets(Clock()), rates)
    endpoint = make_endpoint(make_schema(), quota=quota, authenticate=authenticate)
    assert [(await ask(endpoint, "a")).status for _ in range(3)] == [200, 200, 429]
    refused = await ask(endpoint, "a")
    assert (refused.codes, refused.headers["retry-after"]) == (["RATE_LIMITED"], "2")
    assert (await ask(endpoint, "b")).status == 200
    assert (await ask(endpoint)).status == 200


async def test_counts_before_it_reads() -> None:
    """A client that asks too often does not get its documents parsed."""
    quota = ClientQuota(LocalBuckets(Clock()), ClientRates(requests=Rate(per_s=0.5, burst=1)))
    endpoint = make_endpoint(make_schema(), quota=quota)
    assert [(await ask(endpoint, query="{")).codes for _ in range(2)] == [["GRAPHQL_PARSE_FAILED"], ["RATE_LIMITED"]]


async def test_counts_cost() -> None:
    """Dear operations use a client's rate up faster than cheap ones."""
    rates = ClientRates(cost=Rate(per_s=1.0, burst=100))
    journal = KeptJournal()
    endpoint = make_endpoint(make_schema(), quota=ClientQuota(LocalBuckets(Clock()), rates), journal=journal)
    dear = "{products(first:80){id}}"
    assert [(await ask(endpoint, query=dear)).status for _ in range(2)] == [200, 429]
    assert journal.refusals == ["cost"]
    assert (await ask(endpoint)).status == 200


class Scripted:
    """A shared store that answers as told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    async def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        self.asked.append(keys_and_args)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_asks_the_shared_store() -> None:
    """What the shared store says counts."""
    store = Scripted(b"0", b"1.25")
    buckets = ValkeyBuckets(store, Clock())
    assert [await buckets.take("a", 1, RATE), await buckets.take("a", 1, RATE)] == [0.0, 1.25]
    assert store.asked[0] == ("rate:a", 0.5, 2.0)


async def test_counts_alone_while_the_store_is_away() -> None:
    """A store that fails does not open the gates, and is left alone for a second."""
    clock = Clock()
    store = Scripted(StoreDown(), b"0")
    buckets: Buckets = ValkeyBuckets(store, clock)
    waits = [await buckets.take("a", 1, RATE) for _ in range(5)]  # type: ignore[misc]
    assert [wait_s > 0 for wait_s in waits] == [False] * 4 + [True]
    assert len(store.asked) == 1
    clock.at += 1.1
    assert await buckets.take("a", 1, RATE) == 0  # type: ignore[misc]
    assert len(store.asked) == 2
