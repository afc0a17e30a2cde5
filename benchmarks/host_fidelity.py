#!/usr/bin/env python3
"""Does a host of an engine cost speed? Ours against programs of some ten lines around the same engine.

    .venv/bin/python benchmarks/host_fidelity.py BACKENDS [rounds]

``bare_hosts/`` has such a program for each engine; it is built as ours is, in its place. Both run the same
module, CoreMark without imports (``bare_hosts/guest.c``), in turn on one processor; a round is two new
processes. Printed is by what ours is faster, with a 95 % interval. Promised: within 1 %. Needs CoreMark's
sources: doit run build.
"""

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.core.files import sha256
from pipeline.core.locks import machine_lock
from pipeline.core.model import Backend, Kind, Protocol
from pipeline.experiment import matrix
from pipeline.measure.guest import Guest, prove
from pipeline.runtimes import launch
from pipeline.runtimes.engines import provision, record
from pipeline.runtimes.engines.build import copy_sources
from pipeline.runtimes.engines.languages import Job, builder_of
from pipeline.runtimes.engines.manifest import Engine, command_line
from pipeline.runtimes.engines.progress import Progress
from pipeline.runtimes.launch import filled, hosted_by
from pipeline.stats import student

ROOT = Path(__file__).resolve().parent.parent
BARE = ROOT / "benchmarks/bare_hosts"
MADE = ROOT / "build/bare"
ROUNDS = 6
#: Of a round: pairs at least, and seconds of pairs.
PAIRS, PAIRS_S = 10, 6.0
PROMISED = 0.01
#: {language: what of an engine's sources the bare program is put in place of, the rest of that folder goes}
MAIN = {"rust": "src/main.rs", "go": "main.go", "java": "Host.java", "c": "host.c"}
#: Of the module, {whether it is for an interpreter: iterations}: a run of some 0.1 s.
ITERATIONS = {False: 4000, True: 200}
#: For how long both run before pairs count, s; code that is compiled while it runs gets as much as it needs.
WARM_S, SETTLE_S = 0.5, 10.0


def guest(iterations: int) -> Path:
    """The module, by the bundled compiler."""
    made, coremark = MADE / f"guest-{iterations}.wasm", ROOT / "third_party/coremark"
    if not made.exists():
        names = ("list_join", "main", "matrix", "state", "util")
        sources = [str(BARE / "guest.c"), *(str(coremark / f"core_{name}.c") for name in names)]
        renamed = ("main=coremark_main", "printf=unprinted", 'FLAGS_STR=""', f'ITERATIONS="{iterations}"')
        defined = [f"-D{each}" for each in renamed]
        # No _start of the C library's own.
        target = ["-target", "wasm32-wasi", "-O3", "-mexec-model=reactor", "-Wl,--export=_start", "-s"]
        command = [sys.executable, "-m", "ziglang", "cc", *target, *defined, "-I", str(coremark), *sources]
        subprocess.run([*command, "-o", str(made)], check=True)
    return made


def bare_program(engine: Engine, source: Path) -> Path:
    """The folder of the bare host, built as the engine's own with other sources.

    What both need is built once where this comes first: it is left for the engine's own build.
    """
    into = MADE / engine.id
    digest = into / "source.sha256"
    if digest.exists() and digest.read_text() == sha256(source):
        return into
    work = record.make_root() / f"{engine.id}.part"
    job = Job(engine, work / "sources", work, into, Progress(engine))
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    work.mkdir(exist_ok=True)
    copy_sources(job)
    _put(source, job)
    builder_of(engine).build(job)
    digest.write_text(sha256(source))
    return into


def _put(source: Path, job: Job) -> None:
    """The bare program in place of the host's own main file."""
    text = source.read_text()
    if job.engine.name == "wasmer":
        for number in (3, 6):
            chosen = text if number == 6 else text.replace("use wasmer::sys;", "use wasmer as sys;")
            (job.sources / f"wasmer/shared/main_{number}.rs").write_text(chosen)
        return
    name = MAIN[job.engine.manifest.language]
    folder = job.sources / (job.engine.shared[0] if job.engine.shared else job.engine.name)
    if job.engine.manifest.language in ("go", "c"):
        shared = job.sources / "hosts" / job.engine.manifest.language
        for other in [*folder.glob("*.go"), *folder.glob("*.c"), *shared.glob("*.c")]:
            other.unlink()
    (folder / name).write_text(text)


def source_of(backend: Backend) -> Path:
    name = {"endive": "chicory"}.get(str(backend.runtime.engine), str(backend.runtime.engine))
    found = [path for path in BARE.iterdir() if path.stem.lower() == name]
    if len(found) != 1:
        sys.exit(f"{backend.name}: there is no bare program for it in {BARE}")
    return found[0]


def bare_command(backend: Backend, protocol: Protocol, module: Path) -> list[str]:
    """The command of the bare program that runs this module."""
    if "program" in backend.options:
        options = backend.options
        settings = json.dumps(options.get("flags", options.get("prefs")))
        return [sys.executable, str(BARE / "browser.py"), str(options["program"]), settings, str(module)]
    if backend.runtime.engine is None:
        flags = [word for word in backend.arguments if "{" not in word]
        return [str(hosted_by(backend.runtime)), *flags, str(BARE / "javascript.mjs"), str(module)]
    kind = str(next(iter(backend.options.values()), ""))
    engine = provision.engine_of(backend.runtime)
    heap_mib = round(backend.runtime.memory_factor * protocol.memory_mib)
    values = {"{heap_mib}": str(heap_mib), "{stack_bytes}": str(1 << 26)}
    words = [*command_line(engine, str(MADE / engine.id), backend.arguments), kind, str(module)]
    return [filled(word, values) for word in words]


def bare_run(process: subprocess.Popen[str]) -> float:
    """Seconds of a run."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def our_run(opened: Guest) -> float:
    opened.output_of(["coremark"])
    return opened.wall_seconds


def one_round(backend: Backend, protocol: Protocol, module: Path, processor: int) -> float:
    """By what ours is faster: the median of pairs."""
    command = ["taskset", "-c", str(processor), *bare_command(backend, protocol, module)]
    own = {name: text for name, text in backend.environment.items() if "{" not in text}
    with (
        launch.start(backend, protocol) as worker,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **own}
        ) as process,
    ):
        opened = Guest(worker, backend.name, protocol, capped=True)
        loaded = opened.load(str(module), backend.options)
        prove(backend, loaded, loaded.version)
        worker.pin(processor)
        runs: tuple[Callable[[], float], ...] = (lambda: our_run(opened), lambda: bare_run(process))
        for run in runs:
            until = time.monotonic() + (SETTLE_S if backend.steady_s else WARM_S)
            while time.monotonic() < until:
                run()
        ratios = []
        until = time.monotonic() + PAIRS_S
        for pair in itertools.count():
            if pair >= PAIRS and time.monotonic() > until:
                break
            seconds = [0.0, 0.0]
            for which in (0, 1) if pair % 2 == 0 else (1, 0):
                seconds[which] = runs[which]()
            ratios.append(seconds[1] / seconds[0])
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    return statistics.median(ratios)


def main() -> None:
    os.chdir(ROOT)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    plan = matrix.load({"backends": sys.argv[1]})
    worst = 0.0
    for backend in plan.backends:
        MADE.mkdir(parents=True, exist_ok=True)
        module = guest(ITERATIONS[backend.kind is Kind.INTERPRETER])
        if backend.runtime.engine is not None:
            bare_program(provision.engine_of(backend.runtime), source_of(backend))
            provision.provision(backend.runtime)
        usable = sorted(os.sched_getaffinity(0))
        with machine_lock(exclusive=True):
            found = [
                one_round(backend, plan.protocol, module, usable[number % len(usable)])
                for number in range(rounds)
            ]
        mean = statistics.mean(found)
        half = student.quantile(0.975, rounds - 1) * statistics.stdev(found) / rounds**0.5
        worst = max(worst, abs(mean - 1))
        print(f"{backend.name:28} ours is {mean - 1:+.2%} ±{half:.2%} of the bare program", flush=True)
    print(f"largest difference: {worst:.2%}, promised: at most {PROMISED:.0%}")
    sys.exit(worst > PROMISED)


if __name__ == "__main__":
    main()
