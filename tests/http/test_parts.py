"""Increments: both formats, read as clients read them, add up to the whole answer."""

import re
from typing import Any

import msgspec
import pytest

from gateway.http.rules import EdgeRules
from tests.http.door import GRAPHQL, Reply, knock, make_endpoint
from tests.http.shop import SECRET, make_schema

SCHEMA = make_schema()
BY_PATH = f"multipart/mixed;deferSpec=20220824,{GRAPHQL},application/json;q=0.9"
BY_ID = f"multipart/mixed;incrementalSpec=v0.2,{GRAPHQL},application/json;q=0.9"

DEFERRED = [
    "{hello ... @defer {slow(seconds:0.01)}}",
    '{hello ... @defer(label:"late") {slow(seconds:0.01) seam} products(first:2) {id ... @defer {price title}}}',
    "{products(first:5) @stream(initialCount:2) {id ... @defer {price related {id ... @defer {price}}}}}",
    "{...F @defer} fragment F on Query {a:hello ... @defer {b:hello products(first:3) @stream {id price}}}",
    "{hello @include(if:true) ... @defer(if:false) {slow(seconds:0.01)}}",
]


def read_parts(reply: Reply) -> list[Any]:
    """Split the body as a multipart reader does."""
    boundary = re.search(r'boundary="([^"]+)"', reply.headers["content-type"])
    assert boundary is not None
    pieces = reply.body.split(b"\r\n--" + boundary.group(1).encode())
    assert (pieces[0], pieces[-1]) == (b"", b"--\r\n")
    heads, payloads = zip(*(piece.split(b"\r\n\r\n", 1) for piece in pieces[1:-1]), strict=True)
    assert all(head.strip() == b"content-type: application/json; charset=utf-8" for head in heads)
    return [msgspec.json.decode(payload) for payload in payloads]


def at(tree: Any, path: list[Any]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def merge(into: Any, came: Any) -> None:
    for name, value in came.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


def read_by_path(parts: list[Any]) -> Any:
    """Apollo Client's reading of deferSpec=20220824."""
    data = parts[0]["data"]
    for part in parts[1:]:
        for patch in part.get("incremental", ()):
            if "items" in patch:
                *path, index = patch["path"]
                assert len(at(data, path)) == index
                at(data, path).extend(patch["items"])
            else:
                merge(at(data, patch["path"]), patch["data"])
    return data


def read_by_id(parts: list[Any]) -> Any:
    """The reading of incrementalSpec=v0.2."""
    data, pending = parts[0]["data"], {}
    for part in parts:
        pending.update({item["id"]: item for item in part.get("pending", ())})
        for patch in part.get("incremental", ()):
            place = at(data, pending[patch["id"]]["path"] + patch.get("subPath", []))
            place.extend(patch["items"]) if "items" in patch else merge(place, patch["data"])
        for item in part.get("completed", ()):
            del pending[item["id"]]
    assert pending == {}
    return data


@pytest.mark.parametrize("query", DEFERRED)
async def test_parts_add_up_to_the_whole(query: str) -> None:
    """Whoever reads increments ends with the data of who reads one answer, in either format."""
    endpoint = make_endpoint(SCHEMA)
    whole = (await knock(endpoint, {"query": query}, headers={"accept": GRAPHQL})).json["data"]
    for accept, read in ((BY_PATH, read_by_path), (BY_ID, read_by_id)):
        reply = await knock(endpoint, {"query": query}, headers={"accept": accept})
        if reply.headers["content-type"].startswith("multipart/mixed"):
            parts = read_parts(reply)
            assert [part["hasNext"] for part in parts] == [True] * (len(parts) - 1) + [False]
            assert read(parts) == whole
        else:
            assert reply.json["data"] == whole


async def test_the_first_part_does_not_wait() -> None:
    """What is not deferred is sent before what is slow."""
    reply = await knock(make_endpoint(SCHEMA), {"query": DEFERRED[0]}, headers={"accept": BY_PATH})
    assert read_parts(reply)[0] == {"data": {"hello": "Hello, world!"}, "hasNext": True}


@pytest.mark.parametrize(("accept", "spec"), [(BY_PATH, "deferSpec=20220824"), (BY_ID, "incrementalSpec=v0.2")])
async def test_names_the_format(accept: str, spec: str) -> None:
    """The content type says which format the parts have."""
    reply = await knock(make_endpoint(SCHEMA), {"query": DEFERRED[0]}, headers={"accept": accept})
    assert reply.headers["content-type"] == f'multipart/mixed; boundary="-"; {spec}'


async def test_names_the_label() -> None:
    """A client's label comes back with its part."""
    parts = read_parts(await knock(make_endpoint(SCHEMA), {"query": DEFERRED[1]}, headers={"accept": BY_PATH}))
    labels = [patch.get("label") for part in parts[1:] for patch in part.get("incremental", ())]
    assert "late" in labels


@pytest.mark.parametrize("accept", [BY_PATH, BY_ID])
async def test_masks_faults_in_parts(accept: str) -> None:
    """A fault in a deferred field is masked as everywhere."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello ... @defer {boom}}"}, headers={"accept": accept})
    assert "INTERNAL_ERROR" in reply.body.decode()
    assert SECRET not in reply.body.decode()


@pytest.mark.parametrize("accept", [BY_PATH, BY_ID])
async def test_ends_parts_at_the_deadline(accept: str) -> None:
    """Parts that do not come in time are given up with an error, and the answer ends properly."""
    endpoint = make_endpoint(SCHEMA, rules=EdgeRules(query_deadline_s=0.05))
    query = "{hello ... @defer {slow(seconds:30)}}"
    parts = read_parts(await knock(endpoint, {"query": query}, headers={"accept": accept}))
    assert parts[-1]["hasNext"] is False
    assert "DEADLINE_EXCEEDED" in str(parts[-1])


async def test_sends_whole_answers_whole() -> None:
    """A client that reads parts gets an ordinary answer when nothing is deferred."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, headers={"accept": BY_PATH})
    assert reply.headers["content-type"].startswith(GRAPHQL)
