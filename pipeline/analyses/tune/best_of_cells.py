"""What would be fastest for each workload under each backend alone, where a search is for several."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipeline.analyses.tune import racing
from pipeline.analyses.tune.search_result import CellBest, flag_texts
from pipeline.analyses.tune.trial_log import Trial


def best_of_cells(measured: Mapping[str, Trial], winner: Trial | None) -> tuple[CellBest, ...]:
    """The best of the modules that were measured, {module: its trial}, for each cell; none of only one."""
    cells = list(next(iter(measured.values())).rounds) if measured else []
    found = []
    for cell in cells if len(cells) > 1 else ():
        rounds = {module: trial.rounds[cell] for module, trial in measured.items()}
        best = racing.best(rounds, racing.spread(rounds.values()))
        if best is None:
            continue
        trial, mean = measured[best], racing.mean(rounds[best])
        assert mean is not None
        of_winner = None if winner is None else racing.mean(winner.rounds.get(cell, []))
        workload, _, backend = cell.partition("/")
        found.append(
            CellBest(
                workload=workload,
                backend=backend,
                **flag_texts(trial.variant),
                ratio=math.exp(mean),
                winner_ratio=None if of_winner is None else math.exp(of_winner),
                rounds=trial.number_of_rounds,
            )
        )
    return tuple(found)
