"""How much of a search's time is left, and how much of that its confirmation will need."""

from __future__ import annotations

import time

from pipeline.analyses.tune.trial_log import TrialLog

#: Rounds of the confirmation, of each variant and backend: at least, at most; and the share of the budget
#: that is reserved for them if it suffices for more than the least.
FINAL_ROUNDS = (6, 30)
_FINAL_SHARE = 0.15
#: For comparing the finalists, s; and how much longer than so far rounds and builds may take.
_COMPARISON_S = 2.0
_SAFETY_FACTOR = 1.15


class TimeBudget:
    """The clock of one run; what earlier runs of the same search have spent counts. Times in seconds."""

    def __init__(self, budget_s: float, log: TrialLog, cells: int, variants: int, began: float) -> None:
        """``cells`` are workloads under backends, ``variants`` those of a confirmation, at most.

        ``began`` is a time of the monotonic clock.
        """
        self._began, self._before = began, log.spent_s
        self._budget_s, self._log = budget_s, log
        self._cells, self._variants = cells, variants

    def spent(self) -> float:
        return self._before + time.monotonic() - self._began

    def left(self) -> float:
        return self._budget_s - self.spent()

    def round_s(self) -> float:
        """What a round of all cells takes, at most; a guess before the first."""
        trials = [trial for trial in self._log.trials if trial.rounds]
        rounds = sum(trial.number_of_rounds for trial in trials)
        spent = sum(trial.seconds - trial.build_seconds for trial in trials)
        return _SAFETY_FACTOR * (spent / rounds if rounds else 1.5 * self._cells)

    def build_s(self) -> float:
        """What a build takes, at most."""
        trials = self._log.trials
        return _SAFETY_FACTOR * (sum(t.build_seconds for t in trials) / len(trials) if trials else 0.5)

    def least_final(self) -> float:
        """The least that a confirmation takes."""
        return _COMPARISON_S + FINAL_ROUNDS[0] * self._variants * self.round_s()

    def reserve(self, choices: int) -> float:
        """What the end needs: for each choice of the winner a build without it, and the confirmation."""
        share = _COMPARISON_S + _FINAL_SHARE * self._budget_s
        return max(self.least_final(), share) + (choices + 2) * self.build_s()

    def final_rounds(self, variants: int) -> int:
        """How many rounds of each of so many variants there is time for."""
        least, most = FINAL_ROUNDS
        return max(least, min(most, int((self.left() - _COMPARISON_S) / (variants * self.round_s()))))
