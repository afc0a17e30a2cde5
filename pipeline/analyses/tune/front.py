"""What speed costs, of all modules of a search: those that no other one beats in both respects."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from pipeline.analyses.tune import racing
from pipeline.analyses.tune.objective import SPEED
from pipeline.analyses.tune.search_result import FrontPoint, flag_texts
from pipeline.analyses.tune.trial_log import Trial
from pipeline.experiment.search_space import Wanted

#: In standard errors: a larger module is a step of the front only if it is so much faster.
_AHEAD = 2.0


def front(trials: Sequence[Trial], wanted: Wanted) -> tuple[FrontPoint, ...]:
    """The fastest first. Against size, or against compile time where that is wanted."""
    speeds = {i: SPEED.rounds(trial) for i, trial in enumerate(trials)}
    sd = racing.spread(speeds.values())
    points: list[tuple[float, float, FrontPoint]] = []
    for i, trial in enumerate(trials):
        mean = racing.mean(speeds[i])
        if mean is None:
            continue
        point = FrontPoint(
            **flag_texts(trial.variant),
            ratio=math.exp(mean),
            bytes=round(statistics.geometric_mean(trial.bytes.values())),
            compile_seconds=_compile_seconds(trial),
            rounds=trial.number_of_rounds,
        )
        cost = point.compile_seconds if wanted is Wanted.COMPILE else float(point.bytes)
        if cost is not None:
            error = sd / math.sqrt(len(racing.undisturbed(speeds[i])))
            points.append((cost, mean - _AHEAD * error, point))
    chosen: list[FrontPoint] = []
    least = -math.inf
    for _, sure, point in sorted(points, key=lambda each: (each[0], -each[2].ratio)):
        if sure > least:
            chosen.append(point)
            least = math.log(point.ratio)
    return tuple(reversed(chosen))


def _compile_seconds(trial: Trial) -> float | None:
    medians = []
    for rounds in trial.compile_seconds.values():
        known = [s for s in rounds if s]
        if not known:
            return None
        medians.append(statistics.median(known))
    return statistics.geometric_mean(medians) if medians else None
