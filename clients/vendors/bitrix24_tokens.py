"""Bitrix24's OAuth tokens. The refresh token changes with every use, and the old one may be of no use again.

So the new pair is written to a file before anybody uses it: a worker that dies in between finds it
there. The file has one writer at a time, by a lock that all workers of a machine share; who gets the
lock second finds a fresh token and asks nobody.
"""

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import msgspec

from clients.errors import InvalidSourceResponse, SourceTimeout, SourceUnavailable
from clients.http import UNDECODABLE, Reply, Upstream, decide_objection
from clients.renewed import REFUSED_S, Lease, Renewed

EARLY_S: Final = 60.0
LOCK_WITHIN_S: Final = 10.0
LOOK_AGAIN_S: Final = 0.02
FORM: Final = ("content-type", "application/x-www-form-urlencoded")
_REFUSED = (400, 401)


class Pair(msgspec.Struct, frozen=True):
    """What is kept: `expires_at` in seconds since the epoch."""

    access_token: str
    refresh_token: str
    expires_at: float


class _Refreshed(msgspec.Struct, frozen=True):
    access_token: str
    refresh_token: str
    expires_in: int


_PAIR: Final = msgspec.json.Decoder(Pair)
_REFRESHED: Final = msgspec.json.Decoder(_Refreshed)


class TokenFile:
    """The pair on disk, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Pair | None:
        """The pair that is kept; None when there is none, or none that can be read."""
        try:
            return _PAIR.decode(self._path.read_bytes())
        except (FileNotFoundError, *UNDECODABLE):
            return None

    def write(self, pair: Pair) -> None:
        """Put the pair in the old one's place, durably and in one step."""
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(pair))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Alone with the file; raises TimeoutError when somebody else holds it for too long."""
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            async with asyncio.timeout(LOCK_WITHIN_S):
                while not _try_lock(lock.fileno()):  # noqa: ASYNC110 (another process sets no event of ours)
                    await asyncio.sleep(LOOK_AGAIN_S)
            yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class RotatingTokens:
    """Fulfils `clients.vendors.bitrix24.Access` for an application with OAuth.

    `upstream` is where tokens are given out. `refresh_token` starts it all off and is used only
    while the file has none.
    """

    def __init__(
        self,
        upstream: Upstream,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        file: TokenFile,
        now: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._client_id = client_id
        self._client_secret = client_secret
        self._refresh_token = refresh_token
        self._file = file
        self._now = now
        self._refused: str | None = None
        self._token = Renewed(self._fetch, upstream.source, now, refused_s=REFUSED_S)

    def place(self, method: str) -> str:
        return f"/rest/{method}.json"

    async def token(self) -> str | None:
        return await self._token.get()

    def drop(self, token: str) -> None:
        self._refused = token
        self._token.drop(token)

    async def _fetch(self) -> Lease[str]:
        try:
            async with self._file.locked():
                kept = await asyncio.to_thread(self._file.read)
                if kept is None or kept.access_token == self._refused or kept.expires_at - EARLY_S <= self._now():
                    kept = await self._refresh(kept.refresh_token if kept else self._refresh_token)
                    await asyncio.to_thread(self._file.write, kept)
        except TimeoutError:
            raise SourceTimeout(self._upstream.source, "the file of tokens was locked by somebody else") from None
        except OSError as error:
            raise SourceUnavailable(self._upstream.source, f"the file of tokens: {error!r}") from None
        return Lease(kept.access_token, kept.expires_at - EARLY_S, kept.expires_at)

    async def _refresh(self, refresh_token: str) -> Pair:
        form = {
            "grant_type": "refresh_token",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "refresh_token": refresh_token,
        }
        # Sent once: asked again after an unknown outcome, the token may have changed already.
        reply = await self._upstream.send(
            "POST",
            "/oauth/token/",
            content=urlencode(form).encode(),
            headers=[FORM],
            operation="catalogue.token",
            idempotent=False,
        )
        self._judge(reply)
        try:
            new = _REFRESHED.decode(reply.payload)
        except UNDECODABLE as error:
            raise InvalidSourceResponse(self._upstream.source, f"tokens: {error}") from None
        return Pair(new.access_token, new.refresh_token, self._now() + new.expires_in)

    def _judge(self, reply: Reply) -> None:
        source = self._upstream.source
        if reply.status in _REFUSED:
            raise InvalidSourceResponse(source, f"the refresh token was refused with HTTP {reply.status}")
        objection = decide_objection(source, reply.status, reply.headers)
        if objection is not None:
            raise objection
