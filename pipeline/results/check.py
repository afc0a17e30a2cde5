"""The verdict on a run: whether a cell went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import read_json
from pipeline.core.model import Status
from pipeline.results.cells import (
    label,
)


def check(after: Sequence[str]) -> None:
    """Fail with the list of cells that are neither ok nor merely unavailable here, or if none is ok.

    And with what went wrong in the tasks ``after`` the report.
    """
    said = [trouble.read_text("utf-8") for name in after if (trouble := Path(paths.trouble(name))).exists()]
    try:
        check_cells(read_json(paths.RESULTS_JSON)["cells"], paths.REPORT_MD)
    except ProjectError as error:
        said.insert(0, str(error))
    if said:
        raise ProjectError("\n".join(said))


def check_cells(cells: list[dict[str, Any]], where: str) -> None:
    """The same of any cells, whose report is ``where``."""
    fine = (Status.OK.value, Status.UNAVAILABLE.value)
    wrong = [cell for cell in cells if cell["status"] not in fine]
    if not wrong and all(cell["status"] != Status.OK.value for cell in cells):
        raise ProjectError(f"no cell could be measured: {cells[0]['reason']}")
    if wrong:
        lines = [f"  {label(cell)}: {cell['status']}: {cell['reason']}" for cell in wrong]
        count = f"{len(wrong)} of {len(cells)} cells have no number"
        again = f"to measure one again: rm -r {paths.samples(label(wrong[0]))}"
        raise ProjectError("\n".join([f"{count}, see {where}; {again}", *lines]))
