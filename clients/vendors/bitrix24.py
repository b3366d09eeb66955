"""How Bitrix24's REST API is called: one command or fifty at once, lists scanned by id, failures inside answers of 200.

Source: the vendor's own documentation, apidocs.bitrix24.com (limits, batch, lists), and its method files (MIT).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import msgspec

from clients.contract import in_batches
from clients.errors import InvalidSourceResponse, SourceError, SourceThrottled, SourceUnavailable
from clients.http import UNDECODABLE, Reply, Upstream, decide_objection
from clients.values import DataSource

COMMANDS: Final = 50
"""As many commands fit into one batch."""

PAGE: Final = 50
"""Every list has pages of this size, and nobody can change it."""

MOST_PAGES: Final = 400
THROTTLING: Final = frozenset({"QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT"})
THEIR_FAULT: Final = frozenset({"INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER", "OVERLOAD_LIMIT"})
BAD_TOKEN: Final = frozenset({"expired_token", "invalid_token", "NO_AUTH_FOUND"})
PAUSE_S: Final = 2.0
"""What the bucket needs to take a few calls again; the vendor says no wait."""

_UNAUTHORIZED = 401
Params = Mapping[str, Any]


class Access(Protocol):
    """What lets a call in: a part of the path, or a token in the body."""

    def place(self, method: str) -> str:
        """The path of a method."""
        ...

    async def token(self) -> str | None:
        """The access token, None where the path is all; raises a SourceError."""
        ...

    def drop(self, token: str) -> None:
        """Give this token to nobody again: it was refused."""
        ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """An inbound webhook: `user/secret`, part of every path, so paths belong into no log."""

    secret: str = field(repr=False)

    def place(self, method: str) -> str:
        return f"/rest/{self.secret}/{method}.json"

    async def token(self) -> str | None:
        return None

    def drop(self, token: str) -> None:
        """There is nothing that could expire."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is scanned: its method, the name of its entries in the answer, which entries and what of them."""

    method: str
    entries: str
    filter: Params
    select: Sequence[str]

    def page(self, after: int) -> str:
        """The command for the entries after an id. Without a count (`start=-1`) it costs the vendor much less."""
        params = {
            "select": self.select,
            "filter": {**self.filter, ">id": after},
            "order": {"id": "asc"},
            "start": -1,
        }
        return f"{self.method}?{build_query(params)}"


class _Failure(msgspec.Struct, frozen=True):
    error: str | int | None = None


class _Batch(msgspec.Struct, frozen=True):
    result: msgspec.Raw
    result_error: msgspec.Raw


class _Answer(msgspec.Struct, frozen=True):
    result: _Batch


class _Identified(msgspec.Struct, frozen=True):
    id: int | str


_FAILURE: Final = msgspec.json.Decoder(_Failure)
_ANSWER: Final = msgspec.json.Decoder(_Answer)
_MAP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ERRORS: Final = msgspec.json.Decoder(dict[str, _Failure])
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_IDENTIFIED: Final = msgspec.json.Decoder(_Identified)
_EMPTY: Final = (b"[]", b"null", b"")


def build_query(params: Params) -> str:
    """Nested values as PHP reads them: `filter[@xmlId][0]=a`."""
    return urlencode(list(_flat("", params)))


def _flat(above: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{above}[{name}]" if above else name, inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _flat(f"{above}[{number}]", inner)
    else:
        yield above, str(value)


def failure_of(source: DataSource, code: str) -> SourceError:
    """What an error code comes to. Throttling is no outage, whatever the status it came with."""
    said = code[:60]
    if code in THROTTLING:
        return SourceThrottled(source, said, PAUSE_S)
    if code in THEIR_FAULT:
        return SourceUnavailable(source, said)
    return InvalidSourceResponse(source, f"refused: {said}")


class Bitrix24:
    """Calls of one portal. Every call is a batch: a portal counts calls, not commands."""

    def __init__(self, upstream: Upstream, access: Access) -> None:
        self._upstream = upstream
        self._access = access

    @property
    def source(self) -> DataSource:
        """The role that the portal has here."""
        return self._upstream.source

    async def scan(
        self, listings: Mapping[str, Listing], *, operation: str
    ) -> dict[str, Sequence[msgspec.Raw] | SourceError]:
        """Everything of each list, by id upwards; what comes or goes meanwhile moves nothing else.

        Lists are scanned side by side: as many rounds as the longest has pages.
        """
        found: dict[str, list[msgspec.Raw]] = {name: [] for name in listings}
        failed: dict[str, SourceError] = {}
        after = dict.fromkeys(listings, 0)
        for _ in range(MOST_PAGES):
            if not after:
                return {**found, **failed}
            commands = {name: listings[name].page(last) for name, last in after.items()}
            answers = await self.batch(commands, operation=operation)
            for name in commands:
                try:
                    page, last = self._read_page(answers[name], listings[name].entries, after.pop(name))
                except SourceError as error:
                    failed[name] = error
                    continue
                found[name] += page
                if len(page) >= PAGE:
                    after[name] = last
        endless = self.broken(f"expected at most {MOST_PAGES} pages, got more")
        return {**found, **failed, **dict.fromkeys(after, endless)}

    def _read_page(self, answer: msgspec.Raw | SourceError, entries: str, after: int) -> tuple[list[msgspec.Raw], int]:
        if isinstance(answer, SourceError):
            raise answer
        try:
            page = _ENTRIES.decode(self._map(answer)[entries])
            last = max((int(_IDENTIFIED.decode(entry).id) for entry in page), default=after)
        except (*UNDECODABLE, KeyError, ValueError) as error:
            raise self.broken(f"expected a list of {entries}: {error!r}"[:200]) from None
        if len(page) >= PAGE and last <= after:
            raise self.broken(f"expected {entries} after the id {after}, got older ones again")
        return page, last

    async def batch(self, commands: Mapping[str, str], *, operation: str) -> Mapping[str, msgspec.Raw | SourceError]:
        """One outcome per command: its result, or why there is none. A failed command fails no other."""

        async def send(names: Sequence[str]) -> dict[str, msgspec.Raw | SourceError]:
            body = {"halt": 0, "cmd": {name: commands[name] for name in names}}
            answer = self._decode(await self._ask("batch", body, operation))
            try:
                results, errors = self._map(answer.result), self._errors(answer.result_error)
            except UNDECODABLE as error:
                raise self.broken(f"batch: {error}") from None
            return {name: self._outcome(name, results, errors) for name in names}

        return await in_batches(list(commands), COMMANDS, send)

    def _outcome(
        self, name: str, results: Mapping[str, msgspec.Raw], errors: Mapping[str, SourceError]
    ) -> msgspec.Raw | SourceError:
        if name in errors:
            return errors[name]
        return results[name] if name in results else self.broken("expected an outcome of every command, got fewer")

    def _map(self, raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
        """A JSON object; PHP writes an empty one as a list."""
        return {} if bytes(raw) in _EMPTY else _MAP.decode(raw)

    def _errors(self, raw: msgspec.Raw) -> dict[str, SourceError]:
        said = {} if bytes(raw) in _EMPTY else _ERRORS.decode(raw)
        return {name: failure_of(self.source, str(failure.error)) for name, failure in said.items()}

    def _decode(self, reply: Reply) -> _Batch:
        try:
            return _ANSWER.decode(reply.payload).result
        except UNDECODABLE as error:
            raise self.broken(f"batch: {error}") from None

    async def _ask(self, method: str, body: dict[str, Any], operation: str) -> Reply:
        token = await self._access.token()
        reply = await self._send(method, body, operation, token)
        if token is not None and is_token_refused(reply):
            self._access.drop(token)
            reply = await self._send(method, body, operation, await self._access.token())
        self._judge(reply)
        return reply

    async def _send(self, method: str, body: dict[str, Any], operation: str, token: str | None) -> Reply:
        content = msgspec.json.encode(body if token is None else {**body, "auth": token})
        return await self._upstream.send("POST", self._access.place(method), content=content, operation=operation)

    def _judge(self, reply: Reply) -> None:
        """An error may come with any status, also with 200."""
        code = read_code(reply)
        if code is not None:
            raise failure_of(self.source, code)
        objection = decide_objection(self.source, reply.status, reply.headers)
        if objection is not None:
            raise objection

    def broken(self, detail: str) -> InvalidSourceResponse:
        """The error for an answer that breaks the contract; `detail` is for logs."""
        return InvalidSourceResponse(self.source, detail)


def read_code(reply: Reply) -> str | None:
    """The error code of an answer; codes are words or numbers."""
    try:
        error = _FAILURE.decode(reply.payload).error
    except UNDECODABLE:
        return None
    return None if error is None else str(error)


def is_token_refused(reply: Reply) -> bool:
    """Whether an answer speaks against the token and not against the question."""
    return reply.status == _UNAUTHORIZED and read_code(reply) in BAD_TOKEN
