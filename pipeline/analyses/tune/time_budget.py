"""How much of a search's time is left, and how much of that its re-measurement will need."""

from __future__ import annotations

import time

from pipeline.analyses.tune.trial_log import Journal

#: Rounds of the re-measurement, of each variant and backend: at least, at most, and the part of the budget
#: that is kept for them if it suffices for more than the least.
FINAL_ROUNDS = (8, 30)
_FINAL_SHARE = 0.15
#: For judging, s; and how much longer than so far rounds and builds may take.
_JUDGING_S = 2.0
_DEARER = 1.15


class Pace:
    """The clock of one run; what earlier runs of the same search have spent counts. Times in seconds."""

    def __init__(self, budget_s: float, journal: Journal, backends: int, variants: int, began: float) -> None:
        """``variants`` are those of a re-measurement, at most; ``began`` is of the monotonic clock."""
        self._began, self._before = began, journal.spent_s
        self._budget_s, self._journal = budget_s, journal
        self._backends, self._variants = backends, variants

    def spent(self) -> float:
        return self._before + time.monotonic() - self._began

    def left(self) -> float:
        return self._budget_s - self.spent()

    def round_s(self) -> float:
        """What a round takes under all backends, at most; a guess before the first."""
        trials = [trial for trial in self._journal.trials if trial.rounds]
        rounds = sum(len(trial.rounds) for trial in trials)
        spent = sum(trial.seconds - trial.build_seconds for trial in trials)
        return _DEARER * (spent / rounds if rounds else 1.5 * self._backends)

    def build_s(self) -> float:
        """What a build takes, at most."""
        trials = self._journal.trials
        return _DEARER * (sum(t.build_seconds for t in trials) / len(trials) if trials else 0.5)

    def least_final(self) -> float:
        """The least that a re-measurement takes."""
        return _JUDGING_S + FINAL_ROUNDS[0] * self._variants * self.round_s()

    def reserve(self, choices: int) -> float:
        """What must be left for the end, which builds once for each choice of the winner: can it go?"""
        share = _JUDGING_S + _FINAL_SHARE * self._budget_s
        return max(self.least_final(), share) + (choices + 2) * self.build_s()

    def final_rounds(self, variants: int) -> int:
        """How many rounds of so many variants there is time for."""
        least, most = FINAL_ROUNDS
        return max(least, min(most, int((self.left() - _JUDGING_S) / (variants * self.round_s()))))
