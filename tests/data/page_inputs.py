"""Inputs of the page for its tests: real results, the same with hostile text everywhere, and large ones."""

import copy
import itertools
import json
from pathlib import Path

from pipeline.results import across_workloads, pareto
from pipeline.results.cells import label

HERE = Path(__file__).resolve().parent

#: Ends an attribute, an element and a script, and would then run; U+2028 ends a line in JavaScript.
HOSTILE = "\"'><img src=x onerror=alert(1)></script><script>alert(2)</script>&amp;\u2028{{7*7}}"
#: Words of ours that decide what is shown, and never come from outside.
_OWN = ("status", "verdict", "kind", "trend", "fingerprint", "unit", "what", "of")
#: Lists and keys that hold labels: workload/toolchain/variant/backend.
_LABELS = ("one", "other", "cell", "by", "alike", "cells", "series", "faster", "slower")

CLAIMS = [
    {
        "name": "wasmer-llvm-over-cranelift",
        "source": "wasmerio/wasmer issue 5195",
        "machine": "unstated",
        "statement": "Wasmer's LLVM is 2.6 times as fast as its Cranelift",
        "kind": "ratio",
        "published": {
            "ratio": 2.586,
            "scores": [30088.5, 11635.6],
            "runtimes": ["Wasmer 5.0 LLVM", "Wasmer 5.0 Cranelift"],
            "tolerance": 0.1,
        },
        "measured": {"ratio": 1.22, "low": 1.19, "high": 1.25},
        "verdict": "contradicted",
        "reason": "the published 2.59 lies above the measured interval, even widened by 10%",
        "cells": ["coremark/zig/O3/wasmer.llvm", "coremark/zig/O3/wasmer.cranelift"],
        "versions": {"coremark/zig/O3/wasmer.llvm": "wasmer 1.1.0"},
    },
    {
        "name": "m2-releases",
        "source": "wasmi-benchmarks",
        "machine": "Apple M2 Pro",
        "statement": "Wasmtime 46 is 2.5 times as fast as Wasmtime 30",
        "kind": "ratio",
        "published": {"ratio": 2.48, "scores": [None, None], "runtimes": ["46", "30"], "tolerance": 0.1},
        "measured": None,
        "verdict": "not testable here",
        "reason": "no such cell",
        "cells": [],
        "versions": {},
    },
]


def results():
    """Six levels under seven backends, two rounds; one cell is unavailable, one disturbed."""
    return json.loads((HERE / "results.json").read_text(encoding="utf-8"))


def sweep():
    """Six releases of Wasmtime."""
    return json.loads((HERE / "sweep-wasmtime.json").read_text(encoding="utf-8"))


def claims():
    return copy.deepcopy(CLAIMS)


def other_host(of, *more):
    """A host whose samples lie in the same folder: half as fast, of one backend and ``more`` labels."""
    cells = [copy.deepcopy(c) for c in of["cells"] if c["backend"] == "v8.turbofan" or label(c) in more]
    for cell in cells:
        cell.update(score=cell["score"] / 2, group=None)
    names = set(map(label, cells))
    workloads = copy.deepcopy(of["workloads"])
    for workload in workloads:
        workload["reference"]["score"] = 12345.0
    return {
        "host": {
            **of["host"],
            "cpu": "Other Processor 9000",
            "microarchitecture": "zen5",
            "fingerprint": "f0" * 32,
        },
        "created": "2026-01-02T03:04:05+00:00",
        "workloads": workloads,
        "cells": cells,
        "comparisons": [v for v in of["comparisons"] if {v["one"], v["other"]} <= names],
        "warnings": [],
    }


#: (name, title, unit, what proves it, how many times as fast as the first one's interpreters are).
_OTHERS = (
    ("json", "JSON parsing and printing", "iterations/s", "output as written down", 0.8),
    ("nbody", "N-body simulation", "runs/s", "output equal to native", 1.3),
)


def several():
    """Three workloads: the real results, and two that are made of them by scaling numbers. Not measured."""
    found = results()
    first = found["workloads"][0]
    cells, comparisons = list(found["cells"]), list(found["comparisons"])
    for name, title, unit, proof, factor in _OTHERS:
        reference = {**first["reference"], "score": first["reference"]["score"] / 700}
        about = {"name": name, "title": title, "unit": unit, "proof": proof, "stresses": f"what {name} does"}
        nothing = {"note": None, "revision": None, "sources_sha256": "ab" * 32}
        found["workloads"].append({**first, **about, **nothing, "reference": reference})
        for cell in map(copy.deepcopy, results()["cells"]):
            cell["workload"] = name
            # Native code beside itself stays what it is.
            scale = 1 if cell["kind"] == "native" else factor
            for key in ("ratio", "ratio_low", "ratio_high"):
                cell[key] = cell[key] and cell[key] * scale
            cell["score"] = cell["ratio"] and cell["ratio"] * reference["score"]
            cells.append(cell)
        for pair in map(copy.deepcopy, results()["comparisons"]):
            comparisons.append(
                {**pair, **{key: pair[key].replace("coremark", name) for key in ("one", "other")}}
            )
    found.update(cells=cells, comparisons=comparisons, tradeoffs=pareto.find(cells, comparisons))
    return {**found, "across": across_workloads.find(cells, found["workloads"])}


def full():
    """Everything that the page can show at once."""
    found = results()
    found["elsewhere"] = [other_host(found)]
    prebuilt = {"file": "coremark-minimal.wasm", "interface": "wasi", "validated": "CRCs of both seed sets"}
    next(c for c in found["cells"] if c["variant"] == "O1" and c["backend"] == "wasm3")["prebuilt"] = prebuilt
    return found, [sweep()], claims()


def poisoned(value, key=""):
    """The same JSON with hostile text after every string that may come from outside."""
    if isinstance(value, dict):
        return {
            (poisoned(k) if key in ("proof", "packages", "programs", "versions") else k): poisoned(v, k)
            for k, v in value.items()
        }
    if isinstance(value, list):
        # A cell's own "cells" are objects, a front's are labels.
        return [poisoned(item, key) for item in value]
    if not isinstance(value, str) or key in _OWN:
        return value
    if key in _LABELS:
        return "/".join(part + HOSTILE for part in value.split("/"))
    return value + HOSTILE


def large(backends=18, variants=12):
    """As many cells as a full matrix has, copied from the real ones under other names."""
    found = results()
    cells = {(c["variant"], c["backend"]): c for c in found["cells"]}
    old_variants = list(dict.fromkeys(v for v, _ in cells))
    old_backends = list(dict.fromkeys(b for _, b in cells))
    made = []
    for row, column in itertools.product(range(backends), range(variants)):
        old = cells[old_variants[column % len(old_variants)], old_backends[row % len(old_backends)]]
        new = copy.deepcopy(old)
        turn, again = row // len(old_backends), column // len(old_variants)
        new["backend"] += f"-{turn}" if turn else ""
        new["variant"] += f"-{again}" if again else ""
        made.append(new)
    names = [label(c) for c in made]
    pairs = [
        {"one": a, "other": b, "ratio": 1.0, "ratio_low": 0.9, "ratio_high": 1.1, "verdict": "undecided"}
        for a, b in itertools.combinations(names, 2)
        if sum(x != y for x, y in zip(a.split("/"), b.split("/"), strict=True)) == 1
    ]
    for pair in pairs:
        pair.update(p=1.0, p_adjusted=1.0, within=None)
    found.update(cells=made, comparisons=pairs, tradeoffs=pareto.find(made, pairs))
    return found
