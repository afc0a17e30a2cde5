"""One candidate of a search in the race: rounds as of any cell, of all workloads under all backends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipeline.core.model import Cell, Status
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import ensure_sample
from pipeline.measure.ratio import machine_speeds
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.stats.undisturbed import undisturbed_ratios
from toolchain.model import Variant


@dataclass(frozen=True)
class CandidateRounds:
    """How the measurement of a candidate ended, and its rounds as in trial_log.Trial."""

    status: Status
    reason: str = ""  # why it did not end well
    rounds: dict[str, list[float | None]] = field(default_factory=dict)
    compile_seconds: dict[str, list[float | None]] = field(default_factory=dict)


def measure_candidate(
    plan: Plan, variant: Variant, needs_round: Callable[[CandidateRounds], bool]
) -> CandidateRounds:
    """Measure a candidate, one round at least, and more as long as ``needs_round`` says so.

    Rounds that exist already count. The first that does not end well ends it: what fails once is no winner.
    """
    cells = search_cells(plan, variant)
    samples: dict[str, list[Sample]] = {cell_label(cell): [] for cell in cells}
    found = CandidateRounds(Status.OK)
    number = 0
    while not number or needs_round(found):
        number += 1
        for cell in cells:
            sample = ensure_sample(MeasurementSpec(cell, plan.protocol, plan.reference_name, number))
            if sample.status is not Status.OK:
                return CandidateRounds(sample.status, f"{cell_label(cell)}: {sample.reason}")
            samples[cell_label(cell)].append(sample)
        found = CandidateRounds(
            Status.OK,
            rounds={label: mean_logs(each) for label, each in samples.items()},
            compile_seconds={label: [s.compile_seconds for s in each] for label, each in samples.items()},
        )
    return found


def search_cells(plan: Plan, variant: Variant) -> list[Cell]:
    """The cells in which a search measures a variant."""
    return [
        Cell(workload, plan.toolchains[0].name, variant, backend)
        for workload in plan.workloads
        for backend in plan.backends
        if workload.native or not backend.native
    ]


def cell_label(cell: Cell) -> str:
    """A cell of a search without its variant and toolchain, which is one: "coremark/wasmtime.cranelift"."""
    return f"{cell.workload.name}/{cell.backend.name}"


def mean_logs(rounds: Sequence[Sample]) -> list[float | None]:
    """Of each round of a cell the mean log ratio to native; None where it was disturbed."""
    by_round = undisturbed_ratios([s.series() for s in rounds], machine_speeds(rounds))
    return [fmean(map(math.log, ratios)) if ratios else None for ratios in by_round]
