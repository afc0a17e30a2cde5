"""How long protocol=precise would take, by how much the rounds of each cell differ."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.results.cells import measured
from pipeline.results.model_cell import CellResult, Measurement
from pipeline.stats import student
from pipeline.stats.estimates import CONFIDENCE

#: Of protocol=precise in matrix.toml: half of an interval relative to its ratio, and the longest that the
#: rounds of a cell take, s.
HALF_WIDTH, BUDGET_S = 0.005, 60.0


@dataclass(frozen=True)
class TimeToPrecision:
    """What is left to do until no interval is wider than HALF_WIDTH, or its cell has had BUDGET_S."""

    seconds: float
    cells: int  # that need further rounds


def time_to_precision(cells: Iterable[CellResult]) -> TimeToPrecision:
    """Of cells whose rounds differ as they did until now; cells that were disturbed take all their time."""
    seconds, number = 0.0, 0
    for _, m in measured(cells):
        if m.round_seconds is None or (m.half_width <= HALF_WIDTH and not m.disturbed):
            continue
        spent = m.rounds * m.round_seconds
        left = min(BUDGET_S, _rounds(m) * m.round_seconds) - spent
        if left > 0:
            seconds += left
            number += 1
    return TimeToPrecision(seconds, number)


def _rounds(m: Measurement) -> float:
    """The number of rounds after which its interval will be narrow enough; inf if that is not known."""
    if m.log_standard_error is None:
        return math.inf
    sd = m.log_standard_error * math.sqrt(m.rounds_used)
    most = BUDGET_S / (m.round_seconds or 1.0)
    # No fewer than with the quantile of the most rounds: a matrix may have a thousand cells.
    fewest = (student.quantile(1 - (1 - CONFIDENCE) / 2, most) * sd / HALF_WIDTH) ** 2
    used = max(m.rounds_used, math.ceil(min(fewest, most)))
    while used < most:
        if student.quantile(1 - (1 - CONFIDENCE) / 2, used - 1) * sd / math.sqrt(used) <= HALF_WIDTH:
            break
        used += 1
    # Some rounds are disturbed, now as then.
    return used * m.rounds / m.rounds_used
