"""Whether a client that stays is still who it was: tokens end, and keys are withdrawn."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from gateway.http.envelope import write_result
from gateway.http.errors import Code, Refused
from gateway.http.ports import Authenticate
from resolvers.context import Viewer


class Recognition:
    """Looks at a client's credentials again, every so many seconds; `due_at` is on the event loop's clock."""

    def __init__(self, authenticate: Authenticate, headers: Mapping[bytes, bytes], every_s: float) -> None:
        self._authenticate = authenticate
        self._headers = headers
        self._every_s = every_s
        self._clock = asyncio.get_running_loop().time
        self.due_at = self._clock() + every_s

    async def look(self) -> None:
        """Raise Refused when the credentials are no longer good; an issuer that is away says nothing about them."""
        self.due_at = self._clock() + self._every_s
        try:
            viewer = self._authenticate(self._headers)
            if not isinstance(viewer, Viewer):
                await viewer
        except Refused as refusal:
            if refusal.code is not Code.OVERLOADED:
                raise

    async def look_if_due(self) -> None:
        """The same, but not more often than agreed."""
        if self._clock() >= self.due_at:
            await self.look()


async def while_recognised(
    payloads: AsyncGenerator[bytes | None, None], recognition: Recognition
) -> AsyncGenerator[bytes | None, None]:
    """Pass payloads and heartbeats on until the client is no longer who it was; the last payload says so."""
    async with aclosing(payloads) as coming:
        async for payload in coming:
            try:
                await recognition.look_if_due()
            except Refused as refusal:
                yield write_result(None, refusal.entries)
                return
            yield payload
