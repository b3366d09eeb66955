"""What the figures were measured on; a figure without it means nothing."""

import json
import os
import platform
import re
import subprocess
import sysconfig
from importlib import metadata
from pathlib import Path

import msgspec

from benchmarks.harness.table import BENCHMARKS, ROOT

PYTHON_PACKAGES = (
    "strawberry-graphql", "graphql-core", "uvicorn", "uvloop", "httptools", "aiohttp", "httpx", "httpx-aiohttp",
    "aiocache", "orjson", "msgspec",
)  # fmt: skip


class Machine(msgspec.Struct, frozen=True):
    """`python_build` says whether the interpreter was built with profile-guided optimisation (PGO) and LTO."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    python_build: str
    node: str
    packages: dict[str, str]
    commit: str
    load_average: tuple[float, float, float]


def describe_machine() -> Machine:
    return Machine(
        processor=processor(),
        cores=os.cpu_count() or 0,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        python_build=python_build(),
        node=said("node", "--version"),
        packages={**python_packages(), **node_packages()},
        commit=said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        load_average=os.getloadavg(),
    )


def processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def python_build() -> str:
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    pgo = "with PGO" if "--enable-optimizations" in options else "without PGO"
    return f"{pgo}, {'with' if '--with-lto' in options else 'without'} LTO"


def python_packages() -> dict[str, str]:
    return {name: metadata.version(name) for name in PYTHON_PACKAGES if is_there(name)}


def is_there(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def node_packages() -> dict[str, str]:
    wanted: dict[str, str] = json.loads((BENCHMARKS / "contenders" / "package.json").read_text())["dependencies"]
    return wanted


def said(*words: str) -> str:
    """What a program answers; empty when it is not there."""
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
