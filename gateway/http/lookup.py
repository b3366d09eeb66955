"""From what a client sent to the document it means: a text, a hash, or a registered id."""

import enum
from inspect import isawaitable
from typing import Protocol

from clients.eventual import Eventual
from gateway.http.documents import Documents, Prepared
from gateway.http.errors import Code, Refused
from gateway.http.params import Params
from gateway.http.persisted import TextStore, is_of, read_hash
from gateway.http.trusted import TrustedDocuments


class Lookup(Protocol):
    """Find the document that a request means; raises Refused."""

    def find(self, params: Params) -> Eventual[Prepared]: ...

    def keep_in_use(self, prepared: Prepared) -> bool:
        """Count a document that was found before as asked for again; False when it would have to be prepared anew."""


class Accepted(enum.Enum):
    """Which documents are executed at all: any, or registered ones only."""

    ANY = "any"
    TRUSTED = "trusted"


class TextLookup:
    """Documents as text only; the plainest of lookups."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def find(self, params: Params) -> Prepared:
        if params.query is None:
            raise Refused(Code.BAD_REQUEST, "Expected 'query' to be a GraphQL document; got no 'query'.")
        return self._documents.find(params.query)

    def keep_in_use(self, prepared: Prepared) -> bool:
        return self._documents.keep_in_use(prepared)


class DocumentLookup:
    """Documents as text, by registered id, and by hash when there is a store for texts.

    With `Accepted.TRUSTED` nothing but registered documents is executed, however it is sent.
    """

    def __init__(
        self,
        documents: Documents,
        *,
        trusted: TrustedDocuments | None = None,
        texts: TextStore | None = None,
        accepted: Accepted = Accepted.ANY,
    ) -> None:
        self._documents = documents
        self._trusted = trusted or TrustedDocuments(documents, ())
        self._texts = texts
        self._accepted = accepted

    def find(self, params: Params) -> Eventual[Prepared]:
        if params.document_id is not None:
            return self._registered(params)
        if params.extensions is not None and (sha256 := read_hash(params.extensions)) is not None:
            return self._by_hash(sha256, params.query)
        return self._by_text(params.query)

    def keep_in_use(self, prepared: Prepared) -> bool:
        return self._documents.keep_in_use(prepared)

    def _registered(self, params: Params) -> Prepared:
        assert params.document_id is not None
        if params.query is not None:
            raise Refused(Code.BAD_REQUEST, "Expected either 'documentId' or 'query'; got both.")
        found = self._trusted.find(params.document_id)
        if found is None:
            raise Refused(Code.DOCUMENT_NOT_FOUND, "Expected 'documentId' to name a registered document; it does not.")
        return found

    def _by_text(self, source: str | None) -> Prepared:
        if source is None:
            raise Refused(Code.BAD_REQUEST, "Expected 'query' to be a GraphQL document; got no 'query'.")
        if self._accepted is Accepted.TRUSTED and not self._trusted.has_text(source):
            raise _not_trusted()
        return self._documents.find(source)

    def _by_hash(self, sha256: str, source: str | None) -> Eventual[Prepared]:
        found = self._trusted.find(sha256)
        if found is not None and (source is None or source == found.source):
            return found
        if self._accepted is Accepted.TRUSTED:
            raise _not_trusted()
        if self._texts is None:
            raise Refused(Code.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
        if source is None:
            return self._recall(sha256, self._texts)
        if not is_of(sha256, source):
            raise Refused(Code.PERSISTED_QUERY_MISMATCH, "Expected sha256Hash to be the hash of 'query'; it is not.")
        return self._keep(sha256, source, self._texts)

    def _recall(self, sha256: str, texts: TextStore) -> Eventual[Prepared]:
        known = self._documents.recall(sha256)
        if known is not None:
            return known
        kept = texts.get(sha256)
        return self._recall_later(sha256, kept) if isawaitable(kept) else self._recalled(sha256, kept)

    async def _recall_later(self, sha256: str, kept: Eventual[str | None]) -> Prepared:
        return self._recalled(sha256, await kept if isawaitable(kept) else kept)

    def _recalled(self, sha256: str, source: str | None) -> Prepared:
        if source is None or not is_of(sha256, source):
            raise Refused(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
        return self._documents.find(source)

    def _keep(self, sha256: str, source: str, texts: TextStore) -> Eventual[Prepared]:
        prepared = self._documents.find(source)
        kept = texts.put(sha256, source)
        return _after(kept, prepared) if isawaitable(kept) else prepared


async def _after(kept: Eventual[None], prepared: Prepared) -> Prepared:
    if isawaitable(kept):
        await kept
    return prepared


def _not_trusted() -> Refused:
    return Refused(Code.DOCUMENT_NOT_TRUSTED, "Expected a registered document; others are not executed here.")
