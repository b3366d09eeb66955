"""`gateway explain FILE`: what the plan of each operation of a document will do."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema, parse, validate
from graphql.language import OperationDefinitionNode

from gateway.commands.reading import CommandFailed
from gateway.edge import core_of
from gateway.execution import NotCompiled, compile_plan
from gateway.execution.explain import explain
from resolvers.schema import build_schema


def configure(parser: ArgumentParser) -> None:
    """The file to explain."""
    parser.add_argument("file", type=Path, help="a GraphQL document")


def run(given: Namespace) -> int:
    """Print the plans; raises CommandFailed for what is no document of this schema."""
    try:
        text = given.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"expected {given.file} to be a readable file, got: {error}") from None
    sys.stdout.write("\n".join(explain_document(core_of(build_schema()), text)))
    return 0


def explain_document(schema: GraphQLSchema, text: str) -> list[str]:
    """One description per operation."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise CommandFailed(f"expected a GraphQL document, got: {error.message}") from None
    errors = validate(schema, document)
    if errors:
        raise CommandFailed(f"expected a valid document, got: {'; '.join(error.message for error in errors)}")
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    names = [operation.name.value if operation.name else None for operation in operations]
    try:
        return [explain(compile_plan(schema, document, name)) for name in names]
    except NotCompiled as refusal:
        return [f"not compiled ({refusal.reason}): graphql-core runs it\n"]
