"""The table of contenders, `contenders.toml`."""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

BENCHMARKS = Path(__file__).parents[1]
ROOT = BENCHMARKS.parent
TABLE = BENCHMARKS / "contenders.toml"

UVICORN = (
    "{python} -m uvicorn --app-dir . --port {port} --loop uvloop --http httptools --no-access-log "
    "--log-level warning --no-proxy-headers --lifespan off"
)


class Contender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the table; see the comment at its top."""

    title: str
    kind: Literal["gateway", "node", "python", "limit"]
    command: str
    path: str
    folder: str
    keeps: Literal["nothing", "entities", "answers", "bytes"]
    name: str
    environment: dict[str, str] = {}

    def words(self, port: int) -> list[str]:
        """The command's words, its placeholders filled in."""
        filled = self.command.replace("{uvicorn}", UVICORN)
        return [word.format(python=sys.executable, port=port) for word in filled.split()]


class Table(msgspec.Struct, frozen=True):
    """All contenders by name, and groups of their names."""

    contenders: dict[str, Contender]
    groups: dict[str, tuple[str, ...]]

    def named(self, names: Sequence[str]) -> list[Contender]:
        """The contenders of these names and groups, each once; raises KeyError for an unknown one."""
        found = [each for name in names for each in self.groups.get(name, (name,))]
        return [self.contenders[name] for name in dict.fromkeys(found)]


def read_table(file: Path = TABLE) -> Table:
    """Raises msgspec.ValidationError for a line that says too little, too much or something else."""
    told: dict[str, Any] = tomllib.loads(file.read_text())
    lines = {
        name: msgspec.convert({**told["defaults"], **line, "name": name}, Contender)
        for name, line in told["contenders"].items()
    }
    groups = {name: tuple(members) for name, members in told["groups"].items()}
    return Table(lines, groups)
