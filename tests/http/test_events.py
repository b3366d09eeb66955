"""Subscriptions over HTTP: server-sent events, and Apollo's multipart protocol."""

from collections.abc import Mapping

import pytest

from gateway.http.errors import Code, Refused
from gateway.http.rules import EdgeRules
from gateway.limits.slots import Slots
from resolvers.context import Viewer
from tests.http.door import GRAPHQL, KeptJournal, knock, make_endpoint
from tests.http.shop import SECRET, make_schema
from tests.http.test_parts import read_parts

SCHEMA = make_schema()
EVENTS = {"accept": "text/event-stream"}
MULTIPART = {"accept": "multipart/mixed;subscriptionSpec=1.0,application/json"}


async def test_streams_events() -> None:
    """Each result is a `next` event, and the end is a `complete` event."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "subscription{ticks(count:2)}"}, headers=EVENTS)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.parts[1:] == [
        b'event: next\ndata: {"data":{"ticks":0}}\n\n',
        b'event: next\ndata: {"data":{"ticks":1}}\n\n',
        b"event: complete\ndata:\n\n",
    ]


async def test_answers_a_query_as_one_event() -> None:
    """A query over server-sent events is one `next` and `complete`."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, headers=EVENTS)
    assert reply.body.count(b"event: next") == 1


async def test_streams_apollos_multipart() -> None:
    """Apollo's clients read each result as the `payload` of a part."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "subscription{ticks(count:2)}"}, headers=MULTIPART)
    assert read_parts(reply) == [{"payload": {"data": {"ticks": 0}}}, {"payload": {"data": {"ticks": 1}}}]


async def test_keeps_a_silent_connection_alive() -> None:
    """While nothing happens, heartbeats go out so that no proxy cuts the connection."""
    endpoint = make_endpoint(SCHEMA, rules=EdgeRules(heartbeat_s=0.02))
    query = {"query": "subscription{ticks(count:1,every:0.1)}"}
    assert (await knock(endpoint, query, headers=EVENTS)).parts.count(b":\n\n") >= 3
    assert {} in read_parts(await knock(endpoint, query, headers=MULTIPART))


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL, "multipart/mixed;deferSpec=20220824"])
async def test_needs_a_client_that_reads_streams(accept: str) -> None:
    """A subscription is refused when its client could not read the results."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "subscription{ticks}"}, headers={"accept": accept})
    assert (reply.status, reply.codes) == (406, ["NOT_ACCEPTABLE"])


async def test_refuses_with_a_status_before_the_stream() -> None:
    """What is wrong with a subscription is an HTTP error, not an event."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "subscription{nope}"}, headers=EVENTS)
    assert (reply.status, reply.codes) == (400, ["GRAPHQL_VALIDATION_FAILED"])
    query = "subscription($n:Int!){ticks(count:$n)}"
    reply = await knock(make_endpoint(SCHEMA), {"query": query}, headers=EVENTS)
    assert (reply.status, reply.codes) == (400, ["BAD_USER_INPUT"])


async def test_masks_a_broken_source() -> None:
    """A source of events that breaks ends with a masked error and `complete`, and the journal knows why."""
    journal = KeptJournal()
    reply = await knock(make_endpoint(SCHEMA, journal=journal), {"query": "subscription{boomed}"}, headers=EVENTS)
    assert b"INTERNAL_ERROR" in reply.parts[-2]
    assert reply.parts[-1].startswith(b"event: complete")
    assert SECRET not in reply.body.decode()
    assert SECRET in str(journal.faults[0])


async def test_lets_go_when_the_client_leaves() -> None:
    """A client that leaves frees its place and ends the subscription."""
    places = Slots()
    query = {"query": "subscription{ticks(count:1000)}"}
    reply = await knock(make_endpoint(SCHEMA, places=places), query, headers=EVENTS, leaves_after_s=0.05)
    assert 0 < reply.body.count(b"event: next") < 100
    assert len(places) == 0


async def test_bounds_open_connections() -> None:
    """When all places are taken the next subscription is refused and told to come later."""
    endpoint = make_endpoint(SCHEMA, places=Slots(in_all=0))
    reply = await knock(endpoint, {"query": "subscription{ticks}"}, headers=EVENTS)
    assert (reply.status, reply.codes, reply.headers["retry-after"]) == (503, ["OVERLOADED"], "5")
    endpoint = make_endpoint(SCHEMA, places=Slots(per_address=0))
    reply = await knock(endpoint, {"query": "subscription{ticks}"}, headers=EVENTS)
    assert (reply.status, reply.codes) == (429, ["RATE_LIMITED"])


@pytest.mark.parametrize(("accept", "ends"), [(EVENTS, b"event: complete"), (MULTIPART, b"--")])
async def test_ends_when_the_token_ends(accept: dict[str, str], ends: bytes) -> None:
    """A stream does not outlive its token: the last result says why."""
    looks = 0

    def authenticate(headers: Mapping[bytes, bytes]) -> Viewer:
        nonlocal looks
        looks += 1
        if looks > 2:
            raise Refused(Code.UNAUTHENTICATED, "It has expired.")
        return Viewer(customer_id="c-1")

    endpoint = make_endpoint(SCHEMA, authenticate=authenticate, rules=EdgeRules(recognise_s=0.02))
    query = {"query": "subscription{ticks(count:100000)}"}
    reply = await knock(endpoint, query, headers=accept)
    assert b"UNAUTHENTICATED" in b"".join(reply.parts[-2:])
    assert ends in reply.parts[-1]
