"""For how much work which compiler is worth its time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pipeline.results.model import Finding, Results

#: Of more backends that follow each other the sentence would be a table; the report has that.
_MOST_STEPS = 5


def compile_time(results: Results) -> Iterator[Finding]:
    """Which backend needs least time to compile and run, by the length of the work, of the only workload.

    The steps are those of the Pareto front over all backends: each next one is shown to be faster, and really
    compiles longer.
    """
    (workload,) = results.workloads
    speed = workload.reference.score
    cells = {cell.label: cell for cell in results.cells}
    for front in results.pareto_fronts.compile_time_all_backends:
        steps = front.least_total_time
        if speed is None or not 1 < len(steps) <= _MOST_STEPS:
            continue
        # Levels of one backend often differ in neither cost nor speed: the backend is the answer.
        parts: list[str] = []
        for backend, own in itertools.groupby(steps, key=lambda step: cells[step.cell].backend):
            first, *rest = own
            measured = cells[first.cell].measurement
            seconds = (measured and measured.compile_seconds) or 0.0
            until = (rest[-1] if rest else first).until_iterations
            end = "for more" if until is None else f"up to {_duration(until / speed)}"
            end = end if parts else f"finishes first for work that takes {workload.ratio_to} code {end}"
            parts.append(f"{backend} (compiles in {_duration(seconds)}) {end}")
        if len(parts) < 2:
            continue
        text = f"Compile time included, of backends that compile before they run, {', '.join(parts)}."
        yield Finding(about="compile time", text=text, comparisons=())


def _duration(seconds: float) -> str:
    """Two digits: "3.1 ms", "0.45 s", "12 s"."""
    value, unit = (seconds * 1000, "ms") if seconds < 0.1 else (seconds, "s")
    return f"{value:.2g} {unit}" if value < 99.5 else f"{value:.0f} {unit}"
