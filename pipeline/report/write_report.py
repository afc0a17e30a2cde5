"""results.json -> what people read: report.md by a Jinja2 template, and the table on the terminal."""

from __future__ import annotations

from typing import Any

from pipeline.core import paths
from pipeline.core.files import write_atomic, write_json
from pipeline.core.text import markdown_code, markdown_text
from pipeline.experiment.plan import Plan
from pipeline.report import across_workloads_text
from pipeline.report.pareto_text import tables
from pipeline.report.tables import grid, heading, notes, rounds, sources
from pipeline.report.terminal_table import render_table
from pipeline.results.cells import (
    foreign,
    half_width,
    label,
    mark,
    native_name,
    native_speeds,
    orders,
    speed,
    unfit,
)


def write_report(plan: Plan) -> None:
    """Judge the plan's samples and write results.json, report.md and report.txt."""
    from pipeline.results.assemble import assemble  # numpy: not for a run that has nothing to judge

    results = assemble(plan)
    write_json(paths.RESULTS_JSON, results)
    write_atomic(paths.REPORT_MD, render_markdown(results))
    write_atomic(paths.REPORT_TXT, render_table(results))


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
