"""What a client asks for, whichever way it came: body, address or socket message."""

from typing import Annotated, Any

import msgspec

from gateway.http.errors import Code, Refused

MAX_NAME = 256


class Params(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The request of GraphQL over HTTP (section 4.1), `documentId` as in its persisted documents appendix."""

    query: str | None = None
    operation_name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)] | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    document_id: Annotated[str, msgspec.Meta(max_length=MAX_NAME)] | None = None


_params = msgspec.json.Decoder(Params)
_object = msgspec.json.Decoder(dict[str, Any] | None)


def decode_params(text: str | bytes) -> Params:
    """Decode a JSON object into Params; refuses everything else, saying what was expected and got."""
    try:
        return _params.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(error, "a GraphQL request as a JSON object") from None


def decode_object(name: str, text: str) -> dict[str, Any] | None:
    """Decode a member that came as a string of its own, as `variables` does in an address."""
    try:
        decoded: dict[str, Any] | None = _object.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise _malformed(error, f"'{name}' as a JSON object") from None
    return decoded


def _malformed(error: Exception, expected: str) -> Refused:
    said = str(error) if isinstance(error, msgspec.DecodeError) else "nested too deeply"
    return Refused(Code.BAD_REQUEST, f"Expected {expected}; {said[0].lower()}{said[1:]}.")
