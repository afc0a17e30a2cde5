"""The verdict on a run: whether a cell failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.model import Status
from pipeline.results.model_cell import CellResult
from pipeline.results.results_json import read


def check(after: Sequence[str]) -> None:
    """Fail with the cells that are neither ok nor unavailable here, or if no cell is ok.

    And with what went wrong in the tasks ``after`` the report.
    """
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
    """The same for any cells, whose report is ``where``."""
    wrong = [cell for cell in cells if cell.status not in (Status.OK, Status.UNAVAILABLE)]
    if not wrong and not any(cell.is_ok for cell in cells):
        raise ProjectError(f"no cell could be measured: {cells[0].reason}")
    if wrong:
        lines = [f"  {cell.label}: {cell.status.value}: {cell.reason}" for cell in wrong]
        count = f"{len(wrong)} of {len(cells)} cells failed"
        again = f"to measure one again, run: rm -r {paths.samples(wrong[0].label)}"
        raise ProjectError("\n".join([f"{count}, see {where}; {again}", *lines]))
