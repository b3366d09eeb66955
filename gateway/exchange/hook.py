"""MoySklad's stock webhook: `POST /exchange/moysklad/<secret>`.

Its calls are not signed, so the secret in the address is all that tells them from others, and what
they say is a hint and nothing more: the report's address in them is never asked, or anybody who
learns the secret could send our key anywhere. It wants an answer within 1.5 s: there is nothing to
wait for here.
"""

import asyncio
import hmac
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from clients.stock.moysklad import MoyskladSettings
from gateway.exchange.syncing import hint
from gateway.telemetry.logs import get_log

PATH: Final = "/exchange/moysklad/{secret}"
MOST_BYTES: Final = 64 * 1024
log = get_log("gateway.exchange")


class StockHint(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a call."""

    report_type: str
    stock_type: str


class MoyskladHook:
    """The webhook's receiver."""

    def __init__(self, settings: MoyskladSettings, now: Callable[[], float]) -> None:
        self._secret = settings.webhook_secret.get_secret_value().encode()
        self._folder = settings.folder
        self._now = now

    def routes(self) -> list[Route]:
        """The route to mount."""
        return [Route(PATH, self.answer, methods=["POST"])]

    async def answer(self, request: Request) -> Response:
        """204 for a hint; repeats and reordered calls do no harm."""
        if not hmac.compare_digest(request.path_params["secret"].encode(), self._secret):
            return Response(status_code=404)
        try:
            body = await read_bounded(request)
            msgspec.json.decode(body, type=StockHint)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Response("expected reportType and stockType as JSON", 400, media_type="text/plain")
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            await asyncio.to_thread(hint, self._folder, self._now())
        except OSError as error:
            log.warning("hint not taken", why=str(error))
            return Response(status_code=503)
        return Response(status_code=204)


async def read_bounded(request: Request) -> bytes:
    """The body; what is longer than any hint is cut off and will not decode."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            return b""
    return bytes(body)
