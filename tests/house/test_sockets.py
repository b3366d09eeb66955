import asyncio
import socket

import pytest

from tests.conftest import SocketRefused


def test_a_unit_test_cannot_connect() -> None:
    """A unit test that reaches for a server fails at once and says what to do."""
    with socket.socket() as client, pytest.raises(SocketRefused, match="mark the test `sockets`"):
        client.connect(("127.0.0.1", 9))


async def test_a_unit_test_cannot_listen() -> None:
    """Serving needs the mark too, through asyncio as well."""
    with pytest.raises(SocketRefused, match="expected no socket in a unit test"):
        await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)


@pytest.mark.sockets
def test_the_mark_opens_this_machine() -> None:
    """With the mark a test may talk to itself."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


@pytest.mark.sockets
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "shop.example"])
def test_no_mark_opens_another_machine(address: str) -> None:
    """No test leaves this machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(SocketRefused, match="expected an address of this machine"):
        client.connect((address, 80))
