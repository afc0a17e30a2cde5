"""One candidate of a search in the race: rounds as of any cell, under all backends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipeline.analyses.tune import racing
from pipeline.analyses.tune.racing import Rounds
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
    """How the measurement of a candidate ended, and its rounds as in racing.py."""

    status: Status
    reason: str = ""  # why it did not end well
    rounds: list[float | None] = field(default_factory=list)


def measure_candidate(
    plan: Plan, variant: Variant, best: Rounds, sd: float, time_left: Callable[[], bool]
) -> CandidateRounds:
    """Measure a candidate until it is decided whether it is better than the best so far; one round at least.

    Rounds that exist already count. The first that does not end well ends it: what fails once is no winner.
    """
    samples: dict[str, list[Sample]] = {backend.name: [] for backend in plan.backends}
    rounds: list[float | None] = []
    while not rounds or (racing.needs_round(rounds, best, sd, plan.protocol.usual_rounds) and time_left()):
        for backend in plan.backends:
            cell = Cell(plan.workloads[0], plan.toolchains[0].name, variant, backend)
            spec = MeasurementSpec(cell, plan.protocol, plan.reference_name, len(rounds) + 1)
            sample = ensure_sample(spec)
            if sample.status is not Status.OK:
                return CandidateRounds(sample.status, f"{backend.name}: {sample.reason}")
            samples[backend.name].append(sample)
        rounds = mean_logs(list(samples.values()))
    return CandidateRounds(Status.OK, rounds=rounds)


def mean_logs(samples: Sequence[Sequence[Sample]]) -> list[float | None]:
    """Of each round the mean over backends of the mean log ratio; None where one of them was disturbed.

    ``samples[i][j]`` is round j under backend i.
    """
    columns = []
    for rounds in samples:
        by_round = undisturbed_ratios([s.series() for s in rounds], machine_speeds(rounds))
        columns.append([fmean(map(math.log, xs)) if xs else None for xs in by_round])
    means: list[float | None] = []
    for by_backend in zip(*columns, strict=True):
        values = racing.undisturbed(by_backend)
        means.append(fmean(values) if len(values) == len(by_backend) else None)
    return means
