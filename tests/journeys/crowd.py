"""Many requests at once, or at an even pace, and what became of them."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx


@dataclass
class Outcomes:
    """How many answers said what: `ok`, an HTTP status, or the codes of the errors in it."""

    seen: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)

    def note(self, answer: httpx.Response, took_s: float) -> None:
        """Count one answer."""
        if answer.status_code != 200:
            self.seen[str(answer.status_code)] += 1
            return
        self.took_s.append(took_s)
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
        self.seen["+".join(sorted(codes)) or "ok"] += 1


class Crowd:
    """Clients of one gateway, over as many connections as they need."""

    def __init__(self, address: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._client = httpx.AsyncClient(base_url=address, limits=limits, timeout=60)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def ask(self, document: str, outcomes: Outcomes) -> None:
        """One request."""
        began = time.monotonic()
        body: dict[str, Any] = {"query": document}
        outcomes.note(await self._client.post("/graphql", json=body), time.monotonic() - began)

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
