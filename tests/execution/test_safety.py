"""What a client may send: strange, huge or hostile documents cost no more than under the reference."""

import gc
import time
import tracemalloc
from types import CodeType
from typing import Any

import graphql
import pytest
from graphql import FieldNode, GraphQLSchema, NameNode, Visitor, build_schema, parse, visit
from hypothesis import given
from hypothesis import strategies as st

from gateway.execution import Execution, NotCompiled, Request, compile_plan, rows
from gateway.execution.plan import MAX_SELECTIONS, MAX_VARIANTS
from gateway.execution.rows import EMPTY, READ, TYPENAME, row_makers

SCHEMA = build_schema("type Query { a: Query b: String c: [Query] d: Int }")


def nested(levels: int) -> Any:
    value: dict[str, Any] = {"b": "x"}
    for _ in range(levels):
        value = {"a": value, "b": "x"}
    return value


@given(keys=st.lists(st.text(), min_size=1, max_size=20, unique=True), data=st.data())
def test_rows_are_made_under_any_key(keys: list[str], data: st.DataObject) -> None:
    """Keys are constants of the compiled code, so no key can be code."""
    pattern = data.draw(st.text(alphabet=READ + EMPTY + TYPENAME, min_size=len(keys), max_size=len(keys)))
    row = tuple(range(pattern.count(READ)))
    values = iter(row)
    expected = {
        key: next(values) if kind == READ else "T" if kind == TYPENAME else None
        for key, kind in zip(keys, pattern, strict=True)
    }
    one, many = row_makers(keys, pattern, "T")
    assert one(row) == expected
    assert list(one(row)) == keys
    assert many([row, row]) == [expected, expected]


def test_source_text_never_holds_a_clients_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the aliases and names are, the generated source is the same."""
    compiled: list[str] = []

    def spy(source: str) -> CodeType:
        compiled.append(source)
        return real(source)

    real = rows._function_code
    rows._compiled.cache_clear()
    rows.rows_of.cache_clear()
    monkeypatch.setattr(rows, "_function_code", spy)
    document = parse("{ secretAlias: b other: d }")
    execution = Execution()
    for _ in range(8):
        execution.execute(SCHEMA, document, {"b": "x", "d": 1}, fallback=False)
    assert compiled
    assert not any("secret" in text or "other" in text for text in compiled)


def test_a_name_that_is_no_name_stays_data() -> None:
    """A document built by hand with a hostile alias is executed as data, cold and compiled."""
    hostile = "x': __import__('os').abort(), 'y"

    class Rename(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> FieldNode:
            return FieldNode(name=node.name, alias=NameNode(value=hostile), directives=(), arguments=())

    document = visit(parse("{ b }"), Rename())
    execution = Execution()
    for _ in range(8):
        result = execution.execute(SCHEMA, document, {"b": "1"}, fallback=False)
        assert result == graphql.ExecutionResult({hostile: "1"})


def test_a_document_too_large_is_not_kept() -> None:
    """Beyond the limit the reference runs it, and no memory is spent on a plan."""
    document = parse("{ " + " ".join(f"a{n}: b" for n in range(MAX_SELECTIONS + 1)) + " }")
    execution = Execution()
    execution.execute(SCHEMA, document, {"b": "x"})
    assert execution.fallbacks == {"document too large": 1}
    with pytest.raises(NotCompiled):
        compile_plan(SCHEMA, document)


def test_switches_do_not_multiply_without_end() -> None:
    """Ten switches have a thousand combinations; a plan keeps a few."""
    names = [f"s{n}" for n in range(10)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    document = parse(f"query ({declared}) {{ {' '.join(f'{n}: b @include(if: ${n})' for n in names)} }}")
    plan = compile_plan(SCHEMA, document)
    for number in range(200):
        switches = {name: bool(number >> place & 1) for place, name in enumerate(names)}
        result = plan.execute(Request(root_value={"b": "x"}, variable_values=switches))
        assert list(result.data) == [name for name in names if switches[name]]
        assert len(plan._variants) <= MAX_VARIANTS


def pathological() -> list[tuple[str, str, Any]]:
    doubling = "{ ...F0 } " + " ".join(
        f"fragment F{n} on Query {{ x: a {{ ...F{n + 1} }} y: a {{ ...F{n + 1} }} }}" for n in range(9)
    )
    return [
        ("aliases", "{ " + " ".join(f"a{n}: b" for n in range(3000)) + " }", nested(1)),
        ("repeats", "{ " + "b " * 3000 + "}", nested(1)),
        ("depth", "{ a " * 60 + "{ b }" + " }" * 60, nested(70)),
        ("doubling", doubling + " fragment F9 on Query { b }", nested(12)),
        ("spreads", "{ " + "...F " * 2000 + "} fragment F on Query { b d a { b } }", nested(2)),
    ]


@pytest.mark.alone
@pytest.mark.parametrize(
    ("name", "text", "root"),
    pathological(),
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 else "",
)
def test_pathological_documents_cost_no_more(name: str, text: str, root: Any) -> None:
    """A document that comes once costs what the reference's run costs, with room for a noisy machine."""
    document = parse(text)

    def cost(run: Any) -> float:
        gc.collect()
        started = time.process_time()
        for _ in range(5):
            run()
        gc.collect()  # the reference leaves its garbage for later, so later is counted as well
        return time.process_time() - started

    expected = graphql.execute(SCHEMA, document, root)
    assert Execution().execute(SCHEMA, document, root, fallback=False) == expected
    ours = min(cost(lambda: Execution().execute(SCHEMA, document, root)) for _ in range(4))
    theirs = min(cost(lambda: graphql.execute(SCHEMA, document, root)) for _ in range(4))
    assert ours <= 1.75 * theirs, f"{name}: ours {ours * 1e3:.2f} ms, reference {theirs * 1e3:.2f} ms"


@pytest.mark.alone
def test_a_thousand_plans_are_small() -> None:
    """The plans of a thousand different documents of thirty fields take less than 100 MB."""
    schema = wide_schema()
    root = {f"f{n}": {"g": 1, "h": "x"} for n in range(10)}
    execution = Execution(max_plans=1000)
    documents = [
        parse("{ " + " ".join(f"k{d}_{n}: f{n} {{ g h }}" for n in range(10)) + " }", no_location=True)
        for d in range(1000)
    ]
    tracemalloc.start()
    for document in documents:
        execution.execute(schema, document, root, fallback=False)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(execution.plans) == 1000
    assert size < 100e6, f"{size / 1e6:.1f} MB"


def wide_schema() -> GraphQLSchema:
    fields = " ".join(f"f{n}: T" for n in range(10))
    return build_schema(f"type Query {{ {fields} }} type T {{ g: Int h: String }}")
