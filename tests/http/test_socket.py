"""The graphql-transport-ws protocol, message by message, without a server."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.http.errors import Code, Refused
from gateway.http.origins import Origins
from gateway.http.rules import EdgeRules, SocketRules
from gateway.limits.slots import Slots
from resolvers.context import ANONYMOUS, Viewer
from tests.http.door import make_socket
from tests.http.shop import SECRET, make_schema

SCHEMA = make_schema()
PROTOCOL = "graphql-transport-ws"
TICKS = "subscription{ticks(count:3)}"
ENDLESS = "subscription{ticks(count:100000)}"


class Client:
    """One end of a socket."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[Any] = asyncio.Queue()
        self.from_server: asyncio.Queue[Any] = asyncio.Queue()

    def say(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.to_server.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, data: bytes) -> None:
        self.to_server.put_nowait({"type": "websocket.receive", "bytes": data})

    def leave(self) -> None:
        self.to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def hear(self) -> Any:
        async with asyncio.timeout(5):
            message = await self.from_server.get()
        return json.loads(message["text"]) if message["type"] == "websocket.send" else message

    async def closed(self) -> int:
        while True:
            message = await self.hear()
            if message["type"] == "websocket.close":
                return int(message["code"])

    def subscribe(self, key: str, query: str, **more: Any) -> None:
        self.say({"id": key, "type": "subscribe", "payload": {"query": query, **more}})


@asynccontextmanager
async def connected(
    headers: Mapping[str, str] | None = None, protocols: tuple[str, ...] = (PROTOCOL,), **changes: Any
) -> AsyncIterator[Client]:
    """Open a socket; the client leaves at the end, and the server must have ended by itself then."""
    client = Client()
    client.to_server.put_nowait({"type": "websocket.connect"})
    pairs = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "websocket", "headers": pairs, "subprotocols": list(protocols), "client": ("127.0.0.1", 1)}
    app = make_socket(SCHEMA, **changes)
    serving = asyncio.create_task(app(scope, client.to_server.get, client.from_server.put))
    try:
        yield client
    finally:
        client.leave()
        async with asyncio.timeout(5):
            await serving


@asynccontextmanager
async def initialised(payload: Any = None, **changes: Any) -> AsyncIterator[Client]:
    async with connected(**changes) as client:
        client.say({"type": "connection_init", "payload": payload})
        assert (await client.hear())["type"] == "websocket.accept"
        assert await client.hear() == {"type": "connection_ack"}
        yield client


async def test_streams_a_subscription() -> None:
    """Results come as `next` messages, then `complete`; the id may be used again."""
    async with initialised() as client:
        for _ in range(2):
            client.subscribe("s", TICKS)
            heard = [await client.hear() for _ in range(4)]
            assert [message.get("payload") for message in heard[:3]] == [{"data": {"ticks": n}} for n in range(3)]
            assert heard[3] == {"id": "s", "type": "complete"}


async def test_answers_queries_and_mutations() -> None:
    """Operations that are no subscriptions give one `next` and `complete`."""
    async with initialised() as client:
        client.subscribe("m", "mutation{ring}")
        assert (await client.hear())["payload"] == {"data": {"ring": "ding"}}
        assert await client.hear() == {"id": "m", "type": "complete"}


async def test_runs_operations_side_by_side() -> None:
    """A slow operation does not hold up another one."""
    async with initialised() as client:
        client.subscribe("slow", "{slow(seconds:0.2)}")
        client.subscribe("fast", "{hello}")
        assert (await client.hear())["id"] == "fast"


@pytest.mark.parametrize(
    ("query", "code"),
    [("{nope}", "GRAPHQL_VALIDATION_FAILED"), ("{", "GRAPHQL_PARSE_FAILED"),
     ("{" + " ".join(f"a{i}:hello" for i in range(300)) + "}", "LIMIT_EXCEEDED"),
     ("query($n:Int!){products(first:$n){id}}", "BAD_USER_INPUT"),
     ("{__schema{types{name}}}", "INTROSPECTION_DISABLED")],
)  # fmt: skip
async def test_refuses_operations_not_connections(query: str, code: str) -> None:
    """A refused operation is an `error` message; the connection goes on, under the limits of HTTP."""
    async with initialised() as client:
        client.subscribe("q", query)
        heard = await client.hear()
        assert (heard["type"], heard["payload"][0]["extensions"]["code"]) == ("error", code)
        client.say({"type": "ping"})
        assert await client.hear() == {"type": "pong"}


async def test_masks_faults() -> None:
    """A subscription whose source breaks ends with a masked error."""
    async with initialised() as client:
        client.subscribe("b", "subscription{boomed}")
        heard = [await client.hear() for _ in range(3)]
        assert heard[1]["payload"]["errors"][0]["message"] == "Internal error."
        assert SECRET not in json.dumps(heard)


MALFORMED = ["not json", "5", "null", "[]", '{"type":"nope"}', '{"type":"subscribe","id":"1"}',
             '{"type":"subscribe","id":"1","payload":{"query":5}}',
             '{"type":"subscribe","payload":{"query":"{hello}"}}',
             '{"type":"subscribe","id":"","payload":{"query":"{hello}"}}', '{"type":"subscribe","id":1,"payload":{}}',
             '{"type":"complete"}', "[" * 90_000, '{"type":"ping","payload":{"a":"\\ud800"}}',
             '{"type":"ping","payload":{"a":"' + "x" * 110_000 + '"}}']  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED)
async def test_closes_on_malformed_messages(text: str) -> None:
    """Whatever is no message of the protocol closes the connection with 4400."""
    async with initialised() as client:
        client.say(text)
        assert await client.closed() == 4400


async def test_closes_on_binary_messages() -> None:
    """Messages are text."""
    async with initialised() as client:
        client.say_bytes(b"\x01")
        assert await client.closed() == 4400


async def test_closes_on_a_second_initialisation() -> None:
    """A connection is initialised once."""
    async with initialised() as client:
        client.say({"type": "connection_init"})
        assert await client.closed() == 4429


async def test_closes_on_an_operation_before_initialisation() -> None:
    """Nothing is executed for somebody who did not introduce themselves."""
    async with connected() as client:
        client.subscribe("1", "{hello}")
        assert await client.closed() == 4401


async def test_closes_when_nobody_initialises() -> None:
    """A connection that stays silent is closed."""
    async with connected(socket_rules=SocketRules(init_wait_s=0.02)) as client:
        assert await client.closed() == 4408


async def test_closes_on_a_live_id() -> None:
    """An id is used by one operation at a time."""
    async with initialised() as client:
        client.subscribe("1", ENDLESS)
        client.subscribe("1", ENDLESS)
        assert await client.closed() == 4409


async def test_ends_an_operation_on_request() -> None:
    """After the client's `complete` nothing more comes of that operation."""
    async with initialised() as client:
        client.subscribe("1", ENDLESS)
        await client.hear()
        client.say({"id": "1", "type": "complete"})
        client.say({"type": "ping"})
        while (await client.hear())["type"] != "pong":
            pass
        await asyncio.sleep(0.05)
        assert client.from_server.empty()


async def test_bounds_live_operations() -> None:
    """One connection has so many live operations; the next is refused, the others go on."""
    async with initialised(socket_rules=SocketRules(operations=2)) as client:
        for key in ("1", "2", "3"):
            client.subscribe(key, "subscription{ticks(count:1,every:0.1)}")
        heard = await client.hear()
        assert (heard["id"], heard["type"], heard["payload"][0]["extensions"]["code"]) == ("3", "error", "RATE_LIMITED")
        assert {(await client.hear())["id"] for _ in range(4)} == {"1", "2"}


async def test_bounds_connections() -> None:
    """One address has so many connections, and leaving gives the place back."""
    places = Slots(per_address=1)
    async with initialised(places=places), connected(places=places) as second:
        second.say({"type": "connection_init"})
        assert await second.closed() == 1013
    assert len(places) == 0


async def test_ends_after_its_lifetime() -> None:
    """A connection is closed after a while, so that its token is looked at again."""
    async with initialised(socket_rules=SocketRules(lifetime_s=0.05)) as client:
        assert await client.closed() == 1012


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",), ("nope",)])
async def test_speaks_no_other_protocol(protocols: tuple[str, ...]) -> None:
    """The older graphql-ws protocol, and none, are refused before the handshake ends."""
    async with connected(protocols=protocols) as client:
        assert await client.closed() == 4406


@pytest.mark.parametrize(
    ("origin", "opens"),
    [("https://evil.example", False), ("null", False), ("https://api.example", True), ("https://shop.example", True)],
)
async def test_checks_the_origin(origin: str, opens: bool) -> None:
    """A page of another site cannot open a socket with the visitor's cookies."""
    rules = EdgeRules(origins=Origins(frozenset({b"https://shop.example"})))
    async with connected({"origin": origin, "host": "api.example"}, rules=rules) as client:
        heard = await client.hear()
        assert (heard["type"] == "websocket.accept") is opens


def authenticate(headers: Mapping[bytes, bytes]) -> Viewer:
    token = headers.get(b"authorization")
    if token not in (None, b"Bearer good"):
        raise Refused(Code.UNAUTHENTICATED, "no")
    return ANONYMOUS if token is None else Viewer(customer_id="c-1")


@pytest.mark.parametrize("name", ["authorization", "Authorization"])
async def test_reads_the_token_from_the_payload(name: str) -> None:
    """A browser cannot set headers on a handshake, so the token comes with `connection_init`."""
    seen: list[Any] = []
    changes: dict[str, Any] = {"authenticate": authenticate, "make_context": seen.append}
    async with initialised({name: "Bearer good"}, **changes) as client:
        client.subscribe("q", "{hello}")
        await client.hear()
    assert seen[0].viewer.customer_id == "c-1"


async def test_closes_on_a_bad_token() -> None:
    """A connection with a token that is not good is closed as forbidden."""
    async with connected(authenticate=authenticate) as client:
        client.say({"type": "connection_init", "payload": {"authorization": "Bearer bad"}})
        assert await client.closed() == 4403


class Issuer:
    """Believes a token until it is withdrawn, unless it is away."""

    def __init__(self) -> None:
        self.refusal: Refused | None = None
        self.looks = 0

    def __call__(self, headers: Mapping[bytes, bytes]) -> Viewer:
        self.looks += 1
        if self.refusal is not None:
            raise self.refusal
        return Viewer(customer_id="c-1")


async def test_closes_when_the_token_ends() -> None:
    """A connection does not outlive the token it was opened with, however busy it is."""
    issuer = Issuer()
    async with initialised(socket_rules=SocketRules(recognise_s=0.02), authenticate=issuer) as client:
        client.subscribe("1", "subscription{ticks(count:100000,every:0.005)}")
        await client.hear()
        issuer.refusal = Refused(Code.UNAUTHENTICATED, "It has expired.")
        assert await client.closed() == 4403


async def test_keeps_who_is_known_while_the_issuer_is_away() -> None:
    """That credentials cannot be checked now is no reason to close."""
    issuer = Issuer()
    async with initialised(socket_rules=SocketRules(recognise_s=0.01), authenticate=issuer) as client:
        issuer.refusal = Refused(Code.OVERLOADED, "Sign-in cannot be checked now.")
        while issuer.looks < 4:
            await asyncio.sleep(0.005)
        client.say({"type": "ping"})
        assert await client.hear() == {"type": "pong"}
