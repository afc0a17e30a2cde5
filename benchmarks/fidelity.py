#!/usr/bin/env python3
"""Do the worker, the protocol between processes and the validation cost speed? Ours against bare scripts.

    .venv/bin/python benchmarks/fidelity.py [rounds [backends]]

Rounds of the pipeline and of benchmarks/bare.py (the runtime's own API, nothing of ours) alternate; the
same estimator looks at both. Needs the artifacts and runtimes: doit run build runtime. Promised: the
ratios agree within 1 %.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from pipeline.core import paths
from pipeline.core.artifact import Artifact
from pipeline.core.locks import machine_lock
from pipeline.core.model import Backend, Cell, Status
from pipeline.experiment import matrix
from pipeline.experiment.plan import Plan
from pipeline.measure import ratio
from pipeline.measure.measure_round import take_sample
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes.environments import loader_folder
from pipeline.runtimes.launch import hosted_by
from pipeline.stats import estimates, undisturbed
from pipeline.stats.undisturbed import Series
from toolchain.model import NATIVE, WASM

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 16
PROMISED = 0.01
#: {backend: its bare script's name}; those that are not in the matrix, or not here, are left out.
SCRIPTS = {
    "wasmtime.cranelift": "wasmtime_cranelift",
    "wasmer.llvm": "wasmer_llvm",
    "v8.turbofan": "bare_v8.mjs",
}


def bare(plan: Plan, backend: Backend, number: int) -> Series:
    """One process of the bare script."""
    python, environment = sys.executable, {"PATH": "/usr/bin:/bin"}
    runtime, script = backend.runtime, SCRIPTS[backend.name]
    if runtime.environment is not None:
        folder = (ROOT / paths.environment(runtime.environment)).absolute()
        python = str(paths.python_of(folder))
        environment["LD_LIBRARY_PATH"] = str(loader_folder(folder))
    usable = sorted(os.sched_getaffinity(0))
    processor = usable[number % len(usable)]
    name = plan.workloads[0].name
    artifacts = (Artifact(name, "zig", "O3", WASM), Artifact(name, *plan.reference_name, NATIVE))
    command = [python, str(ROOT / "benchmarks/bare.py"), script]
    if runtime.host is not None:
        host = hosted_by(runtime)
        if host is None:
            sys.exit(f"{backend.name}: {runtime.host} is not there")
        command = [host, "--no-warnings", "--no-liftoff", "--no-wasm-lazy-compilation"]
        command.append(str(ROOT / "benchmarks" / script))
    command += [*(os.path.abspath(each.path) for each in artifacts), str(plan.protocol.pairs)]
    command += [str(plan.protocol.chunk_ms / 1000)]
    if runtime.host is None:
        command.append(str(processor))
    else:  # JavaScript cannot pin itself
        command = ["taskset", "-c", str(processor), *command]
    out = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
    columns = [list(column) for column in zip(*json.loads(out), strict=True)]
    return Series(*columns)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    os.chdir(ROOT)
    plan = matrix.load({"variants": "O3", **({"backends": sys.argv[2]} if len(sys.argv) > 2 else {})})
    worst = 0.0
    for backend in plan.backends:
        if backend.name not in SCRIPTS:
            continue
        cell = Cell(plan.workloads[0], "zig", plan.variants[0], backend)
        spec = MeasurementSpec(cell, plan.protocol, plan.reference_name)
        inputs = spec.read_inputs()
        ours: list[Sample] = []
        bares: list[Series] = []
        with machine_lock(exclusive=True):
            for number in range(1, rounds + 1):
                ours.append(take_sample(replace(spec, round=number), inputs))
                if ours[-1].status is not Status.OK:
                    sys.exit(f"{backend.name}: {ours[-1].status.value}: {ours[-1].reason}")
                bares.append(bare(plan, backend, number))
        one = ratio.estimate(ours)
        speeds = ratio.machine_speeds(ours)
        every = [c / r for s in bares for c, r in zip(s.scores, s.references, strict=True)]
        other = estimates.estimate(undisturbed.undisturbed_ratios(bares, speeds), every)
        difference = estimates.compare(one, other)
        worst = max(worst, abs(difference.value - 1))
        print(
            f"{backend.name:20} ours {one.value:.4f} ±{one.half_width:.2%}, bare {other.value:.4f} "
            f"±{other.half_width:.2%}: {difference.value - 1:+.2%} "
            f"({difference.low - 1:+.2%} to {difference.high - 1:+.2%})",
            flush=True,
        )
    print(f"largest difference: {worst:.2%}, promised: at most {PROMISED:.0%}")
    sys.exit(worst > PROMISED)


if __name__ == "__main__":
    main()
