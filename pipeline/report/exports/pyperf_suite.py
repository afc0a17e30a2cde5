"""pyperf.json: every chunk's seconds per iteration or run, for ``python -m pyperf``: stats, hist, compare_to.

The format is pyperf's JSON "1.0" (pyperf/_bench.py): metadata that all benchmarks share at the top, that
all runs of one share in the benchmark, and the rest in the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.core.text import for_line
from pipeline.measure.sample import Sample
from pipeline.report.exports.identities import built_by
from pipeline.report.exports.model import Export, Samples
from pipeline.results.cells import measured
from pipeline.results.model import Results, WorkloadResult
from pipeline.results.model_cell import CellResult, Measurement

_VERSION = "1.0"


def render(results: Results, samples: Samples) -> str:
    """The suite: a benchmark for each cell that is ok, a run for each round, a value for each chunk.

    pyperf opens no suite without a benchmark: if no cell is ok, it refuses the file, and rightly so.
    """
    host = results.host
    shared = {
        "unit": "second",
        # No "hostname", though pyperf has one: nothing of ours names a machine.
        "cpu_model_name": host.cpu,
        "cpu_count": host.cores,
        "platform": host.kernel,
    }
    benchmarks = [
        {
            "metadata": _metadata(
                _about(cell, numbers, results.workload(cell.workload), built_by(cell, results))
            ),
            "runs": [_run(sample) for sample in samples[cell.label]],
        }
        for cell, numbers in measured(results.cells)
    ]
    suite = {"version": _VERSION, "metadata": _metadata(shared), "benchmarks": benchmarks}
    return json.dumps(suite, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _about(
    cell: CellResult, numbers: Measurement, workload: WorkloadResult, built: tuple[str, str | None]
) -> dict[str, Any]:
    toolchain, toolchain_sha256 = built
    reference = workload.reference
    return {
        "name": cell.label,
        "description": f"{workload.title}: seconds that each of a chunk's {workload.counts} took",
        "note": workload.note,
        "workload": workload.name,
        "revision": workload.revision,
        "sources_sha256": workload.sources_sha256,
        "reference": f"{reference.toolchain}/{reference.variant}",
        "reference_sha256": reference.sha256,
        "ratio_to": workload.ratio_to,
        "flags": " ".join(cell.flags),
        "toolchain": toolchain,
        "toolchain_sha256": toolchain_sha256,
        "runtime": cell.identity.name,
        "runtime_version": cell.identity.version,
        "kind": cell.kind.value,
        "artifact_sha256": cell.artifact_sha256,
        # Of pairs with the reference: pyperf's own mean also contains the machine's state.
        "ratio": numbers.ratio,
        "ratio_low": numbers.ratio_low,
        "ratio_high": numbers.ratio_high,
        "ratio_disturbed": "true" if numbers.disturbed else None,
    }


def _run(sample: Sample) -> dict[str, Any]:
    """A round: its undisturbed chunks; all of them if it had none."""
    loops = sample.iterations or 1
    steady = sample.steady() or range(len(sample.scores))
    run: dict[str, Any] = {
        "metadata": _metadata(
            {
                "loops": loops,
                "date": sample.measured,
                "duration": sample.seconds,
                "mem_max_rss": sample.peak_rss_bytes or None,
            }
        ),
        "values": [1 / sample.scores[i] for i in steady],
    }
    if sample.warmup_scores:
        run["warmups"] = [[loops, 1 / score] for score in sample.warmup_scores]
    return run


def _metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """What pyperf takes as metadata: numbers, and texts of one line that are not empty."""
    lines = {k: for_line(v) if isinstance(v, str) else v for k, v in values.items()}
    return {k: v for k, v in lines.items() if v not in (None, "")}


EXPORTS = (Export("pyperf.json", "every undisturbed chunk, for python -m pyperf", render),)
