"""Official runs: EEMBC's run and reporting rules to the letter, for one cell at a time.

The rules are those of CoreMark's README.md (sections on running and on reporting). What chunks measure
is never called a CoreMark score; what stands in a certificate that passed may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.build.artifacts import artifact_path, artifact_record, program_flags
from pipeline.core import paths
from pipeline.core.errors import ProjectError, WorkerError
from pipeline.core.files import read_json, sha256, write_atomic, write_json
from pipeline.core.model import Cell, Protocol, Status
from pipeline.coremark.validator import PERFORMANCE, VALIDATION, CoreMark, SeedSet
from pipeline.experiment.plan import Plan
from pipeline.measure.guest import Ended, prove
from pipeline.measure.sample import artifact_of
from pipeline.measure.session import CLOCK_AGREEMENT, Session
from pipeline.runtimes.backends import discover
from pipeline.runtimes.launch import start
from pipeline.workloads import third_party
from pipeline.workloads.validators.model import Run
from toolchain.model import NATIVE, WASM, Toolchain

LEAST_SECONDS = 10.0
LOGS = {"run1.log": PERFORMANCE, "run2.log": VALIDATION}
#: Aimed at; a machine that is faster than a moment ago needs more iterations for ten seconds.
_AIM_SECONDS = 11.0
_TRIES = 4
_TIMEOUT_S = 300.0
#: N / C / P: iterations per second, compiler and flags, memory. M, the way contexts run in parallel, is
#: left out for a single context, by CoreMark itself and by the rules.
_LINE = re.compile(r"^CoreMark 1\.0 : \d+\.\d+ / \S.* / \S+$", re.MULTILINE)


@dataclass(frozen=True)
class Official:
    """One run of at least ten seconds."""

    log: str
    output: str
    run: Run
    agreement: float  # guest over host seconds
    reference_crcfinal: int  # of native code, for the same seeds and iterations


@dataclass(frozen=True)
class Rule:
    """A rule, whether it is kept, and what was found."""

    rule: str
    kept: bool
    found: str


def certify(plan: Plan, cell: Cell) -> None:
    """Run a cell by the rules; leave run1.log, run2.log, statement.txt and certificate.json."""
    folder = Path(paths.certificate(cell.name))
    for name in LOGS:
        (folder / name).unlink(missing_ok=True)
    certificate: dict[str, Any] = {
        "schema": 1,
        "cell": cell.name,
        "status": Status.OK.value,
        "reason": None,
        "certified": False,
        "line": None,
        "rules": [],
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "artifact_sha256": artifact_of(cell)["sha256"],
        "runtime": read_json(paths.runtime_identity(cell.backend.runtime.name)),
        "proof": None,
        "logs": {},
    }
    try:
        runs = _runs(plan, cell, certificate)
    except Ended as ended:
        certificate.update(status=ended.status.value, reason=ended.reason)
    except WorkerError as error:
        certificate.update(status=Status.CRASH.value, reason=str(error))
    else:
        for run in runs:
            write_atomic(folder / run.log, run.output)
            certificate["logs"][run.log] = sha256(folder / run.log)
        rules = judge(plan, cell, runs)
        line = _LINE.search(runs[0].output)
        certificate.update(
            certified=all(rule.kept for rule in rules),
            line=line[0] if line else None,
            rules=[vars(rule) for rule in rules],
        )
    write_atomic(folder / "statement.txt", statement(certificate))
    write_json(folder / "certificate.json", certificate)


def kept(cell: Cell) -> bool:
    """Whether the logs of a certificate are still those that it speaks of."""
    folder = Path(paths.certificate(cell.name))
    try:
        logs = read_json(folder / "certificate.json")["logs"]
        return all(sha256(folder / name) == digest for name, digest in logs.items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def _runs(plan: Plan, cell: Cell, certificate: dict[str, Any]) -> list[Official]:
    artifact = artifact_of(cell)
    identity = read_json(paths.runtime_identity(cell.backend.runtime.name))
    workload = cell.workload
    yardstick = read_json(artifact_record(workload.name, *plan.reference_name, NATIVE))
    for record in (artifact, identity, yardstick):
        if not record["present"]:
            raise Ended(Status.UNAVAILABLE, record["reason"])
    path = artifact_path(
        workload.name, cell.toolchain, cell.variant.name, NATIVE if cell.backend.native else WASM
    )
    protocol: Protocol = replace(plan.protocol, run_timeout_s=max(_TIMEOUT_S, plan.protocol.run_timeout_s))
    native = discover()["native"]
    with start(cell.backend, protocol) as worker, start(native, protocol) as reference:
        judge, forks = CoreMark(), cell.backend.forks
        subject = Session(worker, cell.backend.name, protocol, forks=forks, judge=judge)
        other = Session(reference, "reference", protocol, forks=True, judge=judge)
        loaded = subject.load(path, cell.backend.options)
        prove(cell.backend, loaded, identity.get("version"))
        certificate["proof"] = loaded.proof
        other.load(artifact_path(workload.name, *plan.reference_name, NATIVE), native.options)
        chunk = subject.calibrate()
        iterations = max(1, round(chunk * _AIM_SECONDS / (protocol.chunk_ms / 1000)))
        found = []
        for log, seeds in LOGS.items():
            run = _long_enough(subject, seeds, iterations)
            output, agreement = subject.output.decode("utf-8", "replace"), subject.agreement
            expected = other.run(seeds, run.iterations).result
            found.append(Official(log, output, run, agreement, expected))
    if sha256(path) != artifact["sha256"]:
        raise Ended(Status.INVALID, f"{path} changed while it ran; type: doit run certify")
    return found


def _long_enough(session: Session, seeds: SeedSet, iterations: int) -> Run:
    """One run of ten seconds or more; shorter ones are tried again with more iterations."""
    for _ in range(_TRIES):
        run = session.run(seeds, iterations)
        if run.seconds >= LEAST_SECONDS:
            return run
        iterations = max(iterations + 1, round(run.score * _AIM_SECONDS * 1.1))
    raise Ended(Status.INVALID, f"{session.who}: no run of {LEAST_SECONDS:g} s in {_TRIES} tries")


def judge(plan: Plan, cell: Cell, runs: list[Official]) -> list[Rule]:
    """Every rule, one by one; ``runs`` are the performance and the validation run."""
    performance, validation = runs
    rules = []
    for official, seeds in zip(runs, LOGS.values(), strict=True):
        values = ",".join(f"0x{seed:x}" for seed in seeds.seeds)
        seconds, errors = official.run.seconds, "ERROR" in official.output
        rules += [
            Rule(
                f"{seeds.name} run (seeds {values}) takes at least {LEAST_SECONDS:g} s",
                seconds >= LEAST_SECONDS and not errors,
                f"{official.log}: {seconds:.3f} s, {official.run.iterations} iterations",
            ),
            Rule(
                f"{seeds.name} run validates",
                "Correct operation validated." in official.output,
                f"{official.log}: every CRC is the one that its seeds must give",
            ),
            Rule(
                f"{seeds.name} run computes what native code computes",
                official.run.result == official.reference_crcfinal,
                f"crcfinal 0x{official.run.result:04x}, native 0x{official.reference_crcfinal:04x}",
            ),
        ]
    size = _field(performance.output, "CoreMark Size")
    # Three algorithms share 2000 bytes.
    rules.append(Rule("2000 bytes of data", size == str(2000 // 3), f"CoreMark Size {size}"))
    assert cell.workload.third_party is not None
    revision = third_party.verify(cell.workload.third_party)
    rules.append(
        Rule("sources unchanged but for core_portme.*", True, f"SHA-256 of all files, {revision['commit']}")
    )
    toolchain = next(t for t in plan.toolchains if t.name == cell.toolchain)
    rules.append(_same_flags(toolchain, cell))
    flags = " ".join(cell.variant.flags)
    said = [_field(performance.output, f"Compiler {what}") for what in ("version", "flags")]
    rules.append(Rule("compiler and flags reported", bool(said[0]) and said[1] == flags, " ".join(said)))
    least = CLOCK_AGREEMENT[cell.backend.forks]
    rules.append(
        Rule(
            "the timer measures wall time",
            all(least <= r.agreement <= 1 for r in runs),
            f"guest over host seconds {performance.agreement:.4f}, {validation.agreement:.4f}",
        )
    )
    line = _LINE.search(performance.output)
    found = line[0] if line else "CoreMark printed no result line"
    rules.append(Rule("reported as CoreMark 1.0 : N / C / P / M", line is not None, found))
    return rules


def _same_flags(toolchain: Toolchain, cell: Cell) -> Rule:
    """The commands that compile the files, less the names of the files, must be one command."""
    target = NATIVE if cell.backend.native else WASM
    workload = cell.workload
    commands = set()
    for source in workload.sources:
        flags = program_flags(workload, cell.variant, target, source)
        command = toolchain.compile(target, flags, source, "OBJECT")
        commands.add(tuple("FILE" if part == source else part for part in command))
    return Rule("all files compiled with the same flags", len(commands) == 1, " ".join(cell.variant.flags))


def _field(output: str, name: str) -> str:
    found = re.search(rf"^{re.escape(name)}\s*:\s*(.*?)\s*$", output, re.MULTILINE)
    return found[1] if found else ""


def statement(certificate: dict[str, Any]) -> str:
    """What the certificate says, for people."""
    head = f"{certificate['cell']}, artifact SHA-256 {certificate['artifact_sha256']}"
    if certificate["reason"] is not None:
        return f"{head}\nnot certified: {certificate['status']}: {certificate['reason']}\n"
    lines = [f"  {'pass' if r['kept'] else 'FAIL'}  {r['rule']}: {r['found']}" for r in certificate["rules"]]
    verdict = certificate["line"] if certificate["certified"] else "not certified"
    return "\n".join([head, verdict, *lines]) + "\n"


def report(cells: list[Cell]) -> None:
    """Print every statement; raises ProjectError naming the cells that failed."""
    folders = [Path(paths.certificate(cell.name)) for cell in cells]
    failed = []
    for folder in folders:
        certificate = read_json(folder / "certificate.json")
        print((folder / "statement.txt").read_text(encoding="utf-8"))
        if not certificate["certified"] and certificate["status"] != Status.UNAVAILABLE.value:
            failed.append(certificate["cell"])
    print(f"Logs and certificates: {paths.certificates()}/")
    if failed:
        raise ProjectError(f"not certified: {', '.join(failed)}")
