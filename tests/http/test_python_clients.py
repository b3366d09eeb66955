"""`gql`, the Python client, against the small shop on a real server."""

from collections.abc import Iterator

import pytest

gql = pytest.importorskip("gql", reason="needs gql with aiohttp and websockets")
from gql.transport.aiohttp import AIOHTTPTransport  # noqa: E402
from gql.transport.exceptions import TransportQueryError  # noqa: E402
from gql.transport.websockets import WebsocketsTransport  # noqa: E402

from tests.http.served import served  # noqa: E402

pytestmark = pytest.mark.sockets


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The shop's host and port."""
    with served("production") as host:
        yield host


async def test_queries(host: str) -> None:
    """A query with variables is answered."""
    async with gql.Client(transport=AIOHTTPTransport(url=f"http://{host}/graphql")) as session:
        asked = gql.gql("query($n: String) { hello(name: $n) }")
        asked.variable_values = {"n": "Ann"}
        assert await session.execute(asked) == {"hello": "Hello, Ann!"}


async def test_reads_error_codes(host: str) -> None:
    """An error reaches the client with its code."""
    async with gql.Client(transport=AIOHTTPTransport(url=f"http://{host}/graphql")) as session:
        with pytest.raises(TransportQueryError) as caught:
            await session.execute(gql.gql("{ nope }"))
    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_subscribes(host: str) -> None:
    """A subscription over WebSocket gives its results and ends."""
    transport = WebsocketsTransport(url=f"ws://{host}/graphql", subprotocols=["graphql-transport-ws"])
    async with gql.Client(transport=transport) as session:
        heard = [result async for result in session.subscribe(gql.gql("subscription { ticks }"))]
    assert heard == [{"ticks": 0}, {"ticks": 1}, {"ticks": 2}]
