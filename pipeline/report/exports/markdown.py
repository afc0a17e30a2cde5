"""results.md: a compact table for an issue or a pull request, in GitHub's Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pipeline.core import paths
from pipeline.core.text import for_github, for_markdown_code
from pipeline.report.exports.identities import machine, runtime
from pipeline.report.exports.model import Export, Samples
from pipeline.report.tables import grids, heading, markdown_grid, notes, sources
from pipeline.results.cells import doubts, native_speeds, prebuilt_modules, ratio_to, speed_text
from pipeline.results.model import MeasurementWarning, Results
from pipeline.results.model_cell import ONE_ROUND, CellResult
from pipeline.results.problems.failures import failures


def render(results: Results, samples: Samples) -> str:
    """Scores and ratios, what could not be measured, what disturbed it, and which versions were measured."""
    lines = [_heading(results), ""]
    for grid in grids(results):
        lines += [f"{for_github(grid.title)}, {for_github(grid.unit)}:", ""]
        lines += [*markdown_grid(replace(grid, unit=""), _entry, for_markdown_code), ""]
    lines += [*_reading(results), ""]
    for title, items in (
        (
            "Without a number",
            [f"{for_github(failure.text)} ({for_github(failure.where)})" for failure in failures(results)],
        ),
        ("Notes", [for_github(note) for note in notes(results)]),
        ("Warnings", [_warning(warning) for warning in results.warnings]),
    ):
        if items:
            lines += [f"{title}:", "", *(f"- {item}" for item in items), ""]
    rows = (f"| {name} | {value} |" for name, value in _versions(results))
    summary = "<details><summary>Machine, versions, digests</summary>"
    lines += [summary, "", "| | |", "|---|---|", *rows, "", "</details>"]
    return "\n".join(lines) + "\n"


def brief(results: Results) -> str:
    """The same where there is no room: how many cells have which status."""
    counts = Counter(cell.status.value for cell in results.cells)
    texts = ", ".join(f"{number} {status}" for status, number in counts.items())
    return f"{_heading(results)}\n\nCells: {texts}. The table is too long for this place: {paths.REPORT_MD}\n"


def _heading(results: Results) -> str:
    return f"### {for_github(heading(results))} on {for_github(results.host.cpu)}"


def _entry(cell: CellResult) -> str:
    """A ratio with as many digits as report.md has; of a score the whole part, or three digits."""
    numbers = cell.measurement
    if numbers is None:
        return cell.status.value
    if numbers.rounds == 1:
        return f"{speed_text(numbers.score)}<br>{numbers.ratio:.4f} ?"
    doubt = " ?" if numbers.disturbed else ""
    half = f"{numbers.half_width * 100:.2f} %"
    return f"{speed_text(numbers.score)}<br>{numbers.ratio:.4f} ± {half}{doubt}"


def _reading(results: Results) -> Iterator[str]:
    native, confidence = native_speeds(results.workloads), results.protocol.confidence
    if not native:
        yield "Nothing could be measured."
        return
    reference = results.workloads[0].reference
    name = f"{for_markdown_code(reference.toolchain)} {for_markdown_code(reference.variant)}"
    interval = f"± half of its {confidence * 100:.0f} % interval"
    to = ratio_to(results.workloads)
    yield f"Speed and the ratio to {for_github(to)} ({name}, {for_github(native)}), {interval}."
    for workload in results.workloads:
        if workload.note:
            yield for_github(workload.note)
    for doubt in doubts(results.cells):
        yield f"`?`: {doubt}; ± is only a range." if doubt != ONE_ROUND else f"`?`: {doubt}."


def _warning(warning: MeasurementWarning) -> str:
    return f"{for_github(warning.name)}: {for_github(warning.found)}; {for_github(warning.effect)}"


def _versions(results: Results) -> Iterator[tuple[str, str]]:
    """(name, value): the machine, the protocol, and the versions and digests of all that took part."""
    text, code = for_github, for_markdown_code
    protocol = results.protocol
    yield "host", text(machine(results.host))
    yield "protocol", f"{code(protocol.name)}, at least {protocol.rounds} rounds a cell"
    for workload in results.workloads:
        built = f"native reference: SHA-256 {code(workload.reference.sha256 or '')}"
        yield (
            f"workload {code(workload.name)}",
            f"{text(sources(workload))}; {built}; validated by: {text(workload.validation)}",
        )
    for tool in results.toolchains:
        known = f"{code(tool.version)}, SHA-256 {code(tool.sha256)}"
        yield f"toolchain {code(tool.name)}", known if tool.present else text(tool.reason)
    for name, cell, module in prebuilt_modules(results):
        made_by = "".join(f", {text(each)}" for each in module.producers or ())
        yield (
            f"module {code(name)}",
            f"{code(module.file)}{made_by}, SHA-256 {code(cell.wasm_sha256 or '')}, "
            f"validated: {text(module.validated or 'nothing')}",
        )
    runtimes = {runtime(cell) for cell in results.cells if not cell.is_native}
    yield "runtimes", ", ".join(map(code, sorted(runtimes)))
    yield "last sample", text(results.created or "none")


EXPORTS = (Export("results.md", "a compact table for an issue or a pull request", render),)
