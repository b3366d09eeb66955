"""Automatic persisted queries: a client sends a hash, and the text only when we do not know it.

https://www.apollographql.com/docs/apollo-server/performance/apq

The hash is checked against the text before anything is kept, and again when a text comes from a
store that others write to; only documents that passed the limits and validation are kept at all.
"""

import hashlib
import re
from collections import OrderedDict
from typing import Any, Protocol

import msgspec

from clients.eventual import Eventual
from gateway.http.errors import Code, Refused

_HASH = re.compile(r"[0-9a-f]{64}\Z")


class TextStore(Protocol):
    """Where the texts are kept; a store that fails answers None and keeps nothing, but never raises."""

    def get(self, sha256: str) -> Eventual[str | None]: ...

    def put(self, sha256: str, source: str) -> Eventual[None]: ...


class MemoryTexts:
    """Texts of one process, bounded by number and by the sum of their characters; the least used go first."""

    def __init__(self, max_texts: int = 10_000, max_characters: int = 10_000_000) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._characters = 0
        self._max_texts = max_texts
        self._max_characters = max_characters

    def get(self, sha256: str) -> str | None:
        source = self._texts.get(sha256)
        if source is not None:
            self._texts.move_to_end(sha256)
        return source

    def put(self, sha256: str, source: str) -> None:
        if sha256 in self._texts:
            return
        self._texts[sha256] = source
        self._characters += len(source)
        while len(self._texts) > self._max_texts or self._characters > self._max_characters:
            _, gone = self._texts.popitem(last=False)
            self._characters -= len(gone)

    def __len__(self) -> int:
        return len(self._texts)


class PersistedQuery(msgspec.Struct, frozen=True, rename="camel"):
    """The member `persistedQuery` of a request's extensions."""

    version: int
    sha256_hash: str


def read_hash(extensions: dict[str, Any] | None) -> str | None:
    """Read the hash that a client sent; None when it sent none, Refused when it is not one."""
    given = (extensions or {}).get("persistedQuery")
    if given is None:
        return None
    try:
        asked = msgspec.convert(given, PersistedQuery)
    except msgspec.ValidationError:
        raise _malformed() from None
    if asked.version != 1 or not _HASH.match(asked.sha256_hash):
        raise _malformed()
    return asked.sha256_hash


def is_hashed(extensions: dict[str, Any] | None) -> bool:
    """Whether a text comes with its hash: a client that sends hashes in addresses sends unknown texts there too."""
    return extensions is not None and extensions.get("persistedQuery") is not None


def is_of(sha256: str, source: str) -> bool:
    return hashlib.sha256(source.encode()).hexdigest() == sha256


def _malformed() -> Refused:
    return Refused(
        Code.BAD_REQUEST,
        "Expected extensions.persistedQuery to be {version: 1, sha256Hash: 64 hex digits}; got another.",
    )
