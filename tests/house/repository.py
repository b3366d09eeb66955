"""What is under version control, as the house rules look at it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = "gateway/graphiql/assets/"
ROOMS = ("gateway", "resolvers", "clients", "sandbox")


def tracked_files() -> list[str]:
    """Paths from the root of all files that git keeps, and of new ones that it does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(path for path in set(listed.split("\0")) if path and (ROOT / path).is_file())


def own_texts() -> Iterator[tuple[str, str]]:
    """Path and text of every tracked text file that was written here, not built from others' work."""
    for path in tracked_files():
        if path.startswith(BUILT):
            continue
        try:
            yield path, (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue


def product_modules() -> list[Path]:
    return [ROOT / path for path in tracked_files() if path.endswith(".py") and path.split("/")[0] in ROOMS]
