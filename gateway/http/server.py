"""The server: uvicorn with httptools, and what uvicorn leaves open closed.

uvicorn waits for ever for a request that never becomes whole; two hundred clients that drip a byte
now and then hold a worker's sockets for nothing. And httptools takes a request with no Host, or
with two, of which a proxy in front may have read the other one (RFC 9112, 3.2).

h11 is not an alternative: given Content-Length and Transfer-Encoding at once it answers, and then
runs what is hidden in the body as a second request (RFC 9112, 6.1). httptools refuses that.
"""

import asyncio
import resource
from asyncio.events import TimerHandle
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.http.answer import WHOLE_ANSWERS


@dataclass(frozen=True, slots=True)
class ReceiveLimits:
    """What a connection may take: seconds until its first byte, until a begun request is whole, and
    until a client that stopped reading reads on; bytes of the request line and of all headers; fields.
    """

    first_byte_s: float = 5.0
    whole_request_s: float = 10.0
    stalled_reader_s: float = 20.0
    target_bytes: int = 8 * 1024
    header_bytes: int = 16 * 1024
    header_fields: int = 100


class Unacceptable(Exception):
    """A request head beyond the limits; httptools turns it into its own parser error."""


class WholeCycle(RequestResponseCycle):
    """One exchange of messages that takes an answer in one piece as well: its head's lines and its body.

    The pieces of ASGI's own are looked through header by header; what is sent so was looked through before.
    """

    async def send(self, message: Any) -> None:
        if message["type"] != WHOLE_ANSWERS:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_started:
            raise RuntimeError("Expected a whole answer to be the only one; another was begun.")
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        head = [STATUS_LINE[200]]
        for name, value in self.default_headers:
            head += (name, b": ", value, b"\r\n")
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self.transport.writelines((b"".join((*head, message["head"], end)), message["body"]))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


_EXTENSIONS: Final[dict[str, dict[str, object]]] = {WHOLE_ANSWERS: {}}


class DeadlineProtocol(HttpToolsProtocol):
    """One connection with deadlines on what it receives; made per connection by uvicorn."""

    limits: ClassVar[ReceiveLimits] = ReceiveLimits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: TimerHandle | None = None
        self._stalled: TimerHandle | None = None
        self._is_receiving = False
        self._has_begun = False
        self._head_bytes = self._hosts = 0
        self._refusal = b"400 Bad Request"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.limits.first_byte_s, self._cut)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        is_first = not self._has_begun
        HttpToolsProtocol.data_received(self, data)
        if self.transport.is_closing():
            return
        self._has_begun = True
        if self._is_receiving:
            self._bound_head(len(data))
        if not (self._is_receiving or self._is_idle()):
            self._disarm()
        elif is_first or self._timer is None:
            self._disarm()
            self._timer = self.loop.call_later(self.limits.whole_request_s, self._cut)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = WholeCycle  # uvicorn leaves no other way to say which class to make
        cycle.scope["extensions"] = _EXTENSIONS  # type: ignore[typeddict-item]
        super()._start_asgi_task(cycle, app)

    def handle_websocket_upgrade(self) -> None:
        self._disarm()
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        if not self._is_receiving:
            self._disarm()
        HttpToolsProtocol.on_response_complete(self)

    def on_message_begin(self) -> None:
        HttpToolsProtocol.on_message_begin(self)
        self._is_receiving = True
        self._head_bytes = self._hosts = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > self.limits.target_bytes:
            self._refuse(b"414 URI Too Long")

    def on_header(self, name: bytes, value: bytes) -> None:
        # What uvicorn does, written out: this is called for every header of every request.
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.limits.header_bytes or len(self.headers) > self.limits.header_fields:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        if self._hosts != 1 and (self._hosts > 1 or self.parser.get_http_version() != "1.0"):
            self._refuse(b"400 Bad Request")
        self._head_bytes = -1
        HttpToolsProtocol.on_headers_complete(self)

    def on_message_complete(self) -> None:
        self._is_receiving = False
        HttpToolsProtocol.on_message_complete(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.limits.stalled_reader_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def send_400_response(self, msg: str) -> None:
        """Refuse without a word to whoever speaks no HTTP; `msg` is uvicorn's."""
        del msg
        self._disarm()
        self.transport.write(
            b"HTTP/1.1 "
            + self._refusal
            + b"\r\ncontent-length: 0\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _bound_head(self, received: int) -> None:
        """Bound a head that comes as one endless line, of which the parser reports nothing yet."""
        if self._head_bytes < 0:
            return
        self._head_bytes += received
        if self._head_bytes > self.limits.target_bytes + 2 * self.limits.header_bytes:
            self._refusal = b"431 Request Header Fields Too Large"
            self.send_400_response("")

    def _refuse(self, status: bytes) -> None:
        self._refusal = status
        raise Unacceptable

    def _cut(self) -> None:
        self._timer = None
        self.transport.close()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where the server listens and how it stops. `grace_s` is the time given to running requests.

    `trusted_proxies` are the addresses whose `x-forwarded-for` is believed; without them every
    client behind a proxy has the proxy's address, and shares its rate.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    fd: int | None = None
    trusted_proxies: tuple[str, ...] = ()
    grace_s: int = 20
    keep_alive_s: int = 5
    ws_message_bytes: int = 128 * 1024
    limits: ReceiveLimits = field(default_factory=ReceiveLimits)


def take_open_files(wanted: int = 65_536) -> None:
    """Let this process, and those that it starts, hold a socket per client: shells give 1,024 unless asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def make_protocol(limits: ReceiveLimits) -> type[asyncio.Protocol]:
    """Make the protocol class with these limits; uvicorn leaves no other way to pass them."""
    return type("LimitedDeadlineProtocol", (DeadlineProtocol,), {"limits": limits})


def make_server_config(app: Any, options: ServerOptions) -> uvicorn.Config:
    """Set everything that production needs; logs are not uvicorn's business here."""
    return uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        fd=options.fd,
        loop="uvloop",
        http=make_protocol(options.limits),
        ws="websockets-sansio",
        ws_max_size=options.ws_message_bytes,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=list(options.trusted_proxies),
        server_header=False,
        date_header=True,
        timeout_keep_alive=options.keep_alive_s,
        timeout_graceful_shutdown=options.grace_s,
    )
