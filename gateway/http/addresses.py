"""Read a request that came in an address (GraphQL over HTTP, 5.3)."""

from typing import Any
from urllib.parse import parse_qsl

from gateway.http.errors import Code, Refused
from gateway.http.params import MAX_NAME, Params, decode_object

MAX_BYTES = 8 * 1024
_MEMBERS = frozenset({"query", "operationName", "variables", "extensions", "documentId"})


def parse_address(query_string: bytes) -> Params:
    """Read the query part of an address; members that are not GraphQL's are nobody's business here."""
    if len(query_string) > MAX_BYTES:
        raise Refused(Code.PAYLOAD_TOO_LARGE, f"Expected an address query of at most {MAX_BYTES} bytes; got more.")
    members = _members(query_string)
    for name in ("operationName", "documentId"):
        if len(members.get(name, "")) > MAX_NAME:
            raise Refused(Code.BAD_REQUEST, f"Expected '{name}' of at most {MAX_NAME} characters; got more.")
    return Params(
        query=members.get("query"),
        operation_name=members.get("operationName") or None,
        variables=_object(members, "variables"),
        extensions=_object(members, "extensions"),
        document_id=members.get("documentId"),
    )


def _members(query_string: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise Refused(Code.BAD_REQUEST, "Expected percent-encoded UTF-8 with at most 32 members; got none.") from None
    ours = [(name, value) for name, value in pairs if name in _MEMBERS]
    if len(ours) != len(dict(ours)):
        raise Refused(Code.BAD_REQUEST, "Expected each member of the request once; got one of them twice.")
    return dict(ours)


def _object(members: dict[str, str], name: str) -> dict[str, Any] | None:
    text = members.get(name)
    return decode_object(name, text) if text else None
