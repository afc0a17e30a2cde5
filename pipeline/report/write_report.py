"""results.json -> what people read: report.md by a Jinja2 template, and the table on the terminal."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import structs

from pipeline.analyses.claims.claim_verdicts import ClaimVerdict, check_all
from pipeline.analyses.findings.find_findings import find_findings
from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.files import write_atomic
from pipeline.core.text import for_markdown, for_markdown_code
from pipeline.experiment.plan import Plan
from pipeline.report import across_workloads_text, at_a_glance, exports
from pipeline.report.pareto_text import tables
from pipeline.report.tables import (
    grids,
    heading,
    mark,
    markdown_grid,
    markdown_table,
    notes,
    rankings,
    rounds,
    sources,
)
from pipeline.report.terminal_table import render_table
from pipeline.results import results_json
from pipeline.results.assemble import assemble
from pipeline.results.cells import (
    doubts,
    native_name,
    native_speeds,
    orders,
    prebuilt_modules,
    ratio_to,
    speed_text,
    steady_text,
)
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult
from pipeline.results.problems.failures import failures


def write_report(plan: Plan) -> None:
    """Derive the results from the plan's samples; write results.json, report.md and report.txt."""
    _write(_with_findings(assemble(plan)))


def write_preliminary(plan: Plan) -> None:
    """The same, of the rounds that there are so far; nothing where that is all of them.

    What other files in report/ say of an earlier run is removed: it would contradict these.
    """
    results = assemble(plan, preliminary=True)
    if results.preliminary is None:
        return
    for path in (paths.INDEX_HTML, *(export.path for export in exports.discover().values())):
        Path(path).unlink(missing_ok=True)
    _write(_with_findings(results))


def _with_findings(results: Results) -> Results:
    """The results with what they show. A bad claims.toml is reported by the page: here no claim is judged."""
    claims: list[ClaimVerdict] = []
    with contextlib.suppress(ProjectError):
        claims = check_all(results, [])
    return structs.replace(results, findings=find_findings(results, claims))


def _write(results: Results) -> None:
    results_json.write(paths.RESULTS_JSON, results)
    write_atomic(paths.REPORT_MD, render_markdown(results))
    write_atomic(paths.REPORT_TXT, render_table(results))


def render_markdown(results: Results) -> str:
    """The text of report.md."""
    import jinja2

    from pipeline.stats.verdicts import MOST_SAME

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paths.ROOT),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; `text` below makes harmless what could act as markup
    )
    environment.filters.update(
        text=for_markdown,
        code=for_markdown_code,
        speed=speed_text,
        steady=steady_text,
        sources=sources,
        ms=lambda seconds: "" if seconds is None else f"{seconds * 1000:.2f}",
        count=lambda number: "" if number is None else str(number),
        table=lambda grid: "\n".join(markdown_grid(grid, _entry)),
        text_table=lambda table: "\n".join(
            markdown_table(
                [(for_markdown(name), side) for name, side in table.columns],
                [list(map(for_markdown, row)) for row in table.rows],
            )
        ),
    )
    return environment.get_template(paths.TEMPLATE).render(
        results=results,
        heading=heading(results),
        native=native_name(results.workloads),
        native_speeds=native_speeds(results.workloads),
        ratio_to=ratio_to(results.workloads),
        grids=grids(results),
        other_hosts=[(other, grids(other)) for other in results.other_hosts],
        prebuilt=_prebuilt(results),
        failures=failures(results),
        doubts=doubts(results.cells),
        orders=orders(results),
        notes=notes(results),
        fronts=tables(results.pareto_fronts, results.workloads),
        across=across_workloads_text.markdown(results.across_workloads, results.workloads),
        same_percent=f"{MOST_SAME * 100:g}",
        rounds=rounds(results.cells),
        glance=list(at_a_glance.lines(results)),
        rankings=rankings(results),
    )


def _entry(cell: CellResult) -> str:
    numbers = cell.measurement
    if numbers is None:
        return cell.status.value
    half = "?" if numbers.disturbed else f"± {numbers.half_width * 100:.1f} %"
    return f"{speed_text(numbers.score)}<br>{numbers.ratio:.3f} {half}{mark(cell)}"


def _prebuilt(results: Results) -> list[list[str]]:
    """Rows of the table of prebuilt modules: name, file, bytes, SHA-256, producers, interface, validated."""
    sizes = {c.wasm_sha256: c.measurement.wasm_bytes for c in results.cells if c.prebuilt and c.measurement}
    return [
        [
            name,
            module.file,
            str(sizes.get(cell.wasm_sha256) or ""),
            cell.wasm_sha256 or "",
            "; ".join(module.producers or ()),
            module.interface,
            module.validated or "nothing",
        ]
        for name, cell, module in prebuilt_modules(results)
    ]
