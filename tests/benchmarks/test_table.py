from pathlib import Path

import msgspec
import pytest

from benchmarks.experiments import EXPERIMENTS
from benchmarks.harness.table import ROOT, TABLE, read_table
from benchmarks.scenarios import SCENARIOS

LINE = '[defaults]\npath = "/"\nfolder = "."\nkeeps = "nothing"\n[groups]\n[contenders.one]\n'


def test_groups_name_contenders_of_the_table() -> None:
    """A scenario cannot ask for a contender that is not there."""
    table = read_table()
    assert [name for group in table.groups.values() for name in group if name not in table.contenders] == []


def test_every_contender_has_its_program() -> None:
    """What a command names exists, and no placeholder is left in it."""
    for contender in read_table().contenders.values():
        *_, program = contender.words(port=1)
        module = f"{program.partition(':')[0].replace('.', '/')}.py"
        folder = ROOT / contender.folder
        assert program == "serve" or (folder / program).exists() or (folder / module).exists(), contender.name
        assert "{" not in " ".join(contender.words(port=1))


def test_the_first_of_each_group_is_ours_or_the_group_has_none_of_ours() -> None:
    """Ratios in the tables are relative to the gateway."""
    table = read_table()
    for group in table.groups.values():
        kinds = [table.contenders[name].kind for name in group]
        assert kinds[0] == "gateway" or "gateway" not in kinds


def test_a_group_and_its_member_are_one_contender() -> None:
    """Nobody is measured twice in one run."""
    table = read_table()
    names = [contender.name for contender in table.named(["headline", "gateway", "uncached"])]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('title = "One"\nkind = "node"\n', "missing required field `command`"),
        ('title = "One"\nkind = "java"\ncommand = "x"\n', "Invalid enum value 'java'"),
        ('title = "One"\nkind = "node"\ncommand = "x"\ncolour = "red"\n', "unknown field `colour`"),
    ],
    ids=["too little", "something else", "too much"],
)
def test_a_line_that_is_wrong_is_refused_in_words(line: str, told: str, tmp_path: Path) -> None:
    """A typing slip in the table stops the run before anything is measured."""
    file = tmp_path / "contenders.toml"
    file.write_text(LINE + line)
    with pytest.raises(msgspec.ValidationError, match=told):
        read_table(file)


def test_the_table_is_where_the_documentation_says() -> None:
    """Who adds a contender finds the table."""
    assert TABLE.name in (ROOT / "benchmarks" / "README.md").read_text()


def test_every_scenario_is_explained() -> None:
    """Who reads the results finds what each of them measured."""
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    assert [name for name in (*SCENARIOS, *EXPERIMENTS) if f"`{name}`" not in readme] == []
