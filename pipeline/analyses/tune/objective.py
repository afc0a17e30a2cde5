"""What a search wants of a candidate: speed, small modules, or short compilation. No I/O.

All are turned into numbers of which higher ones are better, logs of ratios, so that differences are shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from pipeline.analyses.tune import racing
from pipeline.analyses.tune.measure_candidate import CandidateRounds
from pipeline.analyses.tune.racing import Rounds
from pipeline.analyses.tune.trial_log import Trial
from pipeline.experiment.search_space import Goal, Wanted

#: By how many shares of size a module that is too slow is worse, for each share that it is slower.
_PENALTY = 5.0


@dataclass(frozen=True)
class Objective:
    """What is wanted, and what it is judged by: the speed of the baseline and of the fastest trial."""

    goal: Goal
    baseline: Mapping[str, float]  # {"workload/backend": mean log ratio to native}
    fastest: float | None = None  # mean log ratio over cells

    @property
    def limit(self) -> float | None:
        """The least speed that is allowed; None if any is."""
        if self.goal.slowdown is None or self.fastest is None:
            return None
        return self.fastest + math.log1p(-self.goal.slowdown)

    def rounds(self, trial: Trial | CandidateRounds) -> Rounds:
        """One number for each round, as racing.py takes them; of a size only one."""
        if self.goal.wanted is Wanted.SIZE:
            return [self._size(trial)] if isinstance(trial, Trial) else []
        if self.goal.wanted is Wanted.COMPILE:
            return _means(
                [[-math.log(s) if s else None for s in each] for each in trial.compile_seconds.values()]
            )
        return self.speeds(trial)

    def speeds(self, trial: Trial | CandidateRounds) -> Rounds:
        """Mean log ratios over cells; for WORST the least gain over the baseline."""
        if self.goal.wanted is not Wanted.WORST:
            return _means(list(trial.rounds.values()))
        gains = [
            [None if x is None or cell not in self.baseline else x - self.baseline[cell] for x in each]
            for cell, each in trial.rounds.items()
        ]
        return [
            None if None in each else min(x for x in each if x is not None)
            for each in zip(*gains, strict=True)
        ]

    def allowed(self, trial: Trial) -> bool:
        """Whether it is fast enough, as far as its rounds tell."""
        if self.limit is None:
            return bool(trial.rounds)
        speed = racing.mean(self.speeds(trial))
        return speed is not None and speed >= self.limit

    def _size(self, trial: Trial) -> float | None:
        if not trial.bytes:
            return None
        value = -fmean(math.log(number) for number in trial.bytes.values())
        speed = racing.mean(self.speeds(trial))
        if self.limit is not None and speed is not None:
            value -= _PENALTY * max(0.0, self.limit - speed)
        return value


#: Speed alone, also in a search for something else.
SPEED = Objective(Goal(), {})


def _means(columns: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Of each round the mean over cells; None where one of them has no number."""
    means: list[float | None] = []
    for by_cell in zip(*columns, strict=True):
        values = racing.undisturbed(by_cell)
        means.append(fmean(values) if len(values) == len(by_cell) else None)
    return means
