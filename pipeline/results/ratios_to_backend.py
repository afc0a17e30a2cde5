"""Programs without a native form: ratios to a chosen backend, and whether all backends print the same.

Their chunks were paired with the native build of a different program. So a ratio to that is divided by the
one of the chosen backend, and the interval is that of the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.core.model import Cell, Kind, Status
from pipeline.experiment.plan import Plan
from pipeline.results.cell_result import Rounds
from pipeline.stats import estimates
from pipeline.stats.estimates import Estimate
from pipeline.workloads.output_difference import first_difference

#: More backends than this are counted, not listed.
_MOST_NAMED = 4


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


def disagreements(cells: Sequence[Cell], collected: Mapping[str, Rounds]) -> dict[str, str]:
    """{cell: why its output is not to be believed}, of cells that ended well but do not print the same."""
    groups: dict[str, list[tuple[Cell, bytes]]] = {}
    for cell in cells:
        samples = collected[cell.name].present
        if samples and all(s.status is Status.OK and s.printed is not None for s in samples):
            for printed in {s.printed for s in samples if s.printed is not None}:
                groups.setdefault(printed.sha256, []).append((cell, printed.begin.encode("latin-1")))
    if len(groups) < 2:
        return {}
    ordered = sorted(groups.values(), key=_runtimes, reverse=True)
    most, *others = ordered
    if _runtimes(most) < 2 or _runtimes(others[0]) == _runtimes(most):
        first = first_difference(others[0][0][1], most[0][1], f"{_names(most)}:")
        reason = f"backends print different things, and none is called right: {_names(others[0])}: {first}"
        return {cell.name: reason for group in ordered for cell, _ in group}
    return {
        cell.name: f"{cell.backend.name}: {first_difference(printed, most[0][1], f'{_names(most)} print')}"
        for group in others
        for cell, printed in group
    }


def _runtimes(group: Sequence[tuple[Cell, bytes]]) -> int:
    """How many runtimes say the same independently of each other."""
    return len({cell.backend.runtime.name.partition("@")[0] for cell, _ in group})


def _names(group: Sequence[tuple[Cell, bytes]]) -> str:
    names = list(dict.fromkeys(cell.backend.name for cell, _ in group))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
