"""The messages of graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from typing import Annotated, Any, TypeAlias

import msgspec

from gateway.http.body import BodyLimits, refuse_nested
from gateway.http.envelope import encode
from gateway.http.errors import Entry, Refused
from gateway.http.params import Params

PROTOCOL = "graphql-transport-ws"

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Init(msgspec.Struct, tag="connection_init", tag_field="type", frozen=True):
    payload: dict[str, Any] | None = None


class Ping(msgspec.Struct, tag="ping", tag_field="type", frozen=True):
    payload: dict[str, Any] | None = None


class Pong(msgspec.Struct, tag="pong", tag_field="type", frozen=True):
    payload: dict[str, Any] | None = None


class Subscribe(msgspec.Struct, tag="subscribe", tag_field="type", frozen=True):
    id: Id
    payload: Params


class Complete(msgspec.Struct, tag="complete", tag_field="type", frozen=True):
    id: Id


Message: TypeAlias = Init | Ping | Pong | Subscribe | Complete

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class SocketClosed(Exception):
    """The connection ends with this close code, as the protocol prescribes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def read_message(text: str | None, limits: BodyLimits) -> Message:
    """Read one message; raises SocketClosed(4400) for whatever is none (None: it was binary)."""
    if text is None or len(text) > limits.max_bytes:
        raise SocketClosed(4400, "Expected a message as text of limited length")
    try:
        refuse_nested(text, limits)
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError, Refused):
        raise SocketClosed(4400, "Expected a message of the graphql-transport-ws protocol") from None


ACK = '{"type":"connection_ack"}'
PONG = '{"type":"pong"}'


def next_message(key: str, payload: bytes) -> str:
    return f'{{"id":{_text(key)},"type":"next","payload":{payload.decode()}}}'


def error_message(key: str, entries: list[Entry]) -> str:
    return f'{{"id":{_text(key)},"type":"error","payload":{encode(entries).decode()}}}'


def complete_message(key: str) -> str:
    return f'{{"id":{_text(key)},"type":"complete"}}'


def _text(key: str) -> str:
    return encode(key).decode()
