"""What a plan tells of itself."""

from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate

from gateway.execution import Execution, compile_plan, executable_schema, explain
from resolvers.schema import build_schema as build_shop
from tests.execution.shop import Shop, tiles

PAGES = sorted((Path(__file__).parents[2] / "benchmarks" / "pages").glob("*.graphql"))


def test_waves_pure_subtrees_and_holes() -> None:
    """The text names the waves, the calls that are one, what is written ready, and what never is."""
    shop = Shop()
    shop.batch("Tile.related", lambda parents: [tiles("7") for _ in parents], needs=["id"])
    shop.batch("Tile.price", lambda parents: [None for _ in parents])
    query = (
        "query Q { tiles { id age related { price { amount } } price { formatted tile { id } } }"
        " o: other { price { amount } } }"
    )
    assert explain(compile_plan(shop.schema, parse(query))) == (
        "query Q\n"
        "wave 1\n"
        "  Tile.related: batch, as soon as id is known at tiles.related\n"
        "  Tile.price: batch at tiles.price and 1 more\n"
        "wave 2\n"
        "  Tile.price: batch at tiles.related.price\n"
        "pure subtrees: tiles.price.tile\n"
        "holes: tiles.age\n"
        "static cost: 7\n"
    )


def test_sources_and_costs_come_from_the_schema() -> None:
    """@seam names the source; @cost and @listSize give the price, by literal, default or assumption."""
    schema = build_schema(
        """
        directive @seam(source: String!) on FIELD_DEFINITION
        directive @cost(weight: Int!) on FIELD_DEFINITION
        directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION
        type Query { items(first: Int): Page @listSize(slicingArguments: ["first"], sizedFields: ["nodes"]) }
        type Page { nodes: [Item] total: Int }
        type Item { dear: Int @cost(weight: 5) @seam(source: "PRICING") tags: [Tag] @listSize(assumedSize: 3) }
        type Tag { name: String @cost(weight: 1) }
        """
    )
    schema.type_map["Item"].fields["dear"].resolve = lambda source, info: 1  # type: ignore[attr-defined]
    text = explain(
        compile_plan(schema, parse("query ($n: Int = 4) { items(first: $n) { total nodes { dear tags { name } } } }"))
    )
    assert "Item.dear: resolver, one by one of PRICING at items.nodes.dear" in text
    assert text.endswith("static cost: 41\n")  # 1 + 4 * (1 + 5 + 1 + 3 * 1)


def test_fragments_that_lead_back_to_themselves_end() -> None:
    """A document that was never validated is described all the same."""
    schema = build_schema("type Query { a: Query b: Int }")
    assert "static cost" in explain(compile_plan(schema, parse("{ ...F } fragment F on Query { b ...F }")))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_compile_without_fallback(path: Path) -> None:
    """Every page operation that is valid for the shop's schema is ours to run, and can be explained."""
    schema = executable_schema(build_shop())
    document = parse(path.read_text())
    if validate(schema, document):
        pytest.skip("the schema does not serve this page yet")
    execution = Execution()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and definition.name:
            plan = execution.plans.plan(schema, document, definition.name.value)
            assert explain(plan).startswith(f"{definition.operation.value} {definition.name.value}\n")
    assert not execution.fallbacks
