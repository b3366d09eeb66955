"""The small shop in a process of its own, on a real server."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(profile: str) -> Iterator[tuple[str, int]]:
    """Serve the small shop in a process of its own; gives its host and port, and the process's id."""
    command = [sys.executable, "-m", "tests.http.serve", profile]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port = server.stdout.readline().strip()
            assert server.stdout.readline().strip() == "ready"
            yield f"127.0.0.1:{port}", server.pid
        finally:
            server.terminate()


@contextmanager
def served(profile: str) -> Iterator[str]:
    """The same for whoever needs the host and port alone."""
    with serving(profile) as (host, _):
        yield host
