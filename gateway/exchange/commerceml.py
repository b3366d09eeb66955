"""The CommerceML exchange, in which 1C is the client and we are the site.

    GET  ?type=catalog&mode=checkauth               Basic -> success, the cookie's name, its value
    GET  ?type=catalog&mode=init                    -> zip=yes, file_limit=<bytes>
    POST ?type=catalog&mode=file&filename=<name>    a chunk -> success
    GET  ?type=catalog&mode=import&filename=<name>  -> progress (ask again), success, or failure and why
    GET  ?type=catalog&mode=complete | deactivate   -> success: the exchange is over

Answers are plain text in ASCII, because 1C expects windows-1251 and others UTF-8. We take stock and
nothing else: pictures are read and dropped, orders are refused.
"""

import asyncio
import base64
import binascii
import hmac
import re
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from clients.stock.onec import OnecSettings
from gateway.exchange import sessions
from gateway.exchange.archive import is_archive
from gateway.exchange.importing import Job
from gateway.exchange.imports import Imports
from gateway.exchange.upload import MEGABYTE, Refused, Upload
from gateway.telemetry.logs import get_log

PATH: Final = "/exchange/commerceml"
COOKIE: Final = "gateway_exchange"
AT_ONCE: Final = 4
WRONG_PASSWORD_S: Final = 0.5
FILE_NAME: Final = re.compile(r"[\w#-][\w.# -]{0,199}")
CANNOT_STORE: Final = "this could not be stored; send it again later"
log = get_log("gateway.exchange")


class NotAllowed(Refused):
    """Whoever asks has not shown that they may."""


class CommerceML:
    """The site's side of the exchange, open to who knows the login and the password."""

    def __init__(self, settings: OnecSettings, imports: Imports, now: Callable[[], float]) -> None:
        self._settings = settings
        self._folder = settings.folder.resolve()
        self._imports = imports
        self._now = now
        self._places = asyncio.Semaphore(AT_ONCE)
        self._modes: dict[str, Callable[[Request, str], Awaitable[str]]] = {
            "init": self._init,
            "file": self._take_file,
            "import": self._import,
            "complete": self._complete,
            "deactivate": self._complete,
        }

    def routes(self) -> list[Route]:
        """The route to mount."""
        return [Route(PATH, self.answer, methods=["GET", "POST"])]

    async def answer(self, request: Request) -> Response:
        """One step of the exchange; every refusal is a `failure` with its reason."""
        if self._places.locked():
            return _say("failure\nexpected fewer requests at once; try again later", 503)
        try:
            return await self._answer_in_place(request)
        except NotAllowed as refused:
            # Whoever guesses waits, but holds no place meanwhile: 1C would find none.
            await asyncio.sleep(WRONG_PASSWORD_S)
            return _say(f"failure\n{refused}", 401)

    async def _answer_in_place(self, request: Request) -> Response:
        async with self._places:
            try:
                return _say(await self._step(request))
            except NotAllowed:
                raise
            except ClientDisconnect:
                return _say("failure\nexpected a whole request; got a part")
            except Refused as refused:
                log.warning("exchange refused", mode=request.query_params.get("mode", "")[:40], why=str(refused))
                return _say(f"failure\n{refused}")
            except (sqlite3.Error, OSError) as error:
                log.warning("exchange not stored", why=str(error))
                return _say(f"failure\n{CANNOT_STORE}")

    async def _step(self, request: Request) -> str:
        kind, mode = request.query_params.get("type", ""), request.query_params.get("mode", "")
        if kind != "catalog":
            raise Refused("expected type=catalog: this site takes stock and no orders")
        if mode == "checkauth":
            return await self._check(request)
        step = self._modes.get(mode)
        if step is None:
            raise Refused(f"expected mode checkauth, {', '.join(self._modes)}; got another")
        return await step(request, await self._session(request))

    async def _check(self, request: Request) -> str:
        login, password = read_credentials(request.headers.get("authorization", ""))
        wanted = self._settings.exchange_password.get_secret_value()
        is_right = hmac.compare_digest(login.encode(), self._settings.exchange_login.encode())
        if not hmac.compare_digest(password.encode(), wanted.encode()) or not is_right:
            raise NotAllowed("expected the login and password of this exchange")
        cookie = secrets.token_urlsafe(32)
        await asyncio.to_thread(sessions.open_session, self._folder, sessions.session_of(cookie), self._now())
        return f"success\n{COOKIE}\n{cookie}"

    async def _session(self, request: Request) -> str:
        session = sessions.session_of(request.cookies.get(COOKIE, ""))
        if not await asyncio.to_thread(
            sessions.use_session, self._folder, session, self._now(), self._settings.absent_after_s
        ):
            raise NotAllowed("expected the cookie that checkauth gave; begin again")
        return session

    async def _init(self, _request: Request, session: str) -> str:
        await asyncio.to_thread(sessions.begin_exchange, self._folder, session)
        return f"zip=yes\nfile_limit={self._settings.chunk_megabytes * MEGABYTE}"

    async def _take_file(self, request: Request, session: str) -> str:
        if request.method != "POST":
            raise Refused("expected POST for mode=file")
        limit = self._settings.chunk_megabytes * MEGABYTE
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared[:20]) > limit:
            raise Refused(f"expected at most file_limit={limit} bytes in a request; got more")
        name = read_file_name(request.query_params.get("filename", ""))
        upload = None
        if name.lower().endswith(".xml") or is_archive(name):
            most = self._settings.exchange_megabytes * MEGABYTE
            upload = await asyncio.to_thread(Upload, self._folder, session, name, most)
        try:
            await self._pour(request, upload, limit)
        except BaseException:
            if upload is not None:
                upload.abandon()
            raise
        return "success"

    async def _pour(self, request: Request, upload: Upload | None, limit: int) -> None:
        """From the socket to the disk, a megabyte at a time; a body that ends early raises ClientDisconnect."""
        held, got = bytearray(), 0
        async for piece in request.stream():
            held += piece
            got += len(piece)
            if got > limit:
                raise Refused(f"expected at most file_limit={limit} bytes in a request; got more")
            if len(held) >= MEGABYTE:
                if upload is not None:
                    await asyncio.to_thread(upload.write, bytes(held))
                held.clear()
        if upload is not None:
            await asyncio.to_thread(upload.write, bytes(held))
            await asyncio.to_thread(upload.finish, self._now())

    async def _import(self, request: Request, session: str) -> str:
        name = read_file_name(request.query_params.get("filename", ""))
        if is_archive(name):
            return "success"  # its members are imported by their own names
        settings = self._settings
        job = Job(
            folder=str(self._folder),
            session=session,
            name=name,
            time_zone=settings.time_zone,
            sku_from=settings.sku_from,
            max_bytes=settings.exchange_megabytes * MEGABYTE,
            absent_after_s=settings.absent_after_s,
        )
        return "success" if await self._imports.advance(job) else "progress"

    async def _complete(self, _request: Request, session: str) -> str:
        await asyncio.to_thread(sessions.finish_sweeps, self._folder, self._now(), session)
        return "success"


def read_credentials(header: str) -> tuple[str, str]:
    """Login and password of Basic authorization, in UTF-8 or in 1C's windows-1251; empty for anything else."""
    scheme, _, encoded = header.partition(" ")
    try:
        raw = base64.b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        raw = b""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1251", "replace")
    login, _, password = text.partition(":")
    return login, password


def read_file_name(said: str) -> str:
    """The name without folders; raises Refused for what could lead elsewhere."""
    name = PurePosixPath(said.replace("\\", "/")).name
    if not FILE_NAME.fullmatch(name):
        raise Refused("expected a filename such as offers0_1.xml; got another")
    return name


def _say(text: str, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    if status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = 'Basic realm="exchange", charset="UTF-8"'
    return PlainTextResponse(text.encode("ascii", "replace"), status, headers=headers)
