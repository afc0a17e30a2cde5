"""Parts of results.json for tests: complete and consistent, of which a test gives what matters to it."""

import math

import msgspec
from scipy.special import stdtrit

from pipeline.core.model import Kind, Status
from pipeline.results import across_workloads, pareto
from pipeline.results.model import (
    Comparison,
    HostRecord,
    ProtocolRecord,
    ReferenceResult,
    Results,
    ToolchainResult,
    WorkloadResult,
)
from pipeline.results.model_cell import CellIdentity, CellResult, InstalledPart, Measurement

#: Speed of the native reference of every workload, in its unit.
REFERENCE = 40000.0
DIGEST = "ab" * 32


def measurement(ratio=1.0, error=0.002, freedom=7.0, **changes):
    """An undisturbed ratio with the interval that its standard error (of the logarithm) gives."""
    half = min(300.0, float(stdtrit(freedom, 0.975)) * error)
    numbers = {
        "score": ratio * REFERENCE,
        "ratio": ratio,
        "ratio_low": ratio * math.exp(-half),
        "ratio_high": ratio * math.exp(half),
        "log_standard_error": error,
        "degrees_of_freedom": freedom,
        "disturbed": False,
        "rounds": 8,
        "chunks": 320,
        "rounds_used": 8,
        "pairs_used": 240,
        "warmup_chunks": 3,
        "trend": "none",
        "stop_reason": "8 rounds",
        "rank_best": None,
        "rank_worst": None,
        "round_seconds": 1.0,
        "start_seconds": 0.03,
        "runtime_seconds": 0.01,
        "compile_seconds": 0.02,
        "instantiate_seconds": 0.001,
        "first_run_seconds": 0.002,
        "code_bytes": 30000,
        "wasm_bytes": 9000,
        "peak_rss_bytes": 10**7,
        "compiler_evidence": {},
    }
    return Measurement(**{**numbers, **changes})


def disturbed(ratio=1.0, half=0.2, **changes):
    """A ratio of a machine that was too disturbed to compare it; ``half`` of its interval is relative."""
    numbers = {
        "ratio_low": ratio * (1 - half),
        "ratio_high": ratio * (1 + half),
        "log_standard_error": None,
        "degrees_of_freedom": 0.0,
        "disturbed": True,
        "rounds_used": 1,
    }
    return measurement(ratio, **{**numbers, **changes})


def of_estimate(estimate, **changes):
    """What was measured, as stats.estimates found it."""
    return measurement(
        estimate.value,
        **{
            "ratio_low": estimate.low,
            "ratio_high": estimate.high,
            "log_standard_error": estimate.error if math.isfinite(estimate.error) else None,
            "degrees_of_freedom": estimate.freedom,
            "disturbed": estimate.disturbed,
            "rounds": estimate.rounds,
            "rounds_used": estimate.rounds,
            "pairs_used": estimate.pairs,
            **changes,
        },
    )


def cell(
    name="coremark/zig/O3/wasmtime.cranelift", ratio=1.0, measured=None, version="1.0", native=None, **changes
):
    """A cell that is ok: of this ratio, or as ``measured``; ``changes`` of its other keys.

    ``native``: whether it is native code; by default that of the backend "native".
    """
    workload, toolchain, variant, backend = name.split("/")
    native = backend == "native" if native is None else native
    measured = measured or measurement(ratio, **({"wasm_bytes": None} if native else {}))
    parts = None if native else {"p": InstalledPart(version=version, sha256=DIGEST)}
    values = {
        "workload": workload,
        "toolchain": toolchain,
        "variant": variant,
        "flags": (f"-{variant}",),
        "backend": backend,
        "kind": Kind.NATIVE if native else Kind.BASELINE,
        "status": Status.OK,
        "reason": None,
        "measurement": measured,
        "wasm_sha256": None if native else DIGEST,
        "native_sha256": DIGEST if native else None,
        "identity": CellIdentity(
            name=backend.partition("@")[0].partition(".")[0], version=version, packages=parts
        ),
        "prebuilt": None,
    }
    return CellResult(**{**values, **changes})


def failed(name, status=Status.UNAVAILABLE, reason="not here", **changes):
    """A cell without a measurement."""
    ok = cell(name)
    return msgspec.structs.replace(ok, status=Status(status), reason=reason, measurement=None, **changes)


def comparison(one, verdict, other):
    """A verdict on two cells, or on two labels, with numbers that agree with it."""
    first, second = (x if isinstance(x, str) else x.label for x in (one, other))
    ratio = {"faster": 1.1, "slower": 0.9}.get(verdict, 1.0)
    same = verdict == "same within"
    return Comparison(
        cell=first,
        compared_with=second,
        ratio=ratio,
        ratio_low=ratio * 0.99,
        ratio_high=ratio * 1.01,
        p=0.5,
        p_adjusted=1.0,
        difference_bound=0.01 if same else None,
        verdict=verdict,
    )


def workload(name="coremark", **changes):
    values = {
        "name": name,
        "title": f"The program {name}",
        "stresses": "integers",
        "unit": "iterations/s",
        "validation": "output equal to native",
        "time_source": "the guest's clock",
        "note": None,
        "revision": None,
        "sources_sha256": DIGEST,
        "reference": ReferenceResult(toolchain="zig", variant="O3", score=REFERENCE, sha256=DIGEST),
    }
    return WorkloadResult(**{**values, **changes})


def host(**changes):
    values = {
        "fingerprint": DIGEST,
        "cpu": "A Processor",
        "microarchitecture": "icelake",
        "cores": 2,
        "memory_bytes": 2**33,
        "os": "Debian",
        "kernel": "Linux 6.1",
        "python": "3.11.7",
    }
    return HostRecord(**{**values, **changes})


def protocol(**changes):
    values = {
        "name": "standard",
        "rounds": 8,
        "pairs": 40,
        "undisturbed": 30,
        "chunk_ms": 10.0,
        "warmup_chunks": 3,
        "run_timeout_s": 10.0,
        "load_timeout_s": 120.0,
        "memory_mib": 2048,
        "seed": 1,
        "half_width_percent": None,
        "most_rounds": None,
        "budget_s": None,
        "confidence": 0.95,
    }
    return ProtocolRecord(**{**values, **changes})


def results(cells, comparisons=(), **changes):
    """Results with these cells, and what follows from them; workloads in the order of the cells."""
    cells = tuple(cells)
    workloads = tuple(workload(name) for name in dict.fromkeys(c.workload for c in cells))
    values = {
        "created": "2026-01-02T03:04:05+00:00",
        "host": host(),
        "protocol": protocol(),
        "preliminary": None,
        "workloads": workloads,
        "toolchains": (
            ToolchainResult(name="zig", present=True, reason=None, version="0.17.1", sha256=DIGEST),
        ),
        "cells": cells,
        "comparisons": tuple(comparisons),
        "findings": (),
        "warnings": (),
        "pareto_fronts": pareto.find_fronts(cells, comparisons),
        "across_workloads": across_workloads.compare_workloads(cells, changes.get("workloads", workloads)),
        "other_hosts": (),
    }
    return Results(**{**values, **changes})
