"""Whose address an upstream may be told."""

import asyncio
from typing import Any

import pytest

from clients.http import shopper_address
from gateway.http.ports import RequestFacts, Result
from tests.http.door import knock, make_endpoint
from tests.http.shop import make_schema

SCHEMA = make_schema()


class Noting:
    """An executor that notes the address under which it runs."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []
        self.clients: list[str] = []

    def execute(self, facts: RequestFacts, context: Any) -> Result:
        self.seen.append(shopper_address.get())
        self.clients.append(facts.client)
        return Result(b"{}")

    async def subscribe(self, facts: RequestFacts, context: Any) -> Result:
        return self.execute(facts, context)


@pytest.mark.parametrize("query", ["{hello}", "subscription{boomed}"])
async def test_operation_runs_under_its_client_s_address(query: str) -> None:
    """The peer, as trusted proxies tell it; a server runs each request in a task, and there it stays."""
    noting = Noting()
    headers = {"accept": "text/event-stream"} if query.startswith("sub") else {}

    await asyncio.create_task(knock(make_endpoint(SCHEMA, executor=noting), {"query": query}, headers=headers))

    assert noting.seen == noting.clients != []
    assert shopper_address.get() is None
