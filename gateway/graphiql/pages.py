"""The operations that a shop's pages send, as they stand in the tabs of GraphiQL."""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class PageOperation:
    """One tab: `query` is a GraphQL document, `variables` a JSON object as text. `name` orders the tabs."""

    name: str
    query: str
    variables: str


def read_page_operations() -> tuple[PageOperation, ...]:
    """Every `operations/<name>.graphql` with its `<name>.json`, in the order of their names."""
    folder = files("gateway.graphiql") / "operations"
    documents = [entry for entry in folder.iterdir() if entry.name.endswith(".graphql")]
    return tuple(_read(folder, document) for document in sorted(documents, key=lambda entry: entry.name))


def _read(folder: Traversable, document: Traversable) -> PageOperation:
    name = document.name.removesuffix(".graphql")
    return PageOperation(name, document.read_text("utf-8"), (folder / f"{name}.json").read_text("utf-8"))
