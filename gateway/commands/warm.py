"""`gateway warm FILE`: run operations against the cache before traffic comes.

The file is a JSON list of requests as clients send them: `{"query" | "documentId", "variables",
"operationName"}`. They run in this process as an anonymous visitor's; what they load goes to the
shared store, where the workers find it.
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import httpx
import msgspec

from gateway.app import make_app
from gateway.commands.reading import CommandFailed, read_settings
from gateway.settings import DevelopmentSettings, Settings


class WarmRequest(msgspec.Struct, rename="camel", omit_defaults=True):
    """One request to run."""

    query: str | None = None
    document_id: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def configure(parser: ArgumentParser) -> None:
    """The file of requests."""
    parser.add_argument("file", type=Path, help="a JSON list of GraphQL requests")


def run(given: Namespace) -> int:
    """Run all; status 1 when any of them had errors."""
    settings = read_settings()
    if settings.cache.shared_url is None:
        raise CommandFailed(
            "expected GATEWAY_CACHE__SHARED_URL: without a shared store nobody else gets what is warmed"
        )
    failed = asyncio.run(warm(settings, read_requests(given.file)))
    return 1 if failed else 0


def read_requests(file: Path) -> list[WarmRequest]:
    """The requests of a file; raises CommandFailed for a file that has none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[WarmRequest])
    except (OSError, msgspec.DecodeError) as error:
        raise CommandFailed(f"expected {file} to be a JSON list of GraphQL requests, got: {error}") from None


async def warm(settings: Settings, requests: list[WarmRequest]) -> int:
    """Run the requests one after the other, as a developer may; returns how many had errors."""
    app = make_app(settings.model_copy(update={"development": DevelopmentSettings(is_enabled=True)}))
    failed = 0
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")
    async with app.rest.router.lifespan_context(app.rest), client:
        for number, request in enumerate(requests, 1):
            errors = await ask(client, request)
            failed += bool(errors)
            name = request.operation_name or request.document_id or f"request {number}"
            sys.stdout.write(f"{name}: {'; '.join(errors) if errors else 'warm'}\n")
    return failed


async def ask(client: httpx.AsyncClient, request: WarmRequest) -> list[str]:
    """Run one request; returns its errors."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    answer = await client.post("/graphql", content=msgspec.json.encode(request), headers=headers)
    return [error["message"] for error in answer.json().get("errors", ())]
