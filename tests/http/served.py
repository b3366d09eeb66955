"""The small shop in a process of its own, on a real server."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def served(profile: str) -> Iterator[str]:
    """Serve the small shop in a process of its own; gives its host and port."""
    command = [sys.executable, "-m", "tests.http.serve", profile]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port = server.stdout.readline().strip()
            assert server.stdout.readline().strip() == "ready"
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
