"""What caches before us are told."""

from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.http.caching import MAX_TAG_BYTES, cache_headers, entity_tag, is_known
from gateway.http.ports import RequestFacts, Result
from gateway.http.rules import EdgeRules
from gateway.http.terms import CacheTerms
from tests.http.door import Reply, knock, make_endpoint
from tests.http.shop import make_schema

SCHEMA = make_schema()
PUBLIC = CacheTerms(max_age_s=30, stale_s=60, tags=frozenset({"sku:1", "dataset:price"}))


class Told:
    """An executor whose results have these terms."""

    def __init__(self, terms: CacheTerms | None, errors: tuple[Any, ...] = ()) -> None:
        self.result = Result(b'{"hello":"x"}', errors, terms=terms)

    def execute(self, facts: RequestFacts, context: Any) -> Result:
        return self.result

    async def subscribe(self, facts: RequestFacts, context: Any) -> Result:
        return self.result


async def ask(terms: CacheTerms | None, method: str = "GET", **headers: str) -> Reply:
    endpoint = make_endpoint(SCHEMA, executor=Told(terms), rules=EdgeRules(get_queries=True))
    asked = {"graphql-require-preflight": "1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if method == "POST":
        return await knock(endpoint, {"query": "{hello}"}, headers=asked)
    return await knock(endpoint, method="GET", address=urlencode({"query": "{hello}"}), headers=asked)


async def test_tells_caches_how_long_and_what_purges() -> None:
    """A public GET says for how long it may be kept, by which keys it is purged, and what its body is called."""
    reply = await ask(PUBLIC)
    assert reply.headers["cache-control"] == "public, max-age=30, stale-while-revalidate=60"
    assert reply.headers["surrogate-key"] == "dataset:price sku:1"
    assert reply.headers["etag"].startswith('W/"')
    assert {"Accept", "Accept-Encoding", "Authorization", "Origin"} <= set(reply.headers["vary"].split(", "))


async def test_lets_nobody_keep_what_is_private() -> None:
    """As soon as a customer's data is in, nothing before us may keep the answer or compare it."""
    reply = await ask(CacheTerms(max_age_s=30, is_private=True, tags=frozenset({"customer:42"})))
    assert reply.headers["cache-control"] == "private, no-store"
    assert {"surrogate-key", "etag"}.isdisjoint(reply.headers)


@pytest.mark.parametrize("terms", [None, CacheTerms(max_age_s=0)])
async def test_lets_nobody_keep_what_has_no_terms(terms: CacheTerms | None) -> None:
    """Without a promise about its age an answer is not kept."""
    assert (await ask(terms)).headers["cache-control"] == "no-store"


async def test_lets_nobody_keep_a_post() -> None:
    """Only addresses can be kept."""
    assert (await ask(PUBLIC, "POST")).headers["cache-control"] == "no-store"


async def test_lets_nobody_keep_errors() -> None:
    """An answer with an error in it is asked for again."""
    endpoint = make_endpoint(SCHEMA, rules=EdgeRules(get_queries=True))
    headers = {"graphql-require-preflight": "1"}
    reply = await knock(endpoint, method="GET", address="query={boom}", headers=headers)
    assert reply.headers["cache-control"] == "no-store"


async def test_sends_nothing_twice() -> None:
    """A client that has this very body reads 304 and no body."""
    tag = (await ask(PUBLIC)).headers["etag"]
    reply = await ask(PUBLIC, if_none_match=f'"other", {tag}')
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
    assert reply.headers["cache-control"].startswith("public")
    assert (await ask(PUBLIC, if_none_match='"other"')).status == 200


def test_names_bodies() -> None:
    """Equal bodies have equal names, others do not; weak and strong names are compared alike."""
    assert entity_tag(b"a") == entity_tag(b"a") != entity_tag(b"b")
    assert is_known(entity_tag(b"a"), {b"if-none-match": entity_tag(b"a").removeprefix(b"W/")})
    assert is_known(entity_tag(b"a"), {b"if-none-match": b"*"})
    assert not is_known(entity_tag(b"a"), {})


def test_keeps_nothing_that_it_could_not_purge() -> None:
    """An answer with more tags than a header holds is not kept at all."""
    tags = frozenset(f"sku:{number}" for number in range(MAX_TAG_BYTES // 5))
    assert cache_headers(CacheTerms(max_age_s=30, tags=tags)) == [(b"cache-control", b"no-store")]
