"""One candidate of a search in the race: rounds as of any cell, under all backends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean

from pipeline.analyses.tune import racing
from pipeline.analyses.tune.racing import Rounds
from pipeline.core.model import Cell, Status
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import measure
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.stopping_rule import machine_speeds
from pipeline.stats.undisturbed import ratios
from toolchain.model import Variant

#: How it ended, why it did not end well, and its rounds.
Outcome = tuple[Status, str, list[float | None]]


def compete(plan: Plan, variant: Variant, best: Rounds, sd: float, time_left: Callable[[], bool]) -> Outcome:
    """Measure a candidate until it is decided whether it is better than the best so far; one round at least.

    Rounds that lie there count. The first that does not end well ends it: what fails once is no winner.
    """
    samples: dict[str, list[Sample]] = {backend.name: [] for backend in plan.backends}
    rounds: list[float | None] = []
    while not rounds or (racing.goes_on(rounds, best, sd, plan.protocol.rounds) and time_left()):
        for backend in plan.backends:
            cell = Cell(plan.workloads[0], plan.toolchains[0].name, variant, backend)
            spec = MeasurementSpec(cell, plan.protocol, plan.reference_name, len(rounds) + 1)
            sample = measure(spec)
            if sample.status is not Status.OK:
                return sample.status, f"{backend.name}: {sample.reason}", []
            samples[backend.name].append(sample)
        rounds = logs(list(samples.values()))
    return Status.OK, "", rounds


def logs(samples: Sequence[Sequence[Sample]]) -> list[float | None]:
    """Of each round the mean over backends of the mean log ratio; None where one of them was disturbed.

    ``samples[i][j]`` is round j under backend i.
    """
    columns = []
    for rounds in samples:
        each = ratios([s.series() for s in rounds], machine_speeds(rounds))
        columns.append([fmean(map(math.log, xs)) if xs else None for xs in each])
    found: list[float | None] = []
    for values in zip(*columns, strict=True):
        known = [x for x in values if x is not None]
        found.append(fmean(known) if len(known) == len(values) else None)
    return found
