import asyncio
from pathlib import Path

import pytest

from gateway.ops.workers import Answer, claim_number, open_workers

pytestmark = pytest.mark.sockets


def speaking(name: bytes) -> Answer:
    async def answer(question: bytes) -> bytes:
        return name + b" heard " + question

    return answer


async def test_every_worker_is_asked(tmp_path: Path) -> None:
    """Whoever asks hears itself and all others, by number."""
    async with (
        open_workers(tmp_path, speaking(b"first")) as first,
        open_workers(tmp_path, speaking(b"second")) as second,
    ):
        assert (first.number, second.number) == ("0", "1")
        answers = await second.ask(b"all?")
        assert answers.said == {"0": b"first heard all?", "1": b"second heard all?"}
        assert answers.silent == ()


async def test_a_silent_worker_is_named(tmp_path: Path) -> None:
    """A worker that does not answer in time is left out and said to be missing."""
    enough = asyncio.Event()

    async def never(_: bytes) -> bytes:
        await enough.wait()
        return b""

    async with open_workers(tmp_path, speaking(b"well")) as well, open_workers(tmp_path, never):
        answers = await well.ask(b"?")
        assert list(answers.said) == ["0"]
        assert answers.silent == ("1",)
        enough.set()
        await asyncio.sleep(0.05)


async def test_a_dead_worker_is_forgotten_and_replaced(tmp_path: Path) -> None:
    """What a killed worker left behind is no worker, and its number is free for the next."""
    async with open_workers(tmp_path, speaking(b"first")) as first:
        (tmp_path / "1.lock").touch()
        (tmp_path / "1.sock").touch()
        assert list((await first.ask(b"?")).said) == ["0"]
        async with open_workers(tmp_path, speaking(b"next")) as following:
            assert following.number == "1"
            assert list((await first.ask(b"?")).said) == ["0", "1"]


async def test_the_last_one_clears_up(tmp_path: Path) -> None:
    """After the last worker has left, nothing stays behind."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    async with open_workers(folder, speaking(b"x")), open_workers(folder, speaking(b"y")):
        assert len(list(folder.iterdir())) == 4
    assert not folder.exists()


def test_a_number_is_held_once(tmp_path: Path) -> None:
    """Two that come at once get two numbers."""
    assert [claim_number(tmp_path)[0] for _ in range(3)] == [0, 1, 2]
