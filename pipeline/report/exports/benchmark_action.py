"""benchmark-action.json: ratios for github-action-benchmark, tool ``customBiggerIsBetter``.

Ratios and not scores: a hosted runner's processor is another one every day, its ratio to native is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.core.model import Status
from pipeline.report.exports.model import Export, Results, Samples
from pipeline.report.exports.text import artifact_sha256, built_by, machine, one_line, versioned
from pipeline.results.cells import label

_UNIT = "ratio to native"


def render(results: Results, samples: Samples) -> str:
    """[{"name", "unit", "value", "range", "extra"}] of the cells that are ok.

    "range" is half of the interval, in the value's own unit; "extra" has the interval itself.
    """
    entries = [
        {
            "name": _name(cell),
            "unit": _UNIT,
            "value": cell["ratio"],
            "range": f"± {(cell['ratio_high'] - cell['ratio_low']) / 2!r}",
            "extra": _extra(cell, results),
        }
        for cell in results["cells"]
        if cell["status"] == Status.OK.value
    ]
    return json.dumps(entries, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _name(cell: dict[str, Any]) -> str:
    """The cell's label; the action puts it as code into a Markdown table, where two characters would act."""
    return one_line(label(cell)).replace("`", "'").replace("|", "/")


def _extra(cell: Mapping[str, Any], results: Results) -> str:
    toolchain, digest = built_by(cell, results)
    confidence = f"{results['protocol']['confidence'] * 100:.0f} %"
    kind = "range of single pairs, the machine was too disturbed" if cell["disturbed"] else "interval"
    lines = (
        f"{confidence} {kind}: {cell['ratio_low']!r} to {cell['ratio_high']!r}",
        f"host: {machine(results['host'])}",
        f"toolchain: {toolchain}, SHA-256 {digest or 'unknown'}",
        f"runtime: {versioned(cell['identity'])}",
        f"artifact: SHA-256 {artifact_sha256(cell)}",
    )
    return "\n".join(lines)


EXPORTS = (Export("benchmark-action.json", "ratios for github-action-benchmark's charts", render),)
