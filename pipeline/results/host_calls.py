"""The share of a cell's time that calls of WASI take, where the WASI is one of ours, which counts them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from pipeline.measure.sample import Sample
from pipeline.results.run_work import median_of

#: From this share on they decide a ratio.
MUCH = 0.1
#: What the cheapest call costs, ns, by the first word of a backend's name: docs/performance.md. wasm2c's are
#: system calls, as natively, and runtimes with a WASI of their own do not count.
COST_NS = {"jsc": 50, "spidermonkey": 80, "v8": 50, "wasm3": 2500, "wazero": 80}


def backend_of(sample: Sample) -> str:
    """The backend of a sample's cell, such as ``v8.liftoff``."""
    return sample.cell.rpartition("/")[2]


def least_share(samples: Sequence[Sample]) -> float | None:
    """Of the time of one cell's chunks, at least; None where it is not known."""
    cost = COST_NS.get(backend_of(samples[0]).partition(".")[0].partition("@")[0])
    calls = median_of(s.wasi_calls for s in samples)
    seconds = [s.iterations / statistics.median(s.scores) for s in samples if s.iterations and s.scores]
    if cost is None or calls is None or not seconds:
        return None
    return calls * cost * 1e-9 / statistics.median(seconds)
