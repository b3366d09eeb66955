import ast
import re

import pytest

from tests.house.repository import own_texts, product_modules, tracked_files

MAX_LINES = 400
# Written in pieces, so that this file does not hold what it forbids.
REGISTRIES = "|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.org", "npmjs" + r"\.com"))
PLACES = r"(?<![\w.~-])/" + "(?:home|root|Users|work|farm)" + r"/[\w.]"
UNFINISHED = r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b"
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base", "core", "stuff"}


def find(pattern: str) -> list[str]:
    """`path:line: text` of every match in our own files."""
    sought = re.compile(pattern)
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in own_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if sought.search(line)
    ]


@pytest.mark.parametrize("pattern", [REGISTRIES, PLACES], ids=["registry host", "path of one machine"])
def test_no_file_names_a_place_that_only_some_machines_have(pattern: str) -> None:
    """Locks, settings and texts name no package registry and no folder of somebody's machine."""
    assert find(pattern) == []


def test_nothing_is_left_unfinished() -> None:
    """No file says that something is still to be done: what is missing is named in the documentation."""
    assert find(UNFINISHED) == []


def test_the_search_finds_what_it_forbids() -> None:
    """The patterns above match what they are meant for, so an empty list means a clean tree."""
    assert re.search(REGISTRIES, "https://files.pythonhosted" + ".org/x.whl")
    assert re.search(PLACES, 'path = "/' + 'home/somebody"')
    assert re.search(UNFINISHED, "# TO" + "DO: later")
    assert not re.search(PLACES, "https://example.com/root/x and ./work/y")


def test_modules_are_named_by_nouns() -> None:
    """No module or folder has a name that could hold anything."""
    parts = {
        path: {part.removesuffix(".py") for part in path.split("/")} for path in tracked_files() if path.endswith(".py")
    }
    assert [path for path, names in parts.items() if names & EMPTY_NAMES] == []


def test_every_test_states_its_promise() -> None:
    """Each test says in one line what it proves, so a failure reads as a broken promise."""
    silent = [
        f"{path}: {node.name}"
        for path, text in own_texts()
        if path.startswith("tests/") and path.endswith(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_modules_stay_short() -> None:
    """Past 400 lines a module of the product holds a second noun."""
    lengths = {str(path): len(path.read_text().splitlines()) for path in product_modules()}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}
