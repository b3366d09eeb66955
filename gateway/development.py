"""What is open on a developer's machine only: GraphiQL, and signing in as one of the sandbox's customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
from starlette.routing import BaseRoute

from gateway.graphiql import Customer, SignIn, routes
from gateway.settings import DevelopmentSettings

PRODUCT = "Commerce gateway"
SANDBOX_WAIT_S = 2.0


def development_routes(settings: DevelopmentSettings) -> list[BaseRoute]:
    """Nothing in production; on a developer's machine GraphiQL, with the sandbox's customers when there is one."""
    if not settings.is_enabled:
        return []
    control = settings.sandbox_control_url
    return routes(product=PRODUCT, sign_in=SandboxCustomers(str(control).rstrip("/")).sign_in() if control else None)


class KnownCustomer(msgspec.Struct):
    """A customer that the sandbox offers to sign in as."""

    id: str
    name: str
    about: str = ""


class Known(msgspec.Struct):
    """The part of the sandbox's well-known things that we read."""

    customers: list[KnownCustomer]


class Token(msgspec.Struct):
    """A bearer token of the sandbox."""

    token: str


@dataclass(frozen=True, slots=True)
class SandboxCustomers:
    """The sandbox's control server, as far as signing in goes."""

    control_url: str

    def sign_in(self) -> SignIn:
        """What GraphiQL needs for its list."""
        return SignIn(self.list_customers, self.issue_token)

    async def list_customers(self) -> Sequence[Customer]:
        """The customers to choose from."""
        answer = await self._ask("GET", "/known")
        return [Customer(c.id, c.name, c.about) for c in msgspec.json.decode(answer.content, type=Known).customers]

    async def issue_token(self, customer_id: str) -> str | None:
        """A token for one of them; None when the sandbox does not know the customer."""
        answer = await self._ask("POST", "/token", {"customerId": customer_id})
        return msgspec.json.decode(answer.content, type=Token).token if answer.status_code == 200 else None  # noqa: PLR2004

    async def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        # A page that a developer opens, far from the hot path: httpx's own client will do.
        async with httpx.AsyncClient(timeout=SANDBOX_WAIT_S, trust_env=False) as client:
            return await client.request(method, self.control_url + path, json=body)
