#!/usr/bin/env python3
"""The same question again and again: how far do the answers lie apart?

    .venv/bin/python benchmarks/spread.py [repeats] [quiet] [disturbed]

For each optimising backend at -O3: its ratio to native by our protocol, and by what other tools do (one
long run each, one after the other) in the same time; on the machine as it is, and again with two CPU
burners next to it. Needs the artifacts and runtimes: doit run build runtime. Prints the table of
docs/measurement.md and exits with 1 if a promise is not kept.
"""

import statistics
import sys
import time
from dataclasses import dataclass, field, replace

from chunk_lengths import ask_for
from noise import burners

from pipeline.core.locks import machine_lock
from pipeline.core.model import Backend, Cell, Kind
from pipeline.coremark import validator
from pipeline.experiment import matrix
from pipeline.experiment.plan import Plan
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.session import Session
from pipeline.runtimes.backends import discover
from pipeline.runtimes.launch import start

REPEATS = 6
#: Of one answer: as many rounds as it holds.
MOST_SECONDS = 8.0
#: Largest span of our answers that is promised, and the smallest that is expected of the others.
PROMISED = {"quiet": 0.007, "disturbed": 0.015}
OTHERS = 0.10


@dataclass
class Answers:
    """Of one cell in one condition: ratios, and seconds that each took."""

    ours: list[float] = field(default_factory=list)  # where the machine let us tell
    asked: int = 0
    half_widths: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def span(values: list[float]) -> float:
    """Largest less smallest, relative to the median."""
    return (max(values) - min(values)) / statistics.median(values)


def _range(a: Answers) -> str:
    if not a.ours:
        return "none | | "
    width = statistics.median(a.half_widths)
    return f"{min(a.ours):.4f} – {max(a.ours):.4f} | {span(a.ours):.2%} | {width:.2%}"


def by_us(plan: Plan, cell: Cell, answers: Answers) -> float:
    """Ask once by our protocol; returns the seconds that it took."""
    started = time.monotonic()
    found, _ = ask_for(plan, cell, plan.protocol, MOST_SECONDS)
    answers.asked += 1
    # Marked "?" in a report: nothing that we would call an answer.
    if not found.disturbed:
        answers.ours.append(found.value)
        answers.half_widths.append(found.half_width)
    answers.seconds.append(time.monotonic() - started)
    return answers.seconds[-1]


def by_others(plan: Plan, cell: Cell, seconds: float) -> float:
    """One long run of each, native first, together as long as ours took: the ratio."""
    protocol = replace(plan.protocol, run_timeout_s=120)
    scores = []
    native = discover()["native"]
    spec = MeasurementSpec(cell, plan.protocol, plan.reference_name)
    sides: list[tuple[Backend, str]] = [
        (native, spec.reference_artifact.path),
        (cell.backend, spec.artifact.path),
    ]
    for backend, artifact in sides:
        with start(backend, protocol) as worker:
            session = Session(
                worker, backend.name, protocol, forks=backend.forks, validator=validator.CoreMark()
            )
            session.load(artifact, backend.options)
            chunk = session.calibrate()
            iterations = round(chunk * 1000 / protocol.chunk_ms * seconds / 2)
            scores.append(session.run(validator.PERFORMANCE, iterations).score)
    return scores[1] / scores[0]


def ask(plan: Plan, cells: list[Cell], repeats: int) -> dict[str, Answers]:
    found = {cell.name: Answers() for cell in cells}
    for repeat in range(repeats):
        for cell in cells:
            answers = found[cell.name]
            seconds = by_us(plan, cell, answers)
            answers.others.append(by_others(plan, cell, seconds))
            print(
                f"  {repeat + 1}/{repeats} {cell.name}: ours {len(answers.ours)} of {answers.asked} known, "
                f"{answers.ours[-1] if answers.ours else 0:.4f} in {seconds:.1f} s, "
                f"one long run each {answers.others[-1]:.4f}",
                flush=True,
            )
    return found


def main() -> None:
    words = sys.argv[1:]
    repeats = next((int(w) for w in words if w.isdigit()), REPEATS)
    conditions = [w for w in words if w in PROMISED] or list(PROMISED)
    plan = matrix.load({"variants": "O3"})
    cells = [c for c in plan.cells() if c.backend.kind is Kind.OPTIMIZING]
    kept = True
    rows = []
    for condition in conditions:
        print(f"{condition}:", flush=True)
        with machine_lock(exclusive=True), burners(2 if condition == "disturbed" else 0):
            found = ask(plan, cells, repeats)
        for name, a in found.items():
            kept &= len(a.ours) > 1 and span(a.ours) <= PROMISED[condition]
            kept &= max(a.seconds) <= MOST_SECONDS
            rows.append((condition, name, a))
        if condition == "disturbed":
            kept &= max(span(a.others) for a in found.values()) > OTHERS
    print(
        f"\n| | cell | known | ours: {repeats} answers | span | ± | one long run each, same time | span | s |"
    )
    print("|---|---|---|---|---:|---:|---|---:|---:|")
    for condition, name, a in rows:
        print(
            f"| {condition} | {name} | {len(a.ours)} of {a.asked} | {_range(a)} "
            f"| {min(a.others):.3f} – {max(a.others):.3f} | {span(a.others):.1%} | {max(a.seconds):.1f} |"
        )
    sys.exit(not kept)


if __name__ == "__main__":
    main()
