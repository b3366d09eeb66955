"""The schema as a whole: its text is in the repository, and it stands as the public contract has it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    is_specified_directive,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate,
)
from graphql.language import REMOVE, DocumentNode, Visitor, VisitorAction, visit

from gateway.graphiql import read_page_operations
from resolvers.schema import build_schema as build_ours
from resolvers.schema import export_schema
from tests.resolvers.fakes import core_schema

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT.parent / "shared" / "schema"
NO_CONTRACT = "the public contract is not beside this repository: expected a folder `shared/schema` there"
needs_contract = pytest.mark.skipif(not CONTRACT.is_dir(), reason=NO_CONTRACT)

PAGES = ("01_home", "02_category", "03_search", "04_product", "08_loyalty")
NOT_READ_YET = {"cart", "notificationSettings", "order"}
"""Fields of those pages that need systems which the schema does not have."""


def test_the_exported_text_is_the_schema() -> None:
    """`schema.graphql` is what `python -m gateway schema` prints; export it again after a change."""
    assert (ROOT / "schema.graphql").read_text("utf-8") == export_schema(build_ours())


def test_the_text_is_a_schema_by_itself() -> None:
    """Tools that read `schema.graphql` find every type and directive defined in it; ours with their descriptions."""
    read = build_schema((ROOT / "schema.graphql").read_text("utf-8"))
    ours = [directive for directive in read.directives if not is_specified_directive(directive)]
    own = {"seam", "semanticNonNull", "cost", "listSize", "inContext"}
    assert {directive.name for directive in ours} == own | {"defer", "stream"}
    assert [directive.name for directive in ours if not directive.description] == []


def named_parts() -> Iterator[tuple[str, str | None]]:
    """Every type, field, argument and enum member with its description."""
    for name, one in core_schema().type_map.items():
        if name.startswith("__") or is_specified_scalar_type(one):
            continue
        yield name, one.description
        if isinstance(one, GraphQLEnumType):
            yield from ((f"{name}.{member}", value.description) for member, value in one.values.items())
        if isinstance(one, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in one.fields.items():
                yield f"{name}.{field_name}", field.description
                yield from ((f"{name}.{field_name}({a})", arg.description) for a, arg in field.args.items())
        if isinstance(one, GraphQLInputObjectType):
            yield from ((f"{name}.{field_name}", field.description) for field_name, field in one.fields.items())


def test_everything_has_a_description() -> None:
    """Types, fields, arguments, input fields and enum members all say what they are."""
    assert [name for name, description in named_parts() if not description] == []


def test_descriptions_are_sentences() -> None:
    """A description ends like a sentence and has no trace of source code's line breaks."""
    odd = [name for name, text in named_parts() if text and (not text.endswith((".", ")")) or re.search(r"\s\s", text))]
    assert odd == []


@needs_contract
def test_what_is_implemented_stands_as_the_contract_has_it() -> None:
    """Names, nullability and directives agree with the public contract, which has its own check."""
    check = [sys.executable, str(CONTRACT / "check_subset.py"), str(ROOT / "schema.graphql")]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b0 disagreements", done.stdout)


class LeaveOut(Visitor):
    """Removes what the schema does not have yet: some fields, and mutations."""

    def enter_field(self, node: FieldNode, *_: object) -> VisitorAction:
        return REMOVE if node.name.value in NOT_READ_YET else None

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> VisitorAction:
        return REMOVE if node.operation is OperationType.MUTATION else None


@needs_contract
@pytest.mark.parametrize("page", PAGES)
def test_pages_of_the_contract_are_valid(page: str) -> None:
    """Every reading page that clients send is valid, but for the fields that are named as missing."""
    document: DocumentNode = visit(parse((CONTRACT / "operations" / f"{page}.graphql").read_text("utf-8")), LeaveOut())
    assert [error.message for error in validate(core_schema(), document)] == []
    assert "query" in print_ast(document)


@needs_contract
def test_what_is_left_out_of_the_pages_is_really_missing() -> None:
    """A field that the schema has by now must not be left out of the check above."""
    fields = {
        name
        for one in core_schema().type_map.values()
        if isinstance(one, GraphQLObjectType) and one.name in {"Customer", "PointsMovement", "Query"}
        for name in one.fields
    }
    assert fields & NOT_READ_YET == set()


def test_operations_of_the_development_page_are_valid() -> None:
    """What a newcomer runs first is valid against the schema that is served."""
    operations = read_page_operations()
    assert operations
    wrong = {page.name: validate(core_schema(), parse(page.query)) for page in operations}
    assert {name: errors for name, errors in wrong.items() if errors} == {}


def test_a_seam_is_nullable_and_names_its_source() -> None:
    """Rule 1 of the schema: one broken system costs one field, so no field at a seam may be non-null."""
    text = (ROOT / "schema.graphql").read_text("utf-8")
    seams = [line for line in text.splitlines() if "@seam(source:" in line]
    assert len(seams) > 20
    assert [line for line in seams if re.search(r"!\s*@", line)] == []
