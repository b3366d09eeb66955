"""Read a request's body: bounded, whole, and strict about its JSON.

`json` of the standard library takes NaN, any depth and lone surrogates; a lenient reader hands
those to code that was never written for them. Here they end as one clear refusal.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.http.errors import Code, Refused
from gateway.http.params import Params, decode_params

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[{]|[\]}]")
_MEMBERS = ('"query"', '"variables"', '"operationName"', '"extensions"', '"documentId"')


class Disconnected(Exception):
    """The client went away before its request was whole; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`max_bytes` of the body as received, `max_nesting` of arrays and objects in it."""

    max_bytes: int = 100 * 1024
    max_nesting: int = 64


async def read_body(receive: Receive, declared: bytes | None, limits: BodyLimits) -> bytes:
    """Read it all; refuses before reading when `declared` (Content-Length) is too much already."""
    if declared is not None and int(declared) > limits.max_bytes:
        raise _too_large(limits)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limits.max_bytes:
            raise _too_large(limits)
        return body
    return await _read_rest(receive, message, limits)


async def _read_rest(receive: Receive, message: MutableMapping[str, Any], limits: BodyLimits) -> bytes:
    body = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limits.max_bytes:
            raise _too_large(limits)
        if not message.get("more_body"):
            return bytes(body)
        message = await receive()


def parse_body(body: bytes, limits: BodyLimits) -> Params:
    """Read the bytes of a POST as one GraphQL request.

    A repeated member of the request itself is refused, because whoever stands before us may have
    read the other one; deeper down the last one wins, as in every JSON parser.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refused(Code.BAD_REQUEST, f"Expected UTF-8; got an invalid byte at {error.start}.") from None
    refuse_nested(text, limits)
    _refuse_batch(text)
    params = decode_params(text)
    if _may_repeat(text, params):
        _refuse_repeated(text)
    return params


def refuse_nested(text: str, limits: BodyLimits) -> None:
    """Refuse JSON that is nested deeper than anything honest."""
    if _nests_deeper(text, limits.max_nesting):
        raise Refused(Code.BAD_REQUEST, f"Expected at most {limits.max_nesting} levels of JSON; got more.")


def _too_large(limits: BodyLimits) -> Refused:
    """Refuse without closing: the server discards the rest, so that the client reads this and not a reset."""
    said = f"Expected a body of at most {limits.max_bytes} bytes; got more."
    return Refused(Code.PAYLOAD_TOO_LARGE, said, limit="body")


def _nests_deeper(text: str, most: int) -> bool:
    """Counting brackets is enough for nearly every body; only a suspicious one is walked."""
    if text.count("[") + text.count("{") <= most:
        return False
    bare = _STRING.sub("", text)
    if bare.count("[") + bare.count("{") <= most:
        return False
    depth = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in "[{" else -1
        if depth > most:
            return True
    return False


def _refuse_batch(text: str) -> None:
    if text[:1] == "[" or text.lstrip(" \t\r\n")[:1] == "[":
        raise Refused(Code.BATCHING_DISABLED, "Expected one request as a JSON object; got an array (batching is off).")


def _may_repeat(text: str, params: Params) -> bool:
    """Whether a member may be there twice: a name that stands twice, but not as a variable that was called so."""
    if "\\u" in text:
        return True
    twice = [member for member in _MEMBERS if text.count(member) > 1]
    if not twice:
        return False
    inner = msgspec.json.encode((params.variables, params.extensions)).decode()
    return any(text.count(member) > 1 + inner.count(member) for member in twice)


def _refuse_repeated(text: str) -> None:
    pairs = json.loads(text, object_pairs_hook=list)  # the outermost list is the request's own members
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise Refused(Code.BAD_REQUEST, "Expected each member of the request once; got one of them twice.")
