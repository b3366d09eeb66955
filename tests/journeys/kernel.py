"""What the kernel has noted of a process: its CPU and its memory."""

import time
from pathlib import Path

SETTLES_S = 0.01


def cpu_s(pid: int) -> float:
    """Seconds on a CPU, of all its threads together, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def settled_cpu_s(pid: int) -> float:
    """The same, after what it does behind an answer (log lines) is done."""
    time.sleep(SETTLES_S)
    return cpu_s(pid)


def memory_bytes(pid: int) -> int:
    """Resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
