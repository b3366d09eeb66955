"""Many requests at once, or at an even pace, and what became of them.

Written over bare connections: a client that needs milliseconds of CPU for each of 300 requests would
be the bottleneck, and the gateway cuts connections that stay silent for long.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

PATIENCE_S = 60.0


@dataclass
class Outcomes:
    """How many answers said what: `ok`, an HTTP status, or the codes of the errors in it."""

    seen: Counter[str] = field(default_factory=Counter)

    def note(self, status: int, body: bytes) -> None:
        """Count one answer."""
        if status != 200:
            self.seen[str(status)] += 1
            return
        codes = {error["extensions"]["code"] for error in json.loads(body).get("errors", ())}
        self.seen["+".join(sorted(codes)) or "ok"] += 1


class Crowd:
    """Clients of one gateway, over as many kept connections as they need."""

    def __init__(self, address: str) -> None:
        self._place = urlsplit(address)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        for _, writer in self._idle:
            writer.close()

    async def ask(self, document: str, outcomes: Outcomes) -> None:
        """One request."""
        body = json.dumps({"query": document}).encode()
        head = [
            "POST /graphql HTTP/1.1",
            "host: shop",
            "content-type: application/json",
            f"content-length: {len(body)}",
        ]
        reader, writer = await self._connection()
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        async with asyncio.timeout(PATIENCE_S):
            answered = await reader.readuntil(b"\r\n\r\n")
            length = int(answered.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            outcomes.note(int(answered.split(None, 2)[1]), await reader.readexactly(length))
        self._idle.append((reader, writer))

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that is kept and that the gateway has not closed meanwhile, or a new one."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._place.hostname, self._place.port)

    async def ask_all(self, documents: Sequence[str]) -> Outcomes:
        """All at once."""
        outcomes = Outcomes()
        await asyncio.gather(*(self.ask(document, outcomes) for document in documents))
        return outcomes

    async def ask_evenly(self, documents: Sequence[str], for_s: float, every_s: float) -> Outcomes:
        """One after another at an even pace, whether or not the earlier ones are answered; each in turn."""
        outcomes = Outcomes()
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(round(for_s / every_s)):
                await asyncio.sleep(began + number * every_s - time.monotonic())
                group.create_task(self.ask(documents[number % len(documents)], outcomes))
        return outcomes
