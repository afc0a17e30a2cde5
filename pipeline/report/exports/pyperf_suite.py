"""pyperf.json: every chunk's seconds per iteration or run, for ``python -m pyperf``: stats, hist, compare_to.

The format is pyperf's JSON "1.0" (pyperf/_bench.py): metadata that all benchmarks share at the top, that
all runs of one share in the benchmark, and the rest in the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.model import Status
from pipeline.measure.sample import Sample
from pipeline.report.exports.model import Export, Results, Samples
from pipeline.report.exports.text import artifact_sha256, built_by, one_line
from pipeline.results.cells import label, things

_VERSION = "1.0"


def render(results: Results, samples: Samples) -> str:
    """The suite: a benchmark a cell that is ok, a run a round, a value a chunk, warm-ups beside them.

    pyperf opens no suite without a benchmark: where no cell is ok, it refuses the file, and rightly so.
    """
    host = results["host"]
    shared = {
        "unit": "second",
        # No "hostname", though pyperf has one: nothing of ours names a machine.
        "cpu_model_name": host["cpu"],
        "cpu_count": host["cores"],
        "platform": host["kernel"],
    }
    workloads = {workload["name"]: workload for workload in results["workloads"]}
    benchmarks = [
        _benchmark(cell, workloads[cell["workload"]], built_by(cell, results), samples[label(cell)])
        for cell in results["cells"]
        if cell["status"] == Status.OK.value
    ]
    suite = {"version": _VERSION, "metadata": _metadata(shared), "benchmarks": benchmarks}
    return json.dumps(suite, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _benchmark(
    cell: dict[str, Any],
    workload: Mapping[str, Any],
    built: tuple[str, str | None],
    rounds: Sequence[Sample],
) -> dict[str, Any]:
    toolchain, toolchain_sha256 = built
    reference = workload["reference"]
    own = {
        "name": label(cell),
        "description": f"{workload['title']}: seconds that each of a chunk's {things(workload)} took",
        "note": workload["note"],
        "workload": workload["name"],
        "revision": workload["revision"],
        "sources_sha256": workload["sources_sha256"],
        "reference": f"{reference['toolchain']}/{reference['variant']}",
        "reference_sha256": reference["sha256"],
        "flags": " ".join(cell["flags"]),
        "toolchain": toolchain,
        "toolchain_sha256": toolchain_sha256,
        "runtime": cell["identity"]["name"],
        "runtime_version": cell["identity"]["version"],
        "kind": cell["kind"],
        "artifact_sha256": artifact_sha256(cell),
        # Ours, of pairs with the reference: pyperf's own mean also has the machine's state in it.
        "ratio": cell["ratio"],
        "ratio_low": cell["ratio_low"],
        "ratio_high": cell["ratio_high"],
        "ratio_disturbed": "true" if cell["disturbed"] else None,
    }
    return {"metadata": _metadata(own), "runs": [_run(sample) for sample in rounds]}


def _run(sample: Sample) -> dict[str, Any]:
    """A round: its undisturbed chunks; all of them where it knew of none."""
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
    lines = {k: one_line(v) if isinstance(v, str) else v for k, v in values.items()}
    return {k: v for k, v in lines.items() if v not in (None, "")}


EXPORTS = (Export("pyperf.json", "every undisturbed chunk, for python -m pyperf", render),)
