"""Code generators of other people accept `schema.graphql` and the pages of the shop as one project."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.http.projects import SCHEMA, read_project, write_documents, write_modules
from tests.http.suites import NODE, needs_node, run_node

pytestmark = pytest.mark.sockets


@needs_node
def test_graphql_codegen_types_the_pages(tmp_path: Path) -> None:
    """graphql-codegen makes TypeScript types of the schema and all pages, which the compiler accepts, strictly."""
    write_documents(tmp_path / "documents")
    assert run_node("codegen.mjs", str(SCHEMA), str(tmp_path / "documents"), str(tmp_path / "shop.ts")) == 2


@needs_node
def test_relay_compiles_the_pages(tmp_path: Path) -> None:
    """Relay's compiler makes an artefact for every operation and fragment of the pages."""
    write_modules(tmp_path / "src")
    (tmp_path / "made").mkdir()
    (tmp_path / "schema.graphql").write_text(SCHEMA.read_text("utf-8"), "utf-8")
    told = {"src": "./src", "schema": "./schema.graphql", "language": "javascript", "artifactDirectory": "./made"}
    (tmp_path / "relay.config.json").write_text(json.dumps(told))
    compiler = NODE / "node_modules" / ".bin" / "relay-compiler"
    done = subprocess.run(
        [compiler, "relay.config.json"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = {file.name.partition(".")[0] for file in (tmp_path / "made").iterdir()}
    pages = read_project()
    assert {f"{page.name}Query" for page in pages} <= made
    assert len(made) == len(pages) + sum(page.text.count("\nfragment ") for page in pages)
