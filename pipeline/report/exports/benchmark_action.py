"""benchmark-action.json: ratios for github-action-benchmark, tool ``customBiggerIsBetter``.

Ratios and not scores: a hosted runner's processor differs from day to day, its ratio to native does not.
"""

from __future__ import annotations

import json

from pipeline.core.text import for_line
from pipeline.report.exports.identities import built_by, machine, runtime
from pipeline.report.exports.model import Export, Samples
from pipeline.results.cells import measured
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult, Measurement


def render(results: Results, samples: Samples) -> str:
    """[{"name", "unit", "value", "range", "extra"}] of the cells that are ok.

    "range" is half of the interval, in the value's own unit; "extra" has the interval itself.
    """
    entries = [
        {
            "name": _name(cell),
            "unit": f"ratio to {results.workload(cell.workload).ratio_to}",
            "value": numbers.ratio,
            "range": f"± {(numbers.ratio_high - numbers.ratio_low) / 2!r}",
            "extra": _extra(cell, numbers, results),
        }
        for cell, numbers in measured(results.cells)
    ]
    return json.dumps(entries, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _name(cell: CellResult) -> str:
    """The cell's label; the action puts it as code into a Markdown table, where two characters would act."""
    return for_line(cell.label).replace("`", "'").replace("|", "/")


def _extra(cell: CellResult, numbers: Measurement, results: Results) -> str:
    toolchain, digest = built_by(cell, results)
    confidence = f"{results.protocol.confidence * 100:.0f} %"
    kind = f"range of single pairs, {numbers.doubt}" if numbers.doubt else "interval"
    lines = (
        f"{confidence} {kind}: {numbers.ratio_low!r} to {numbers.ratio_high!r}",
        f"host: {machine(results.host)}",
        f"toolchain: {toolchain}, SHA-256 {digest or 'unknown'}",
        f"runtime: {runtime(cell)}",
        f"artifact: SHA-256 {cell.artifact_sha256}",
    )
    return "\n".join(lines)


EXPORTS = (Export("benchmark-action.json", "ratios for github-action-benchmark's charts", render),)
