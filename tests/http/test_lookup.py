"""Documents by hash and by registered id."""

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.http.documents import Documents
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.lookup import Accepted, DocumentLookup
from gateway.http.persisted import MemoryTexts, TextStore
from gateway.http.trusted import InvalidManifest, TrustedDocuments, read_manifest
from gateway.limits.guard import LimitGuard
from tests.http.door import knock, make_endpoint
from tests.http.shop import make_schema

SCHEMA = make_schema()
HELLO = "{hello}"
PREFLIGHTED = {"graphql-require-preflight": "1"}


def sha256(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def hashed(source: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(source)}}, **more}


def make_lookup(**changes: Any) -> DocumentLookup:
    documents = Documents(SCHEMA, LimitGuard(SCHEMA))
    manifest = changes.pop("manifest", None)
    trusted = TrustedDocuments(documents, [manifest]) if manifest is not None else None
    return DocumentLookup(documents, trusted=trusted, **changes)


def door(**changes: Any) -> GraphQLEndpoint:
    return make_endpoint(SCHEMA, lookup=make_lookup(**changes))


class SlowTexts:
    """A store that answers later, as a shared one does."""

    def __init__(self) -> None:
        self.inner = MemoryTexts()

    async def get(self, sha256: str) -> str | None:
        return self.inner.get(sha256)

    async def put(self, sha256: str, source: str) -> None:
        self.inner.put(sha256, source)


@pytest.mark.parametrize("make_texts", [MemoryTexts, SlowTexts])
async def test_learns_a_text_and_knows_it_by_hash(make_texts: type[TextStore]) -> None:
    """Apollo's way: the hash alone is not found, hash and text are answered, then the hash is enough, by GET too."""
    endpoint = door(texts=make_texts())
    first = await knock(endpoint, hashed(HELLO))
    assert (first.status, first.codes) == (200, ["PERSISTED_QUERY_NOT_FOUND"])
    assert first.json["errors"][0]["message"] == "PersistedQueryNotFound"
    assert (await knock(endpoint, hashed(HELLO, query=HELLO))).json == {"data": {"hello": "Hello, world!"}}
    assert (await knock(endpoint, hashed(HELLO))).json == {"data": {"hello": "Hello, world!"}}
    address = urlencode({"extensions": json.dumps(hashed(HELLO)["extensions"])})
    assert (await knock(endpoint, method="GET", address=address, headers=PREFLIGHTED)).status == 200


@pytest.mark.parametrize("make_texts", [MemoryTexts, SlowTexts])
async def test_finds_what_another_process_learned(make_texts: type[TextStore]) -> None:
    """A text in the shared store is found by a process that never saw it."""
    texts = make_texts()
    await knock(door(texts=texts), hashed(HELLO, query=HELLO))
    assert (await knock(door(texts=texts), hashed(HELLO))).json == {"data": {"hello": "Hello, world!"}}


async def test_refuses_to_be_poisoned() -> None:
    """A text under a hash that is not its own is refused, and nothing is kept under that hash."""
    texts = MemoryTexts()
    endpoint = door(texts=texts)
    reply = await knock(endpoint, hashed(HELLO, query="{boom}"))
    assert (reply.status, reply.codes) == (400, ["PERSISTED_QUERY_MISMATCH"])
    assert (len(texts), (await knock(endpoint, hashed(HELLO))).codes) == (0, ["PERSISTED_QUERY_NOT_FOUND"])


async def test_believes_no_store_blindly() -> None:
    """A text that somebody wrote into the shared store under a foreign hash is not executed."""
    texts = MemoryTexts()
    texts.put(sha256(HELLO), "mutation{ring}")
    assert (await knock(door(texts=texts), hashed(HELLO))).codes == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_keeps_only_what_may_be_executed() -> None:
    """A document that is refused is not kept."""
    texts = MemoryTexts()
    await knock(door(texts=texts), hashed("{nope}", query="{nope}"))
    assert len(texts) == 0


def test_bounds_what_it_keeps() -> None:
    """A hundred thousand texts do not grow the store beyond its bounds."""
    texts = MemoryTexts(max_texts=100, max_characters=5_000)
    for number in range(100_000):
        texts.put(sha256(str(number)), f"{{hello{number}}}" + "#" * 100)
    assert len(texts) <= 50
    assert texts.get(sha256("99999")) is not None


@pytest.mark.parametrize(
    "given", [{"version": 1, "sha256Hash": "00"}, {"version": 2, "sha256Hash": "0" * 64}, {"version": 1}, "x", 7,
              {"version": 1, "sha256Hash": 7}, {"version": 1, "sha256Hash": "G" * 64}],
)  # fmt: skip
async def test_refuses_malformed_hashes(given: object) -> None:
    """What is no hash is refused, not looked up."""
    reply = await knock(door(texts=MemoryTexts()), {"query": HELLO, "extensions": {"persistedQuery": given}})
    assert (reply.status, reply.codes) == (400, ["BAD_REQUEST"])


async def test_says_that_hashes_are_not_kept() -> None:
    """Without a store, Apollo's clients are told to send texts."""
    assert (await knock(door(), hashed(HELLO))).codes == ["PERSISTED_QUERY_NOT_SUPPORTED"]


@pytest.mark.parametrize("key", ["hello-1", sha256(HELLO), "sha256:" + sha256(HELLO)])
async def test_executes_registered_documents(key: str) -> None:
    """A registered document is found by its id or hash, over POST and GET."""
    endpoint = door(manifest={"hello-1": HELLO})
    assert (await knock(endpoint, {"documentId": key})).json == {"data": {"hello": "Hello, world!"}}
    reply = await knock(endpoint, method="GET", address=urlencode({"documentId": key}))
    assert reply.json == {"data": {"hello": "Hello, world!"}}


async def test_refuses_unknown_ids() -> None:
    """An id that is not registered is refused, and so is an id with a text beside it."""
    endpoint = door(manifest={"hello-1": HELLO})
    assert (await knock(endpoint, {"documentId": "hello-2"})).codes == ["DOCUMENT_NOT_FOUND"]
    assert (await knock(endpoint, {"documentId": "hello-1", "query": "{boom}"})).codes == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"query": HELLO}, None),
        ({"query": "{boom}"}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": "{hello }"}, "DOCUMENT_NOT_TRUSTED"),
        (hashed(HELLO), None),
        (hashed("{boom}", query="{boom}"), "DOCUMENT_NOT_TRUSTED"),
        (hashed(HELLO, query="{boom}"), "DOCUMENT_NOT_TRUSTED"),
    ],
)
async def test_executes_nothing_else_in_strict_mode(params: dict[str, Any], code: str | None) -> None:
    """In strict mode only registered documents are executed, whichever way they are sent."""
    endpoint = door(manifest={"hello-1": HELLO}, accepted=Accepted.TRUSTED, texts=MemoryTexts())
    reply = await knock(endpoint, params)
    assert reply.json == {"data": {"hello": "Hello, world!"}} if code is None else reply.codes == [code]


def test_reads_both_manifest_formats() -> None:
    """Apollo's manifests and Relay's give the same registered documents."""
    operation = {"id": "a", "name": "Hello", "type": "query", "body": HELLO}
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]}
    assert read_manifest(json.dumps(apollo).encode()) == {"a": HELLO}
    assert read_manifest(json.dumps({"a": HELLO}).encode()) == {"a": HELLO}


@pytest.mark.parametrize("text", [b"", b"[]", b'{"a":1}', b'{"format":"apollo-persisted-query-manifest"}', b"\xff"])
def test_refuses_broken_manifests(text: bytes) -> None:
    """A manifest that cannot be read stops the start."""
    with pytest.raises(InvalidManifest, match="Expected a manifest"):
        read_manifest(text)


def test_names_the_registered_document_that_does_not_fit() -> None:
    """A registered document that the schema refuses stops the start and is named."""
    with pytest.raises(InvalidManifest, match=r"document 'old-page' to be valid.*nope"):
        TrustedDocuments(Documents(SCHEMA, LimitGuard(SCHEMA)), [{"old-page": "{nope}"}])


def test_refuses_one_id_for_two_documents() -> None:
    """Two manifests must not mean different things by one id."""
    with pytest.raises(InvalidManifest, match="'page' to mean one document"):
        TrustedDocuments(Documents(SCHEMA, LimitGuard(SCHEMA)), [{"page": HELLO}, {"page": "{boom}"}])
