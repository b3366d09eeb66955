import re

import pytest

from tests.house.repository import ROOT, tracked_files

DOCUMENTS = [path for path in tracked_files() if path.endswith(".md")]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE_PATH = re.compile(r"`((?:gateway|resolvers|clients|sandbox|tests|docs|scripts|locks)/[\w./-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_point_at_what_is_there(document: str) -> None:
    """Every local link and every path in code marks leads to a file or folder of the repository."""
    text = (ROOT / document).read_text()
    links = [link for link in LINK.findall(text) if "://" not in link]
    gone = [link for link in links if not ((ROOT / document).parent / link).exists()]
    assert gone + [path for path in CODE_PATH.findall(text) if not (ROOT / path).exists()] == []
