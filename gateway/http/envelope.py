"""Write results and refusals as the bytes of a GraphQL response."""

from collections.abc import Sequence

import msgspec

from gateway.http.errors import Entry

encode = msgspec.json.Encoder().encode


_BEFORE, _AFTER = b'{"data":', b"}"


def write_result(data: bytes | None, entries: Sequence[Entry], extensions: bytes | None = None) -> bytes:
    """Write one response: `errors` first, as the specification advises (GraphQL, 7.1)."""
    if not entries and extensions is None and data is not None:
        return b"%b%b%b" % (_BEFORE, data, _AFTER)
    members = []
    if entries:
        members.append(b'"errors":' + encode(entries))
    if data is not None:
        members.append(b'"data":' + data)
    if extensions is not None:
        members.append(b'"extensions":' + extensions)
    return b"{" + b",".join(members) + b"}"


def read_data(body: bytes) -> bytes:
    """The data of a response that was written without errors and extensions."""
    return body[len(_BEFORE) : -len(_AFTER)]
