#!/usr/bin/env python3
"""Do two runs from scratch agree? Measures the matrix twice and compares every ratio.

    .venv/bin/python benchmarks/agreement.py [protocol=quick …]

Moves the present results/ aside and puts it back. Prints each cell's two ratios and the largest
difference among optimising backends at -O1 to -O3, of which at most 3 % is promised.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROMISED = 0.03


def measured() -> dict[str, tuple[float, str]]:
    """One run from scratch: {cell: (ratio, kind)}."""
    subprocess.run([sys.executable, "-m", "doit", "run", *sys.argv[1:]], cwd=ROOT, check=True)
    cells = json.loads((ROOT / "report" / "results.json").read_text(encoding="utf-8"))["cells"]
    return {
        f"{c['toolchain']}/{c['variant']}/{c['backend']}": (c["measurement"]["ratio"], c["kind"])
        for c in cells
        if c["status"] == "ok"
    }


def main() -> None:
    results, aside = ROOT / "results", ROOT / "build" / f"results-{os.getpid()}"
    if results.exists():
        results.rename(aside)
    runs = []
    try:
        for number in (1, 2):
            runs.append(measured())
            results.rename(ROOT / "build" / f"agreement-{os.getpid()}-{number}")
    finally:
        if aside.exists():
            aside.rename(results)
    worst = 0.0
    for cell, (ratio, kind) in runs[0].items():
        other = runs[1][cell][0]
        counts = kind == "optimizing JIT" and cell.split("/")[1] in ("O1", "O2", "O3")
        worst = max(worst, abs(other / ratio - 1) if counts else 0.0)
        print(f"{cell:32} {ratio:.4f} {other:.4f} {other / ratio - 1:+.2%}{' *' if counts else ''}")
    print(f"largest difference of those marked *: {worst:.2%}, promised: at most {PROMISED:.0%}")
    sys.exit(worst > PROMISED)


if __name__ == "__main__":
    main()
