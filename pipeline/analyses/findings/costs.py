"""For how much work which compiler is worth its time."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.analyses.findings.relations import Judged, Module
from pipeline.results.model import Finding, Results

#: Of more backends that follow each other the sentence would be a table; the report has that.
_MOST_STEPS = 5


def compile_time(results: Results, judged: Judged) -> Iterator[Finding]:
    """Which backend needs least time to compile and run, by the length of the work, of the only workload.

    The steps are those of the Pareto front over all backends: each next one is shown to be faster.
    """
    (workload,) = results.workloads
    speed = workload.reference.score
    cells = {cell.label: cell for cell in results.cells}
    for front in results.pareto_fronts.compile_time_all_backends:
        steps = front.least_total_time
        if speed is None or not 1 < len(steps) <= _MOST_STEPS:
            continue
        parts = []
        for step in steps:
            cell = cells[step.cell]
            seconds = cell.measurement and cell.measurement.compile_seconds
            module = judged.name(Module(cell.workload, cell.toolchain, cell.variant))
            name = f"{cell.backend} {module} (compiles in {_duration(seconds or 0.0)})"
            until = step.until_iterations
            parts.append(f"{name} {'beyond' if until is None else f'up to {_duration(until / speed)}'}")
        text = (
            "Least time to compile and to run, of backends that compile before they run, by how long "
            f"{workload.ratio_to} code takes for the work: about {', '.join(parts)}."
        )
        yield Finding(about="compile time", text=text, comparisons=())


def _duration(seconds: float) -> str:
    """Two digits: "3.1 ms", "0.45 s", "12 s"."""
    value, unit = (seconds * 1000, "ms") if seconds < 0.1 else (seconds, "s")
    return f"{value:.2g} {unit}" if value < 99.5 else f"{value:.0f} {unit}"
