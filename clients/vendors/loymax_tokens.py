"""The token with which a shopper's data are asked of Loymax: whose it is, how it is renewed, where it is kept.

Loymax knows shoppers by their own tokens only. A shopper gets the first pair by signing in to Loymax,
often with a code from a text message, so that can only happen where they sign in to the shop. That
service keeps each customer's pair, and the gateway asks it by the customer's id: it is the *desk*.
Its small contract is ours, `docs/vendors/schemas/loymax-tokens.yaml`.

The access token lives shortly and the gateway renews it. A renewal also replaces the refresh token,
so the new pair is written to the desk before anything else is done with it; of several processes
that renew at once one succeeds and the others find its pair at the desk.

A pair is kept, looked for and renewed by customer id and never otherwise.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from clients.errors import ConfirmationRequired, SourceError, SourceTimeout
from clients.http import CallTerms, call_terms
from clients.values import DataSource

V = TypeVar("V")

RENEWED_EARLY_S: Final = 60.0
KEPT: Final = 10_000
"""Most shoppers whose pairs one process keeps; the desk has the others."""

PAUSES_S: Final = (0.05, 0.15, 0.3)
"""How long to wait for another process to hand in the pair that it was given instead of us."""

log = logging.getLogger(__name__)


class NotEnrolled(Exception):
    """The desk says that the customer has no account in the programme."""


class TokensRefused(Exception):
    """Loymax does not take a refresh token any more: it was used already, is too old, or was taken back."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One shopper's pair. `expires_at` is in epoch seconds.

    `version` is the desk's word for the pair, or for the one that this one is to replace while
    `is_saved` is False. `person_uid` is whose it is in Loymax, if the desk knows.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: float
    version: str
    person_uid: str | None = None
    is_saved: bool = True

    def is_good(self, now: float) -> bool:
        """Whether there is time enough left for calls that begin now."""
        return now < self.expires_at - RENEWED_EARLY_S


class Desk(Protocol):
    """Where each customer's pair is kept."""

    async def take(self, customer_id: str) -> Tokens:
        """The customer's pair as it is now; raises NotEnrolled, ConfirmationRequired or another SourceError."""
        ...

    async def hand_in(self, customer_id: str, fresh: Tokens) -> Tokens:
        """Keep a pair in place of `fresh.version`; the pair that is kept then, which may be a newer one."""
        ...


class Renews(Protocol):
    """Gives a new pair for an old one."""

    async def renew(self, old: Tokens) -> Tokens:
        """Raises TokensRefused, ConfirmationRequired or another SourceError; the old pair may be spent even then."""
        ...


class ShopperTokens:
    """Every shopper's pair: kept in memory, renewed a minute early, one renewal of a customer's at a time."""

    def __init__(
        self, source: DataSource, desk: Desk, service: Renews, now: Callable[[], float], kept: int = KEPT
    ) -> None:
        self._source = source
        self._desk = desk
        self._service = service
        self._now = now
        self._most = kept
        self._kept: OrderedDict[str, Tokens] = OrderedDict()
        self._refused: OrderedDict[str, str] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Tokens]] = {}

    async def of(self, customer_id: str) -> Tokens:
        """The customer's pair; raises NotEnrolled, ConfirmationRequired or another SourceError."""
        known = self._kept.get(customer_id)
        if known is not None and known.is_saved and known.is_good(self._now()):
            self._kept.move_to_end(customer_id)
            return known
        return await self._once(customer_id, None)

    async def instead_of(self, refused: Tokens, customer_id: str) -> Tokens:
        """Another pair than this one, which Loymax refused though it should be good."""
        known = self._kept.get(customer_id)
        if known is not None and known.access != refused.access:
            return known
        found = await self._once(customer_id, refused.access)
        return found if found.access != refused.access else await self._once(customer_id, refused.access)

    async def _once(self, customer_id: str, refused: str | None) -> Tokens:
        """Get a pair in a task of its own: a renewal that was begun is ended, whoever gave up waiting for it."""
        flight = self._flights.get(customer_id)
        if flight is None:
            flight = self._flights[customer_id] = asyncio.create_task(self._get(customer_id, refused))
            flight.add_done_callback(lambda done: self._land(customer_id, done))
        try:
            async with asyncio.timeout_at(call_terms.get().deadline):
                return await asyncio.shield(flight)
        except TimeoutError:
            raise SourceTimeout(self._source, "the shopper's token did not come in time") from None

    def _land(self, customer_id: str, flight: asyncio.Task[Tokens]) -> None:
        del self._flights[customer_id]
        if not flight.cancelled():
            flight.exception()  # whoever waits has it; if nobody does any more, it is nobody's

    async def _get(self, customer_id: str, refused: str | None) -> Tokens:
        """A good pair. One that is about to expire still serves when neither the desk nor Loymax answers."""
        call_terms.set(CallTerms(priority=call_terms.get().priority))
        known = self._kept.get(customer_id)
        try:
            found = await self._at_the_desk(customer_id, known)
            if not found.is_good(self._now()) or found.access == refused:
                found = await self._renewed(customer_id, found)
        except ConfirmationRequired:
            raise
        except SourceError:
            if known is None or refused is not None or self._now() >= known.expires_at:
                raise
            return known
        _put(self._kept, customer_id, found, self._most)
        return found

    async def _at_the_desk(self, customer_id: str, known: Tokens | None) -> Tokens:
        """The pair that the desk has, after it has got what it lacked."""
        if known is None or known.is_saved:
            return await self._desk.take(customer_id)
        return await self._handed_in(customer_id, known)

    async def _renewed(self, customer_id: str, old: Tokens) -> Tokens:
        if self._refused.get(customer_id) == old.refresh:
            raise ConfirmationRequired(self._source, "the refresh token was refused before")
        try:
            fresh = await self._service.renew(old)
        except TokensRefused:
            return await self._of_another_process(customer_id, old)
        except ConfirmationRequired:
            _put(self._refused, customer_id, old.refresh, self._most)
            raise
        return await self._handed_in(customer_id, fresh)

    async def _of_another_process(self, customer_id: str, old: Tokens) -> Tokens:
        for pause_s in PAUSES_S:
            found = await self._desk.take(customer_id)
            if found.refresh != old.refresh and found.is_good(self._now()):
                return found
            await asyncio.sleep(pause_s)
        _put(self._refused, customer_id, old.refresh, self._most)
        raise ConfirmationRequired(self._source, "the refresh token is refused")

    async def _handed_in(self, customer_id: str, fresh: Tokens) -> Tokens:
        """What the desk keeps now. While it takes nothing the pair serves from memory; the next call tries again."""
        unsaved = replace(fresh, is_saved=False)
        _put(self._kept, customer_id, unsaved, self._most)
        try:
            return await self._desk.hand_in(customer_id, fresh)
        except SourceError as error:
            log.warning("the desk did not take a shopper's renewed tokens yet: %s", error.detail or error)
            return unsaved


def _put(kept: OrderedDict[str, V], key: str, value: V, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
