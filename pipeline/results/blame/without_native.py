"""Whose output is wrong, of programs without a native form: the other backends print something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.core.model import Cell, Status
from pipeline.results.blame.outputs import names
from pipeline.results.cell_result import Rounds
from pipeline.workloads.output_difference import first_difference


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
        first = first_difference(others[0][0][1], most[0][1], f"{_named(most)}:")
        reason = f"backends print different things, and none is called right: {_named(others[0])}: {first}"
        return {cell.name: reason for group in ordered for cell, _ in group}
    return {
        cell.name: f"{cell.backend.name}: {first_difference(printed, most[0][1], f'{_named(most)} print')}"
        for group in others
        for cell, printed in group
    }


def _runtimes(group: Sequence[tuple[Cell, bytes]]) -> int:
    """How many runtimes say the same independently of each other."""
    return len({cell.backend.runtime.name.partition("@")[0] for cell, _ in group})


def _named(group: Sequence[tuple[Cell, bytes]]) -> str:
    return names([cell for cell, _ in group])
