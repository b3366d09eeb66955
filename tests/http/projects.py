"""The pages of the shop as a client's project has them: one file each, and no two fragments of one name.

In GraphiQL's tabs names may repeat. Relay wants a document's names to begin with its file's.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.http.suites import ROOT

SCHEMA = ROOT / "schema.graphql"
OPERATIONS = ROOT / "gateway" / "graphiql" / "operations"


@dataclass(frozen=True)
class Document:
    """One page: `name` is its operation's without the suffix, e.g. `HomePage` of `HomePageQuery`."""

    name: str
    text: str


def read_project() -> list[Document]:
    """All pages, with names that are unique: query `HomePageQuery`, fragment `HomePage_Shelf`."""
    return [name_apart(file.read_text("utf-8")) for file in sorted(OPERATIONS.glob("*.graphql"))]


def name_apart(text: str) -> Document:
    found = re.search(r"^query (\w+)", text, re.MULTILINE)
    assert found, text[:200]
    name = found[1]
    text = re.sub(rf"^query {name}\b", f"query {name}Query", text, flags=re.MULTILINE)
    return Document(name, re.sub(r"(^fragment |\.\.\.)(?=[A-Z])", rf"\1{name}_", text, flags=re.MULTILINE))


def write_documents(folder: Path) -> None:
    """One `.graphql` file for each page."""
    folder.mkdir()
    for document in read_project():
        (folder / f"{document.name}.graphql").write_text(document.text, "utf-8")


def write_modules(folder: Path) -> None:
    """One JavaScript module for each page, with its documents in `graphql` tags as Relay reads them.

    Relay takes a default for nullable variables only, which says the same; comments would end the tag.
    """
    folder.mkdir()
    for document in read_project():
        text = re.sub(r"^#.*\n", "", document.text.replace("! = ", " = "), flags=re.MULTILINE)
        parts = re.split(r"\n(?=fragment )", text)
        tagged = "\n".join(f"graphql`\n{part}\n`;" for part in parts)
        (folder / f"{document.name}.js").write_text(
            f"const {{ graphql }} = require('relay-runtime');\n{tagged}\n", "utf-8"
        )
