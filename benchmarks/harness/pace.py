"""Requests at an even pace, whether or not the earlier ones are answered: as crowds come, and as wrk cannot send."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.harness.traffic import Request

GIVEN_UP_S = 20.0
KEPT_S = 4.0
"""Servers close what idles for five seconds; a request that meets that says nothing of them."""


@dataclass
class Answers:
    """Counts by outcome: `page`, `part` (errors in it), the status, or `lost`; seconds that whole pages took."""

    seen: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    begun: int = 0
    late_s: float = 0.0

    def note(self, status: int, is_whole: bool, took_s: float) -> None:  # noqa: FBT001
        """Count one answer."""
        self.seen[str(status) if status != 200 else "page" if is_whole else "part"] += 1  # noqa: PLR2004
        if status == 200 and is_whole:  # noqa: PLR2004
            self.took_s.append(took_s)

    def quantile_ms(self, share: float) -> float:
        """Of whole pages; 0 when there was none."""
        ordered = sorted(self.took_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else 0.0


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[tuple[int, bool]] | None = None
        self.is_open = True
        self.idle_since = 0.0
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, request: bytes) -> "asyncio.Future[tuple[int, bool]]":
        """Status, and whether the page is without errors."""
        assert self.transport
        self._got.clear()
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def close(self) -> None:
        """Hang up."""
        if self.transport:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._got[:end]).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._got) >= end + 4 + length and self.answer and not self.answer.done():
            is_whole = b'"errors"' not in self._got[-600:] and not self._got.startswith(b'{"errors"', end + 4)
            self.answer.set_result((int(head.split(None, 2)[1]), is_whole))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self.answer and not self.answer.done():
            self.answer.set_exception(exc or ConnectionError("closed"))


class Crowd:
    """Clients of one server; connections are opened as they are needed, and kept."""

    def __init__(self, address: str) -> None:
        host, _, path = address.removeprefix("http://").partition("/")
        self._host, _, port = host.partition(":")
        self._port, self._path = int(port), f"/{path}"
        self._idle: list[Connection] = []

    def write(self, request: Request) -> bytes:
        """A request as it goes over the wire."""
        body = request.body.encode()
        token = f"authorization: Bearer {request.token}\r\n" if request.token else ""
        head = f"POST {self._path} HTTP/1.1\r\nhost: {self._host}\r\n{token}content-type: application/json\r\n"
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body

    async def ask(self, request: bytes, answers: Answers) -> None:
        """One request."""
        began = time.monotonic()
        try:
            connection = await self._connection()
            status, is_whole = await asyncio.wait_for(connection.send(request), GIVEN_UP_S)
        except (OSError, TimeoutError):
            answers.seen["lost"] += 1
            return
        answers.note(status, is_whole, time.monotonic() - began)
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    async def ask_evenly(self, requests: Sequence[bytes], per_s: float, for_s: float) -> Answers:
        """`per_s` requests a second for so long, each in turn; waits for the last answer."""
        answers, began, turn = Answers(), time.monotonic(), itertools.cycle(requests)
        tasks: set[asyncio.Task[None]] = set()
        while (passed_s := time.monotonic() - began) < for_s:
            while answers.begun < passed_s * per_s:
                answers.begun += 1
                task = asyncio.create_task(self.ask(next(turn), answers))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(0.002)
            answers.late_s = max(answers.late_s, time.monotonic() - began - passed_s - 0.002)
        await asyncio.gather(*tasks)
        return answers

    async def ask_in_turn(self, requests: Sequence[bytes], clients: int, for_s: float, pause_s: float) -> Answers:
        """A closed loop: so many clients, each of which asks again when it was answered and has paused.

        Pauses are random, `pause_s` in the mean. Without them clients march in step: those whose pages
        were made of one call ask again together, and share the next one too.
        """
        answers, until, turn = Answers(), time.monotonic() + for_s, itertools.cycle(requests)

        async def ask_on() -> None:
            while time.monotonic() < until:
                await asyncio.sleep(random.uniform(0, 2 * pause_s))  # noqa: S311
                answers.begun += 1
                await self.ask(next(turn), answers)

        await asyncio.gather(*(ask_on() for _ in range(clients)))
        return answers

    def close(self) -> None:
        """Hang up."""
        for connection in self._idle:
            connection.close()

    async def _connection(self) -> Connection:
        """One that is kept and that the server has not closed meanwhile, or a new one."""
        while self._idle:
            kept = self._idle.pop()
            if kept.is_open and time.monotonic() - kept.idle_since < KEPT_S:
                return kept
            kept.close()
        _, connection = await asyncio.get_running_loop().create_connection(Connection, self._host, self._port)
        return connection
