"""Write the table of docs/reliability.md from the log of a run of the fault suite.

.venv/bin/pytest tests/faults --long-faults --faults-log /tmp/faults.jsonl
.venv/bin/python -m tests.faults.table /tmp/faults.jsonl
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

PLACE = Path(__file__).resolve().parents[2] / "docs/reliability.md"
BEGIN, END = "<!-- made by tests/faults/table.py -->", "<!-- end -->"


def table(lines: list[str]) -> str:
    """One table a group, in the order of the file; equal faults with equal outcomes are counted together."""
    counted: dict[str, Counter[tuple[str, str]]] = {}
    for noted in map(json.loads, lines):
        group = counted.setdefault(noted["group"], Counter())
        group[noted["fault"], noted["outcome"]] += noted["times"]
    parts = []
    for group, found in sorted(counted.items(), key=lambda each: each[0].casefold()):
        rows = [f"| {fault} | {times} | {outcome} |" for (fault, outcome), times in sorted(found.items())]
        head = [f"### {group[0].upper()}{group[1:]}", "", "| fault | times | outcome |", "| -- | -: | -- |"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def main(log: str) -> None:
    text = PLACE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    made = table(Path(log).read_text(encoding="utf-8").splitlines())
    PLACE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")
    # Also the table of contents, which names the groups.
    subprocess.run([sys.executable, "-m", "mdformat", str(PLACE)], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
