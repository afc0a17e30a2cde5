"""The verdict on a run: whether a cell failed, or a program has no number under any wasm backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.model import Status
from pipeline.results.cells import program_name
from pipeline.results.model_cell import CellResult
from pipeline.results.results_json import read


def check(after: Sequence[str]) -> None:
    """Fail as ``check_cells`` does, and with what went wrong in the tasks ``after`` the report."""
    troubles = [
        trouble.read_text("utf-8") for name in after if (trouble := Path(paths.trouble(name))).exists()
    ]
    try:
        check_cells(read(paths.RESULTS_JSON).cells, paths.REPORT_MD)
    except ProjectError as error:
        troubles.insert(0, str(error))
    if troubles:
        raise ProjectError("\n".join(troubles))


def check_cells(cells: Sequence[CellResult], where: str) -> None:
    """Fail if a cell is neither ok nor unavailable here, or if no wasm cell of a program is ok.

    ``where`` is the report that names the reasons: what prints it has said them.
    """
    wrong = [cell for cell in cells if cell.status not in (Status.OK, Status.UNAVAILABLE)]
    if not any(cell.is_ok for cell in cells):
        found = ["no cell could be measured"]
    else:
        found = [f"{len(wrong)} of {len(cells)} cells failed"] if wrong else []
        unmeasured = programs_without_number(cells)
        if unmeasured:
            found.append(f"no wasm cell of {', '.join(unmeasured)} could be measured")
    if not found:
        return
    again = f"; to measure one again, run: rm -r {paths.samples(wrong[0].label)}" if wrong else ""
    raise ProjectError(f"{', and '.join(found)}: the reasons are listed above and in {where}{again}")


def programs_without_number(cells: Iterable[CellResult]) -> list[str]:
    """Programs (a workload, a prebuilt module) that have wasm cells, of which none is ok."""
    programs: dict[str, list[CellResult]] = {}
    for cell in cells:
        if not cell.is_native:
            programs.setdefault(program_name(cell), []).append(cell)
    return [name for name, its in programs.items() if not any(cell.is_ok for cell in its)]
