"""Whether all contenders give the same answers, compared as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.servers import Bench, Server
from benchmarks.harness.traffic import Request

SHOWN = 160


@dataclass(frozen=True)
class Difference:
    """Where a contender's answer differs from the first one's."""

    contender: str
    request: Request
    place: str


def samples(bench: Bench) -> list[Request]:
    """A page of each kind, for a visitor and for customers of all four tiers."""
    last = bench.upstreams.products
    pages: tuple[tuple[str, dict[str, Any]], ...] = (
        ("listing", {"query": "q3", "first": 24}),
        ("listing", {"query": "q9", "first": 96}),
        ("product", {"id": "prd_p-000003"}),
        ("product", {"id": f"prd_p-{last:06d}"}),
        ("home", {}),
    )
    return [Request(page, variables, token) for page, variables in pages for token in ("", *bench.tokens[:4])]


def compare(servers: Sequence[Server], requests: Sequence[Request]) -> list[Difference]:
    """Ask everybody everything; the first server's answers are what is expected."""
    first, *others = servers
    found = []
    for request in requests:
        expected = json.loads(first.ask(request))
        if "errors" in expected:
            found.append(Difference(first.contender.name, request, f"errors: {str(expected['errors'])[:SHOWN]}"))
        for other in others:
            place = next(differences(expected, json.loads(other.ask(request))), None)
            if place is not None:
                found.append(Difference(other.contender.name, request, place))
    return found


def differences(expected: Any, got: Any, path: str = "$") -> Iterator[str]:
    """Every place where two JSON values differ; 4.0 and 4 are the same number."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in dict.fromkeys((*expected, *got)):
            if name not in expected or name not in got:
                yield f"{path}.{name}: expected it to be {'there' if name in expected else 'absent'}, got the contrary"
            else:
                yield from differences(expected[name], got[name], f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif is_other(expected, got):
        yield f"{path}: expected {str(expected)[:SHOWN]!r}, got {str(got)[:SHOWN]!r}"


def is_other(expected: Any, got: Any) -> bool:
    """Whether two leaves differ; true is no number."""
    return expected != got or isinstance(expected, bool) is not isinstance(got, bool)
