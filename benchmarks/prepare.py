"""Look for the tools that the benchmarks need, and install the contenders' packages beside them."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent
CONTENDERS = BENCHMARKS / "contenders"
TOOLS = {
    "gcc": "compiles the upstreams",
    "wrk": "sends the load",
    "taskset": "binds programs to cores",
    "node": "runs the Node contenders, version 20 or later",
    "npm": "installs their packages",
}


def main() -> int:
    if platform.system() != "Linux":
        print(f"benchmarks: expected Linux and its /proc, got {platform.system()}", file=sys.stderr)
        return 1
    missing = [f"{tool} ({use})" for tool, use in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        print(f"benchmarks: expected on PATH, but not there: {', '.join(missing)}", file=sys.stderr)
        return 1
    requirements = str(BENCHMARKS / "requirements.txt")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    if not (CONTENDERS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=CONTENDERS, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
