"""The desk over HTTP: the service where shoppers sign in, asked for their Loymax tokens by the customer's id.

The contract is ours: `docs/vendors/schemas/loymax-tokens.yaml`.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from clients.errors import ConfirmationRequired, InvalidSourceResponse
from clients.http import UNDECODABLE, Upstream, decide_objection
from clients.values import Instant, Value
from clients.vendors.loymax_tokens import NotEnrolled, Tokens

CONFLICT: Final = 409


class _Pair(Value):
    access_token: str
    refresh_token: str
    expires_at: Instant


class _Shopper(Value):
    """What the desk knows of a customer; `READY` has a pair and its version."""

    customer_id: str
    status: Literal["READY", "NOT_ENROLLED", "CONFIRMATION_REQUIRED"]
    pair: _Pair | None = None
    version: str | None = None
    person_uid: str | None = None


_SHOPPER: Final = msgspec.json.Decoder(_Shopper)


@dataclass(frozen=True, slots=True)
class HttpDesk:
    """Fulfils `Desk`. Whatever is answered must name the customer who was asked for: never somebody else's pair."""

    upstream: Upstream

    async def take(self, customer_id: str) -> Tokens:
        body = msgspec.json.encode({"customerId": customer_id})
        return await self._say("take", customer_id, body)

    async def hand_in(self, customer_id: str, fresh: Tokens) -> Tokens:
        pair = _Pair(
            access_token=fresh.access,
            refresh_token=fresh.refresh,
            expires_at=dt.datetime.fromtimestamp(fresh.expires_at, dt.UTC),
        )
        body = msgspec.json.encode({"customerId": customer_id, "version": fresh.version, "pair": pair})
        return await self._say("put", customer_id, body)

    async def _say(self, verb: str, customer_id: str, body: bytes) -> Tokens:
        """Ask and read; 409 says that a newer pair is kept, and which."""
        source, operation = self.upstream.source, f"{self.upstream.source.value.lower()}.tokens.{verb}"
        reply = await self.upstream.send("POST", f"/v1/tokens/{verb}", operation=operation, content=body)
        objection = None if reply.status == CONFLICT else decide_objection(source, reply.status, reply.headers)
        if objection is not None:
            objection.detail = f"{operation}: {objection.detail}"
            raise objection
        try:
            said = _SHOPPER.decode(reply.payload)
        except UNDECODABLE as error:
            raise InvalidSourceResponse(source, f"{operation}: {error}") from None
        if said.customer_id != customer_id:
            raise InvalidSourceResponse(source, f"{operation}: an answer about another customer")
        if said.status == "NOT_ENROLLED":
            raise NotEnrolled
        if said.status == "CONFIRMATION_REQUIRED":
            raise ConfirmationRequired(source, f"{operation}: the desk has no pair that works")
        if said.pair is None or said.version is None:
            raise InvalidSourceResponse(source, f"{operation}: expected a pair and its version with READY")
        return Tokens(
            access=said.pair.access_token,
            refresh=said.pair.refresh_token,
            expires_at=said.pair.expires_at.timestamp(),
            version=said.version,
            person_uid=said.person_uid,
        )


def desk_at(loymax: Upstream, url: str, key: str) -> HttpDesk:
    """The desk behind the same guards as Loymax itself, at its own address and with its own key."""
    return HttpDesk(replace(loymax, base_url=url, headers={"authorization": f"Bearer {key}"}))
