#!/usr/bin/env python3
"""Are the ratios of programs of one's own those of a direct run? Ours against bare scripts.

    .venv/bin/python benchmarks/own_programs.py WORKLOAD[,WORKLOAD ...] [rounds]

For each program, which runs as a whole: rounds of the pipeline and of a bare script alternate, with the same
module and the same native executable. The scripts use wasmtime's own API and Node's own WASI, and the host's
clock. Needs the artifacts: doit run build runtime workload=WORKLOAD,… variants=O2. Promised: the ratios agree
within 5 %.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from pipeline.core.artifact import Artifact
from pipeline.core.locks import machine_lock
from pipeline.core.model import Backend, Cell, Status, Workload
from pipeline.experiment import matrix
from pipeline.experiment.plan import Plan
from pipeline.measure import ratio
from pipeline.measure.measure_round import take_sample
from pipeline.measure.open_session import inputs
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes.launch import hosted_by
from pipeline.stats import estimates, undisturbed
from pipeline.stats.undisturbed import Series
from toolchain.model import NATIVE, WASM

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, PAIRS = 6, 20
PROMISED = 0.05
BACKENDS = "wasmtime.cranelift,v8.turbofan"


def bare(plan: Plan, workload: Workload, backend: Backend, number: int) -> Series:
    """One process of the bare script."""
    built = (
        Artifact(workload.name, plan.toolchains[0].name, plan.variants[0].name, WASM),
        Artifact(workload.name, *plan.reference_name, NATIVE),
    )
    given = inputs(workload)
    description = {
        "args": [workload.name, *workload.args],
        "stdin": given.get("stdin", os.devnull),
        "files": given.get("files"),
        "env": dict(workload.env),
        "status": workload.proof.status,
    }
    usable = sorted(os.sched_getaffinity(0))
    processor = str(usable[number % len(usable)])
    names = [os.path.abspath(each.path) for each in built]
    if backend.runtime.host is None:
        command = [sys.executable, str(ROOT / "benchmarks/bare_program.py"), *names, str(PAIRS), processor]
    else:
        host = hosted_by(backend.runtime)
        if host is None:
            sys.exit(f"{backend.name}: {backend.runtime.host} is not there")
        flags = ["--no-warnings", "--no-liftoff", "--no-wasm-lazy-compilation"]
        script = str(ROOT / "benchmarks/bare_program.mjs")
        command = ["taskset", "-c", processor, host, *flags, script, *names, str(PAIRS)]
    out = subprocess.run(
        command,
        input=json.dumps(description).encode(),
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    return Series(*(list(column) for column in zip(*json.loads(out), strict=True)))


def difference(plan: Plan, workload: Workload, backend: Backend, rounds: int) -> float:
    """How far the two ratios are apart, as a share; prints both."""
    cell = Cell(workload, plan.toolchains[0].name, plan.variants[0], backend)
    spec = MeasurementSpec(cell, plan.protocol, plan.reference_name)
    read = spec.read_inputs()
    ours: list[Sample] = []
    bares: list[Series] = []
    with machine_lock(exclusive=True):
        for number in range(1, rounds + 1):
            ours.append(take_sample(replace(spec, round=number), read))
            if ours[-1].status is not Status.OK:
                sys.exit(f"{cell.name}: {ours[-1].status.value}: {ours[-1].reason}")
            bares.append(bare(plan, workload, backend, number))
    one = ratio.estimate(ours)
    speeds = undisturbed.known_speeds([undisturbed.reference_speed(series) for series in bares])
    every = [c / r for s in bares for c, r in zip(s.scores, s.references, strict=True)]
    other = estimates.estimate(undisturbed.undisturbed_ratios(bares, speeds), every)
    found = estimates.compare(one, other)
    print(
        f"{workload.name:12} {backend.name:20} ours {one.value:.4f} ±{one.half_width:.2%}, bare "
        f"{other.value:.4f} ±{other.half_width:.2%}: {found.value - 1:+.2%}",
        flush=True,
    )
    return abs(found.value - 1)


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    os.chdir(ROOT)
    plan = matrix.load({"workload": sys.argv[1], "variants": "O2", "backends": BACKENDS})
    worst = max(difference(plan, w, b, rounds) for w in plan.workloads for b in plan.backends)
    print(f"largest difference: {worst:.2%}, promised: at most {PROMISED:.0%}")
    sys.exit(worst > PROMISED)


if __name__ == "__main__":
    main()
