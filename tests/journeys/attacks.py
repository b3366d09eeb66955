"""What a public endpoint is sent by people who mean harm: each attack with the codes that may answer it."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON = {"content-type": "application/json"}
HOME = 'recommendations(placement: "home_popular")'
SIMILAR = 'recommendations(placement: "product_similar")'
MALFORMED = frozenset({"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"})
TOO_MUCH = frozenset({"LIMIT_EXCEEDED"})
UNREADABLE = frozenset({"BAD_REQUEST"})


@dataclass(frozen=True)
class Attack:
    """One request and the codes that refuse it."""

    name: str
    content: bytes
    codes: frozenset[str]
    method: str = "POST"
    address: str = "/graphql"
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))


def document(name: str, text: str, codes: frozenset[str] = TOO_MUCH, **more: Any) -> Attack:
    return Attack(name, json.dumps({"query": text, **more}).encode(), codes)


def nest(opening: str, levels: int, inside: str) -> str:
    return opening * levels + inside + "}" * (levels * opening.count("{") - levels * opening.count("}"))


def deep_documents() -> Iterator[Attack]:
    """Nesting of every kind that the grammar has."""
    loop = f"{SIMILAR} {{ items {{ product {{"
    for levels in (5, 20, 60):
        yield document(
            f"{levels} shelves of shelves", f"{{ {HOME} {{ items {{ product {{ {nest(loop, levels, 'id')} }}}}}}}}"
        )
    for levels in (500, 4000):
        either = TOO_MUCH | MALFORMED
        yield document(f"{levels} fields", f"{{{nest('a{', levels, 'b')}}}", either)
        yield document(f"{levels} inline fragments", f"{{{nest('...{', levels, '__typename')}}}", either)
        yield document(f"{levels} lists in a literal", f"{{a(b:{'[' * levels}{']' * levels})}}", either)
        yield document(f"{levels} objects in a literal", f"{{a(b:{'{c:' * levels}1{'}' * levels})}}", either)
        yield document(f"{levels} lists in a type", f"query($a:{'[' * levels}Int{']' * levels}){{__typename}}", either)


def wide_documents() -> Iterator[Attack]:
    """More of the same, and answers that would be large."""
    yield document("500 fields", f"{{ {HOME} {{ items {{ product {{ {'id title ' * 250} }} }} }} }}", TOO_MUCH)
    yield document("21 root fields", "{" + " ".join(f"a{n}: sources {{ source }}" for n in range(21)) + "}")
    yield document("5,000 fields", f"{{ {HOME} {{ {'title ' * 5000} }} }}")
    yield document("a page of 10,000", '{ search(query: "a", first: 10000) { totalCount } }')
    shelves = nest(f"{SIMILAR} {{ items {{ product {{ ", 2, "id")
    yield document("shelves in a page", f'{{ search(query: "a", first: 100) {{ nodes {{ {shelves} }} }} }}')
    hidden = 'query($n: Int!) { search(query: "a", first: $n) { totalCount } }'
    yield document("a page in a variable", hidden, TOO_MUCH, variables={"n": 100_000})
    yield document("11 operations", " ".join(f"query q{n} {{ __typename }}" for n in range(11)), operationName="q1")
    yield document(
        "2,000 operations", " ".join(f"query q{n} {{ __typename }}" for n in range(2000)), operationName="q1"
    )
    yield document("1,000 variables", "query(" + "".join(f"$v{n}:Int " for n in range(1000)) + "){__typename}")
    yield document("300 comments", "#\n" * 300 + "{ sources { source } }")
    yield document("90 KB in one word", "{ " + "a" * 90_000 + " }", TOO_MUCH | MALFORMED)
    yield document("90 KB of commas", "{ sources { source } }" + "," * 90_000 + "x", TOO_MUCH | MALFORMED)
    yield document(
        "90 KB in a text", '{ search(query: "' + "a" * 90_000 + '") { totalCount } }', frozenset({"BAD_USER_INPUT"})
    )


def alias_bombs() -> Iterator[Attack]:
    """The same field again and again, under names that differ or that clash."""
    for count in (31, 150, 5000):
        yield document(f"{count} aliases", "{" + " ".join(f"a{n}:__typename" for n in range(count)) + "}")
    clash = " ".join(f'... {{ x: search(query: "{n}") {{ nodes {{ x: title }} }} }}' for n in range(40))
    yield document("40 clashing fields", f"{{ {clash} }}", TOO_MUCH | MALFORMED)
    same = " ".join("x: sources { x: source }" for _ in range(120))
    yield document("120 fields to be merged", f"{{ {same} }}", TOO_MUCH | MALFORMED)


def directive_bombs() -> Iterator[Attack]:
    """Directives repeated and heaped."""
    for count in (5, 21, 300, 3000):
        yield document(
            f"{count} on one field", "{ __typename " + "@include(if: true)" * count + " }", TOO_MUCH | MALFORMED
        )
    yield document(
        "21 fields with one each", "{ sources {" + " source @skip(if: false)" * 21 + "} }", TOO_MUCH | MALFORMED
    )
    yield document(
        "unknown ones", "{ __typename " + " ".join(f"@d{n}" for n in range(200)) + " }", TOO_MUCH | MALFORMED
    )
    yield document(
        "30 deferred parts", "{ sources { source" + " ... @defer { source }" * 30 + " } }", TOO_MUCH | MALFORMED
    )


def fragment_bombs() -> Iterator[Attack]:
    """Cycles, and spreads that double at every step."""
    yield document("a cycle of one", "{ ...a } fragment a on Query { ...a }", TOO_MUCH | MALFORMED)
    yield document(
        "a cycle of two", "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", TOO_MUCH | MALFORMED
    )
    ring = " ".join(f"fragment f{n} on Query {{ ...f{(n + 1) % 49} }}" for n in range(49))
    yield document("a ring of 49", f"{{ ...f0 }} {ring}", TOO_MUCH | MALFORMED)
    for steps in (15, 40):
        spread = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(steps))
        yield document(
            f"doubled {steps} times", f"{{ ...f0 }} {spread} fragment f{steps} on Query {{ sources {{ source }} }}"
        )
    web = " ".join(
        f"fragment f{n} on Query {{ {' '.join(f'...f{m}' for m in range(12) if m != n)} }}" for n in range(12)
    )
    yield document("a web of 12", f"{{ ...f0 }} {web}", TOO_MUCH | MALFORMED)
    yield document(
        "60 fragments", "{ ...f0 } " + " ".join(f"fragment f{n} on Query {{ __typename }}" for n in range(60))
    )
    yield document("an unused fragment", "{ __typename } fragment f on Query { __typename }", MALFORMED)


def introspection() -> Iterator[Attack]:
    """Asking for the schema, once and in a circle."""
    closed = frozenset({"INTROSPECTION_DISABLED"})
    circle = nest("fields { type { ", 5, "name")
    yield document("the schema", "{ __schema { types { name } } }", closed)
    yield document("a type", '{ __type(name: "Query") { name } }', closed)
    yield document("a circle", f"{{ __schema {{ types {{ {circle} }} }} }}", closed | TOO_MUCH | MALFORMED)


def large_bodies() -> Iterator[Attack]:
    """Megabytes, said, unsaid and packed."""
    large = b'{"query":"{__typename} #' + b"x" * 10_000_000 + b'"}'
    refused = frozenset({"PAYLOAD_TOO_LARGE"})
    yield Attack("10 MB", large, refused)
    yield Attack("10 MB of blanks", b" " * 10_000_000, refused)
    yield Attack("110 KB", b'{"query":"{__typename} #' + b"x" * 110_000 + b'"}', refused)
    packed = frozenset({"UNSUPPORTED_MEDIA_TYPE"})
    yield Attack("10 MB packed", gzip.compress(large), packed, headers={**JSON, "content-encoding": "gzip"})


def unreadable_bodies() -> Iterator[Attack]:
    """JSON that is none, that means two things, or that takes a parser down."""
    bodies: dict[str, bytes] = {
        "bad UTF-8": b'{"query":"{__typename} #\xff\xfe"}',
        "overlong UTF-8": b'{"query":"{__typename} #\xc0\xaf"}',
        "half a surrogate": b'{"query":"{__typename} #\\ud800"}',
        "UTF-16": '{"query":"{__typename}"}'.encode("utf-16"),
        "a byte order mark": b'\xef\xbb\xbf{"query":"{__typename}"}',
        "two queries": b'{"query":"{__typename}","query":"{sources{source}}"}',
        "45,000 arrays": b"[" * 45_000,
        "45,000 arrays, closed": b"[" * 45_000 + b"]" * 45_000,
        "15,000 objects": b'{"a":' * 15_000,
        "deep variables": b'{"query":"{__typename}","variables":{"a":' + b"[" * 40_000 + b"]" * 40_000 + b"}}",
        "50,000 digits": b'{"query":"{__typename}","variables":{"a":' + b"9" * 50_000 + b"}}",
        "an infinite number": b'{"query":"{__typename}","variables":{"a":1e999}}',
        "not a number": b'{"query":"{__typename}","variables":{"a":NaN}}',
        "nothing": b"",
        "a number": b"5",
        "a query of numbers": b'{"query":[1,2]}',
    }
    for name, body in bodies.items():
        yield Attack(name, body, UNREADABLE)
    yield Attack(
        "a batch of 500", b"[" + b",".join([b'{"query":"{__typename}"}'] * 500) + b"]", frozenset({"BATCHING_DISABLED"})
    )


def forged_requests() -> Iterator[Attack]:
    """What a page of another site can make a browser send without asking us first."""
    body = b'{"query":"{__typename}"}'
    simple = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain;charset=application/json",
    )
    refused = frozenset({"CSRF_REFUSED", "UNSUPPORTED_MEDIA_TYPE"})
    for sort in simple:
        yield Attack(f"POST as {sort}", body, refused, headers={"content-type": sort})
    yield Attack("POST as nothing", body, refused, headers={})
    form = b"query=%7B__typename%7D"
    yield Attack("a form", form, refused, headers={"content-type": "application/x-www-form-urlencoded"})
    upload = b'--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{"query":"{__typename}"}\r\n--x--\r\n'
    yield Attack("an upload", upload, refused, headers={"content-type": "multipart/form-data; boundary=x"})
    closed = frozenset({"CSRF_REFUSED", "METHOD_NOT_ALLOWED"})
    yield Attack("a plain GET", b"", closed, "GET", "/graphql?query=%7B__typename%7D", {})


def queries_in_addresses() -> Iterator[Attack]:
    """Reads and writes by GET, which caches, logs and prefetching browsers repeat."""
    careful = {"graphql-require-preflight": "1"}
    closed = frozenset({"METHOD_NOT_ALLOWED", "GRAPHQL_VALIDATION_FAILED"})
    for name, text in (
        ("a mutation", "mutation%7B__typename%7D"),
        ("a subscription", "subscription%7B__typename%7D"),
        ("a query", "%7B__typename%7D"),
    ):
        yield Attack(f"{name} by GET", b"", closed, "GET", f"/graphql?query={text}", careful)
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        yield Attack(f"{method}", b"", frozenset({"METHOD_NOT_ALLOWED"}), method)
    long = "a" * 8_500
    yield Attack("a long address", b"", frozenset({"PAYLOAD_TOO_LARGE", ""}), "GET", f"/graphql?query={long}", careful)


def poisoned_hashes() -> Iterator[Attack]:
    """Texts under hashes that are not theirs, and hashes that are none."""

    def persisted(given: Any, query: str | None = None) -> bytes:
        body: dict[str, Any] = {"extensions": {"persistedQuery": given}}
        return json.dumps(body if query is None else {**body, "query": query}).encode()

    other = hashlib.sha256(b"{ sources { source state } }").hexdigest()
    yield Attack(
        "another text",
        persisted({"version": 1, "sha256Hash": other}, "{__typename}"),
        frozenset({"PERSISTED_QUERY_MISMATCH"}),
    )
    yield Attack(
        "... was not kept", persisted({"version": 1, "sha256Hash": other}), frozenset({"PERSISTED_QUERY_NOT_FOUND"})
    )
    bad = "{ nope }"
    own = hashlib.sha256(bad.encode()).hexdigest()
    yield Attack("an invalid text", persisted({"version": 1, "sha256Hash": own}, bad), MALFORMED)
    yield Attack(
        "... was not kept either",
        persisted({"version": 1, "sha256Hash": own}),
        frozenset({"PERSISTED_QUERY_NOT_FOUND"}),
    )
    for name, given in (
        ("no hash", {"version": 1}),
        ("a number", {"version": 1, "sha256Hash": 7}),
        ("version 2", {"version": 2, "sha256Hash": own}),
        ("a path", {"version": 1, "sha256Hash": "../../etc/passwd"}),
        ("capitals", {"version": 1, "sha256Hash": own.upper()}),
        ("a text", "x"),
        ("a list", [own]),
    ):
        yield Attack(f"hash is {name}", persisted(given, "{__typename}"), UNREADABLE)
    yield Attack("an unknown document", b'{"documentId":"sha256:00"}', frozenset({"DOCUMENT_NOT_FOUND"}))


FAMILIES = {
    "deep documents": deep_documents,
    "wide documents": wide_documents,
    "alias bombs": alias_bombs,
    "directive bombs": directive_bombs,
    "fragment bombs": fragment_bombs,
    "introspection": introspection,
    "large bodies": large_bodies,
    "unreadable bodies": unreadable_bodies,
    "forged requests": forged_requests,
    "queries in addresses": queries_in_addresses,
    "poisoned hashes": poisoned_hashes,
}
