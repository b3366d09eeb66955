"""What was answered `success` or 200 survives the death of the process, with real sockets."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.exchange.site import Clock, Site, message, offer, offers, settings, stock_of

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The receivers as a process, and their address."""
    command = [sys.executable, "-m", "tests.exchange.serve", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.sockets
async def test_what_was_accepted_survives_kill_9(tmp_path: Path) -> None:
    """A push, a package and the chunks of an unfinished upload are there after `kill -9`."""
    content = offers(offer("b", "6"), is_full=False)
    with serving(tmp_path) as (process, address):
        async with httpx.AsyncClient(base_url=address, timeout=20) as client:
            site = Site(client, stock_of(settings(tmp_path), Clock()), Clock())
            await site.begin()
            assert await site.send("offers.xml", content) == "success"
            assert await site.import_("offers.xml") == "success"
            assert await site.send("rests.xml", content[:100]) == "success"
            assert (await site.push(message({"sku": "a", "onHand": 5}))).status_code == 200
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            cookies = client.cookies
    assert await site.quantities("a", "b") == {"a": 5, "b": 6}

    with serving(tmp_path) as (_, address):
        async with httpx.AsyncClient(base_url=address, timeout=20, cookies=cookies) as client:
            site = Site(client, stock_of(settings(tmp_path), Clock()), Clock())
            assert await site.send("rests.xml", content[100:]) == "success"
            assert await site.import_("rests.xml") == "success"
            again = await site.push(message({"sku": "a", "onHand": 5}))
            assert again.json() == {"accepted": 1, "rejected": []}


@pytest.mark.sockets
async def test_chunk_that_is_cut_on_the_wire_is_not_kept(tmp_path: Path) -> None:
    """A connection that breaks in the middle of a chunk leaves the file as it was."""
    content = offers(offer("a", "5"))
    with serving(tmp_path) as (_, address):
        async with httpx.AsyncClient(base_url=address, timeout=20) as client:
            site = Site(client, stock_of(settings(tmp_path), Clock()), Clock())
            await site.begin()
            assert await site.send("offers.xml", content[:60]) == "success"
            send_half(address, client.cookies["gateway_exchange"], content[60:], 40)
            assert await site.send("offers.xml", content[60:]) == "success"
            assert await site.import_("offers.xml") == "success"
            assert await site.quantities("a") == {"a": 5}


def send_half(address: str, cookie: str, content: bytes, sent: int) -> None:
    """Promise a body, send a part of it and go away."""
    host, _, port = address.removeprefix("http://").partition(":")
    head = (
        "POST /exchange/commerceml?type=catalog&mode=file&filename=offers.xml HTTP/1.1\r\nhost: site\r\n"
        f"cookie: gateway_exchange={cookie}\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head.encode() + content[:sent])
