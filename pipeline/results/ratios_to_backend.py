"""Ratios to a chosen backend, of programs without a native form.

Their chunks were paired with the native build of a different program. So a ratio to that is divided by the
one of the chosen backend, and the interval is that of the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.core.model import Cell, Kind
from pipeline.experiment.plan import Plan
from pipeline.stats import estimates
from pipeline.stats.estimates import Estimate


def baseline(plan: Plan, cells: Sequence[Cell], ratios: Mapping[str, Estimate]) -> Cell | None:
    """The cell that ratios are relative to: of baseline=, or else of the first optimising backend that is ok.

    At the variant of the native reference, if it was measured, so that all variants have one.
    """
    ok = [cell for cell in cells if cell.name in ratios]

    def place(cell: Cell) -> tuple[bool, bool, bool, bool]:
        return (
            cell.backend.name != plan.baseline,
            ratios[cell.name].disturbed,
            cell.backend.kind is not Kind.OPTIMIZING,
            cell.variant.name != plan.reference[1].name,
        )

    return min(ok, key=place, default=None)


def relative(ratios: Mapping[str, Estimate], base: str) -> dict[str, Estimate]:
    """Each ratio divided by that of the cell ``base``."""
    return {name: _divided(one, ratios[base], same=name == base) for name, one in ratios.items()}


def _divided(one: Estimate, base: Estimate, *, same: bool) -> Estimate:
    if same:
        error = one.error if one.disturbed else 0.0
        return replace(one, value=1.0, low=1.0, high=1.0, error=error)
    found = estimates.compare(one, base)
    return Estimate(
        found.value,
        found.low,
        found.high,
        rounds=min(one.rounds, base.rounds),
        pairs=min(one.pairs, base.pairs),
        disturbed=one.disturbed or base.disturbed,
        error=found.error,
        freedom=found.freedom,
    )
