#!/usr/bin/env python3
"""How long a `doit run` with nothing to do takes, and what Python and doit take by themselves.

Run it after a `doit run` that ended well, with the same choices on its command line:

    .venv/bin/python benchmarks/noop.py [protocol=quick …]

Alternates the commands, prints the fastest and the median of each, and the ratio that is promised
in docs/performance.md.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 20
PROMISED = 3


def main() -> None:
    python = sys.executable
    commands = {
        "python -c pass": [python, "-c", "pass"],
        'python -c "import doit"': [python, "-c", "import doit"],
        "doit run": [python, "-m", "doit", "run", *sys.argv[1:]],
    }
    # As a user's Python does: what pip installed has its bytecode, ours gets it at the first import.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    first = subprocess.run(commands["doit run"], cwd=ROOT, capture_output=True, text=True)
    if first.returncode or "up to date" not in first.stdout:
        sys.exit("there is something to do: run doit until it ends well, then measure the no-op")
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(REPEATS):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
            seconds[name].append(time.perf_counter() - started)
    for name, found in seconds.items():
        print(f"{name:26} fastest {min(found):.3f} s, median {statistics.median(found):.3f} s")
    ratios = [b / a for a, b in zip(seconds['python -c "import doit"'], seconds["doit run"], strict=True)]
    ratio = statistics.median(ratios)
    print(f"doit run / import doit: {ratio:.2f} (median of {REPEATS} pairs), promised: at most {PROMISED}")
    if ratio > PROMISED:
        sys.exit(1)


if __name__ == "__main__":
    main()
