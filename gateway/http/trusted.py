"""Documents registered at start, by the ids that the clients' build tools gave them.

Two manifest formats are read: Apollo's (`{"format": "apollo-persisted-query-manifest", "version": 1,
"operations": [{"id", "name", "type", "body"}]}`) and Relay's (`{"<id>": "<document>"}`).
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from gateway.http.documents import Documents, Prepared
from gateway.http.errors import Refused

APOLLO_FORMAT = "apollo-persisted-query-manifest"


class InvalidManifest(ValueError):
    """A manifest that cannot be served; the message names the document and what is wrong with it."""


class ApolloOperation(msgspec.Struct, frozen=True):
    id: str
    body: str
    name: str = ""
    type: str = "query"


class ApolloManifest(msgspec.Struct, frozen=True):
    """https://www.apollographql.com/docs/graphos/platform/security/persisted-queries#manifest-format."""

    format: str
    version: int
    operations: list[ApolloOperation]


_apollo = msgspec.json.Decoder(ApolloManifest)
_relay = msgspec.json.Decoder(dict[str, str])


def read_manifest(text: bytes) -> dict[str, str]:
    """Read a manifest of either format: documents by id; raises InvalidManifest."""
    try:
        if APOLLO_FORMAT.encode() in text:
            return {operation.id: operation.body for operation in _apollo.decode(text).operations}
        return _relay.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidManifest(f"Expected a manifest in Apollo's or Relay's format; {error}.") from None


class TrustedDocuments:
    """Registered documents, prepared before the first request and never forgotten.

    A document is found by its id, with or without the prefix `sha256:`, and by the SHA-256 of its text.
    """

    def __init__(self, documents: Documents, manifests: Iterable[Mapping[str, str]]) -> None:
        self._by_id: dict[str, Prepared] = {}
        self._by_hash: dict[str, Prepared] = {}
        for manifest in manifests:
            for key, source in manifest.items():
                self._register(documents, key, source)

    def _register(self, documents: Documents, key: str, source: str) -> None:
        try:
            prepared = documents.pin(source)
        except Refused as refusal:
            raise InvalidManifest(f"Expected document {key!r} to be valid for this schema; {refusal}") from None
        known = self._by_id.setdefault(key, prepared)
        if known is not prepared:
            raise InvalidManifest(f"Expected the id {key!r} to mean one document; got two.")
        self._by_hash[prepared.sha256] = prepared

    def find(self, key: str) -> Prepared | None:
        bare = key.removeprefix("sha256:")
        return self._by_id.get(key) or self._by_id.get(bare) or self._by_hash.get(bare)

    def has_text(self, source: str) -> bool:
        return hashlib.sha256(source.encode()).hexdigest() in self._by_hash

    def __len__(self) -> int:
        return len(self._by_id)
