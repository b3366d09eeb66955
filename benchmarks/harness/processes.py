"""Processes and what the kernel says of them: CPU time, memory, who else was on the core."""

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = 0, 1
FEW_TICKS_S = 0.5
IDLE_SHARE = 0.05


def start(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path, cores: str
) -> subprocess.Popen[bytes]:
    """Start a program bound to these cores (as `taskset -c` writes them), its output in `log`."""
    with log.open("wb") as out:
        return subprocess.Popen(
            ["taskset", "-c", cores, *words],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid: int) -> list[int]:
    """The process and all that it started."""
    found, waiting = [], [pid]
    while waiting:
        member = waiting.pop()
        found.append(member)
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            waiting += [int(child) for child in read(task).split()]
    return found


def read(file: Path) -> str:
    """A file of /proc; empty when the process is gone."""
    try:
        return file.read_text()
    except OSError:
        return ""


def cpu_s(pids: Sequence[int]) -> float:
    """User and system time that the processes have used."""
    used = 0
    for pid in pids:
        fields = read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        used += sum(map(int, fields[11:13])) if fields else 0
    return used / TICKS_PER_S


def scheduled_s(pids: Sequence[int]) -> float:
    """The same from the scheduler's nanoseconds, of the threads alive now; for spans too short for ticks."""
    used = 0
    for pid in pids:
        for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            used += int((read(file).split() or ["0"])[0])
    return used / 1e9


def resident_mb(pids: Sequence[int]) -> float:
    texts = (read(Path(f"/proc/{pid}/status")) for pid in pids)
    return sum(int(found[1]) for text in texts if (found := re.search(r"VmRSS:\s+(\d+)", text))) / 1024


def busy_s(core: int) -> float:
    """Time that a core worked for programs since boot; the network's own time, charged to nobody, is left out."""
    line = next(line for line in read(Path("/proc/stat")).splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system = map(int, line.split()[1:4])
    return (user + nice + system) / TICKS_PER_S


def wait_idle(pids: Sequence[int], limit_s: float = 20.0) -> None:
    """Wait until work left from abandoned requests is done, so that it is not counted in the next round."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        before = scheduled_s(pids)
        time.sleep(0.2)
        if scheduled_s(pids) - before < 0.2 * IDLE_SHARE:
            return


class Meter:
    """What a server used between two moments; 10 ms ticks are too coarse for short spans, so those use nanoseconds."""

    def __init__(self, pid: int) -> None:
        self._pids = family(pid)
        self._ticks, self._scheduled = cpu_s(self._pids), scheduled_s(self._pids)
        self._busy, self._started = busy_s(SERVER_CORE), time.monotonic()

    def read(self) -> tuple[float, float]:
        """CPU seconds of the server, and the share of its core that went to others."""
        ticks = cpu_s(self._pids) - self._ticks
        used = ticks if ticks > FEW_TICKS_S else scheduled_s(self._pids) - self._scheduled
        elapsed = time.monotonic() - self._started
        return used, max(0.0, busy_s(SERVER_CORE) - self._busy - ticks) / elapsed
