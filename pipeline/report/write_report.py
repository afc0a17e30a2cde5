"""results.json -> what people read: report.md by a Jinja2 template, and the table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import read_json, write_atomic, write_json
from pipeline.core.model import Status
from pipeline.experiment.plan import Plan
from pipeline.report import across_workloads_text
from pipeline.report.pareto_text import tables
from pipeline.report.tables import (
    foreign,
    grid,
    half_width,
    heading,
    label,
    mark,
    markdown_code,
    markdown_text,
    native_name,
    native_speeds,
    notes,
    orders,
    rounds,
    sources,
    speed,
    unfit,
)
from pipeline.report.terminal_table import render_table


def write_report(plan: Plan) -> None:
    """Judge the plan's samples and write results.json, report.md and report.txt."""
    from pipeline.results.assemble import assemble  # numpy: not for a run that has nothing to judge

    results = assemble(plan)
    write_json(paths.RESULTS_JSON, results)
    write_atomic(paths.REPORT_MD, render_markdown(results))
    write_atomic(paths.REPORT_TXT, render_table(results))


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


def render_markdown(results: dict[str, Any]) -> str:
    """The text of report.md."""
    import jinja2

    from pipeline.stats.verdicts import MOST_SAME

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.ROOT),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; `text` below defuses what could act as markup
    )
    environment.filters["text"] = markdown_text
    environment.filters["mark"] = mark
    environment.filters["label"] = label
    environment.filters["speed"] = speed
    environment.filters["sources"] = sources
    environment.filters["code"] = markdown_code
    environment.filters["ms"] = lambda seconds: "" if seconds is None else f"{seconds * 1000:.2f}"
    environment.filters["pct"] = lambda cell: f"{half_width(cell) * 100:.1f} %"
    template = environment.get_template(paths.TEMPLATE)
    return template.render(
        results=results,
        heading=heading(results),
        native=native_name(results["workloads"]),
        native_speeds=native_speeds(results["workloads"]),
        grids=grid(results),
        elsewhere=[{**there, "grids": grid(there)} for there in results["elsewhere"]],
        foreign=foreign(results),
        unfit=unfit(results),
        orders=orders(results),
        notes=notes(results),
        tradeoffs=tables(results["tradeoffs"], results["workloads"]),
        across=across_workloads_text.markdown(results["across"], results["workloads"]),
        same_percent=f"{MOST_SAME * 100:g}",
        rounds=rounds(results),
    )
