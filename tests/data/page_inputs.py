"""Inputs of the page for its tests: real results, the same with hostile text everywhere, and large ones."""

import itertools
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pipeline.analyses.claims.claim_verdicts import ClaimVerdict, MeasuredRatio, Published
from pipeline.analyses.sweep_results import SweepResults
from pipeline.results import across_workloads, pareto, results_json
from pipeline.results.model import OtherHost
from pipeline.results.model_cell import PrebuiltModule
from tests import factories

HERE = Path(__file__).resolve().parent

#: Ends an attribute, an element and a script, and would then run; U+2028 ends a line in JavaScript.
HOSTILE = "\"'><img src=x onerror=alert(1)></script><script>alert(2)</script>&amp;\u2028{{7*7}}"
#: Words of ours that decide what is shown, and never come from outside.
_OWN = (
    "status",
    "verdict",
    "kind",
    "trend",
    "fingerprint",
    "unit",
    "what",
    "compares",
    "cost_key",
    "created",
)
#: Lists and keys that hold labels: workload/toolchain/variant/backend.
_LABELS = (*("cell", "compared_with", "by", "indistinguishable", "cells", "series", "faster", "slower"),)
#: Keys of objects whose own keys come from outside.
_MAPS = ("compiler_evidence", "packages", "programs", "versions")

CLAIMS = (
    ClaimVerdict(
        name="wasmer-llvm-over-cranelift",
        workload="coremark",
        source="wasmerio/wasmer issue 5195",
        machine="unstated",
        statement="Wasmer's LLVM is 2.6 times as fast as its Cranelift",
        kind="ratio",
        published=Published(
            ratio=2.586,
            scores=(30088.5, 11635.6),
            runtimes=("Wasmer 5.0 LLVM", "Wasmer 5.0 Cranelift"),
            tolerance=0.1,
            unit=None,
        ),
        measured=MeasuredRatio(1.22, 1.19, 1.25),
        verdict="contradicted",
        reason="the published 2.59 is above the measured interval, even widened by 10%",
        cells=("coremark/zig/O3/wasmer.llvm", "coremark/zig/O3/wasmer.cranelift"),
        versions={"coremark/zig/O3/wasmer.llvm": "wasmer 1.1.0"},
    ),
    ClaimVerdict(
        name="m2-releases",
        workload="coremark",
        source="wasmi-benchmarks",
        machine="Apple M2 Pro",
        statement="Wasmtime 46 is 2.5 times as fast as Wasmtime 30",
        kind="ratio",
        published=Published(ratio=2.48, scores=(None, None), runtimes=("46", "30"), tolerance=0.1, unit=None),
        measured=None,
        verdict="not testable here",
        reason="no such cell",
        cells=(),
        versions={},
    ),
)


def results():
    """Six levels under seven backends, two rounds; one cell is unavailable, one disturbed."""
    return results_json.read(str(HERE / "results.json"))


def sweep():
    """Six releases of Wasmtime."""
    path = str(HERE / "sweep-wasmtime.json")
    return results_json.parse(results_json.read_bytes(path), path, SweepResults)


def with_numbers(cell, **changes):
    """The cell, if it has a measurement, with other numbers."""
    if cell.measurement is None:
        return cell
    return replace(cell, measurement=replace(cell.measurement, **changes))


def other_host(own, *more):
    """A host whose samples are in the same folder: half as fast, with one backend and ``more`` labels."""
    cells = tuple(
        with_numbers(c, score=c.measurement.score / 2, rank_best=None, rank_worst=None)
        for c in own.cells
        if c.backend == "v8.turbofan" or c.label in more
    )
    names = {c.label for c in cells}
    return OtherHost(
        host=replace(own.host, cpu="Other Processor 9000", microarchitecture="zen5", fingerprint="f0" * 32),
        created="2026-01-02T03:04:05+00:00",
        workloads=tuple(replace(w, reference=replace(w.reference, score=12345.0)) for w in own.workloads),
        cells=cells,
        comparisons=tuple(v for v in own.comparisons if {v.cell, v.compared_with} <= names),
        warnings=(),
    )


#: (name, title, unit, what validates it, how many times as fast as the first one's interpreters are).
_OTHERS = (
    ("json", "JSON parsing and printing", "iterations/s", "output as written down", 0.8),
    ("nbody", "N-body simulation", "runs/s", "output equal to native", 1.3),
)


def several():
    """Three workloads: the real results, and two that are made from them by scaling numbers. Not measured."""
    found = results()
    first = found.workloads[0]
    workloads, cells, comparisons = [first], list(found.cells), list(found.comparisons)
    for name, title, unit, validation, factor in _OTHERS:
        reference = replace(first.reference, score=first.reference.score / 700)
        about = {"title": title, "unit": unit, "validation": validation, "stresses": f"what {name} does"}
        none = {"note": None, "revision": None, "sources_sha256": "ab" * 32}
        workloads.append(replace(first, name=name, reference=reference, **about, **none))
        # Native code relative to itself stays what it is.
        cells += [
            replace(_scaled(cell, 1 if cell.is_native else factor, reference.score), workload=name)
            for cell in found.cells
        ]
        comparisons += [
            replace(
                v,
                cell=v.cell.replace("coremark", name),
                compared_with=v.compared_with.replace("coremark", name),
            )
            for v in found.comparisons
        ]
    return replace(
        found,
        workloads=tuple(workloads),
        cells=tuple(cells),
        comparisons=tuple(comparisons),
        pareto_fronts=pareto.find_fronts(cells, comparisons),
        across_workloads=across_workloads.compare_workloads(cells, workloads),
    )


def _scaled(cell, factor, reference):
    m = cell.measurement
    if m is None:
        return cell
    ratios = {key: getattr(m, key) * factor for key in ("ratio", "ratio_low", "ratio_high")}
    return with_numbers(cell, **ratios, score=ratios["ratio"] * reference)


def full():
    """Everything that the page can show at once."""
    found = results()
    module = PrebuiltModule(
        file="coremark-minimal.wasm", interface="wasi", validated="CRCs of both seed sets"
    )
    chosen = next(c for c in found.cells if c.variant == "O1" and c.backend == "wasm3")
    cells = tuple(replace(c, prebuilt=module) if c is chosen else c for c in found.cells)
    return replace(found, cells=cells, other_hosts=(other_host(found),)), [sweep()], CLAIMS


def poisoned(value, key=""):
    """The same with hostile text after every string that may come from outside."""
    if isinstance(value, Struct):
        return replace(
            value, **{name: poisoned(getattr(value, name), name) for name in value.__struct_fields__}
        )
    if isinstance(value, dict):
        return {poisoned(k) if key in _MAPS else k: poisoned(v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        # A cell's own "cells" are objects, a front's are labels.
        return type(value)(poisoned(item, key) for item in value)
    if not isinstance(value, str) or key in _OWN:
        return value
    if key in _LABELS:
        return "/".join(part + HOSTILE for part in value.split("/"))
    return value + HOSTILE


def large(backends=18, variants=12):
    """As many cells as a full matrix has, copied from the real ones under other names."""
    found = results()
    cells = {(c.variant, c.backend): c for c in found.cells}
    old_variants = list(dict.fromkeys(v for v, _ in cells))
    old_backends = list(dict.fromkeys(b for _, b in cells))
    made = []
    for row, column in itertools.product(range(backends), range(variants)):
        old = cells[old_variants[column % len(old_variants)], old_backends[row % len(old_backends)]]
        turn, again = row // len(old_backends), column // len(old_variants)
        backend = old.backend + (f"-{turn}" if turn else "")
        made.append(replace(old, backend=backend, variant=old.variant + (f"-{again}" if again else "")))
    pairs = [
        factories.comparison(a, "undecided", b)
        for a, b in itertools.combinations([c.label for c in made], 2)
        if sum(x != y for x, y in zip(a.split("/"), b.split("/"), strict=True)) == 1
    ]
    return replace(
        found, cells=tuple(made), comparisons=tuple(pairs), pareto_fronts=pareto.find_fronts(made, pairs)
    )
