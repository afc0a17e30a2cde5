"""Official runs: EEMBC's run and reporting rules to the letter, for one cell at a time.

The rules are those of CoreMark's README.md (sections on running and on reporting). What chunks measure
is never called a CoreMark score; the score in a certificate that passed may be.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.core import paths
from pipeline.core.artifact import load_record
from pipeline.core.errors import ProjectError, WorkerError
from pipeline.core.files import read_record, sha256, write_atomic, write_record
from pipeline.core.model import Cell, Status
from pipeline.coremark.run_rules import LEAST_SECONDS, LINE, LOGS, Official, Rule, check_rules
from pipeline.coremark.validator import CoreMark, SeedSet
from pipeline.experiment.plan import Plan
from pipeline.measure.guest import Ended, prove
from pipeline.measure.probes import command_probes
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.session import Session
from pipeline.measure.worker_messages import Evidence
from pipeline.runtimes.backends import discover
from pipeline.runtimes.identity import RuntimeIdentity, load_identity
from pipeline.runtimes.launch import start
from pipeline.workloads.validators.model import Run

#: Aimed at; a machine that is faster than a moment ago needs more iterations for ten seconds.
_AIM_SECONDS = 11.0
_TRIES = 4
_TIMEOUT_S = 300.0


class Certificate(msgspec.Struct, kw_only=True):
    """The file certificate.json; without rules where the runs ended early."""

    schema: int = 1
    cell: str
    status: Status = Status.OK
    reason: str | None = None
    certified: bool = False
    line: str | None = None  # the score, as CoreMark prints it
    rules: list[Rule] = []
    measured: str  # UTC, ISO 8601
    artifact_sha256: str | None
    runtime: RuntimeIdentity
    proof: Evidence | None = None
    logs: dict[str, str] = {}  # {file: SHA-256}


def certify(plan: Plan, cell: Cell) -> None:
    """Run a cell by the rules; leave run1.log, run2.log, statement.txt and certificate.json."""
    folder = Path(paths.certificate(cell.name))
    for name in LOGS:
        (folder / name).unlink(missing_ok=True)
    spec = MeasurementSpec(cell, plan.protocol, plan.reference_name)
    certificate = Certificate(
        cell=cell.name,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        artifact_sha256=load_record(spec.artifact).sha256,
        runtime=load_identity(cell.backend.runtime),
    )
    attempt = _OfficialRuns(spec)
    try:
        runs = attempt.run()
    except (Ended, WorkerError) as error:
        certificate.status = error.status if isinstance(error, Ended) else Status.CRASH
        certificate.reason = error.reason if isinstance(error, Ended) else str(error)
    else:
        for run in runs:
            write_atomic(folder / run.log, run.output)
            certificate.logs[run.log] = sha256(folder / run.log)
        line = LINE.search(runs[0].output)
        certificate.line = line[0] if line else None
        certificate.rules = check_rules(plan, cell, runs)
        certificate.certified = all(rule.kept for rule in certificate.rules)
    certificate.proof = attempt.proof
    write_atomic(folder / "statement.txt", statement(certificate))
    write_record(folder / "certificate.json", certificate)


def logs_unchanged(cell: Cell) -> bool:
    """Whether the logs of a certificate are still those that it was given for."""
    folder = Path(paths.certificate(cell.name))
    try:
        logs = read_record(folder / "certificate.json", Certificate).logs
        return all(sha256(folder / name) == digest for name, digest in logs.items())
    except (OSError, ValueError):
        return False


class _OfficialRuns:
    """The performance and the validation run of one cell; ``proof`` is known once the artifact is loaded."""

    def __init__(self, spec: MeasurementSpec) -> None:
        self.spec = spec
        self.proof: Evidence | None = None

    def run(self) -> list[Official]:
        """Run both; raises Ended where something goes wrong, WorkerError where a worker does not start."""
        spec, backend = self.spec, self.spec.cell.backend
        artifact, identity = load_record(spec.artifact), load_identity(backend.runtime)
        for record in (artifact, identity, load_record(spec.reference_artifact)):
            if not record.present:
                raise Ended(Status.UNAVAILABLE, str(record.reason))
        if artifact.unrunnable is not None:
            raise Ended(Status.UNAVAILABLE, artifact.unrunnable)
        backend = backend.with_features(artifact.used_features)
        protocol = replace(spec.protocol, run_timeout_s=max(_TIMEOUT_S, spec.protocol.run_timeout_s))
        native, validator = discover()["native"], CoreMark()
        with start(backend, protocol) as worker, start(native, protocol) as reference:
            subject = Session(worker, backend.name, protocol, forks=backend.forks, validator=validator)
            subject.own = command_probes.own_output(backend, protocol)
            other = Session(reference, "reference", protocol, forks=True, validator=validator)
            loaded = subject.load(spec.artifact.path, backend.options)
            prove(backend, loaded, identity.version)
            self.proof = loaded.proof
            other.load(spec.reference_artifact.path, native.options)
            iterations = subject.calibrate() * _AIM_SECONDS / (protocol.chunk_ms / 1000)
            runs = [
                _official(subject, other, log, seeds, max(1, round(iterations)))
                for log, seeds in LOGS.items()
            ]
        if sha256(spec.artifact.path) != artifact.sha256:
            raise Ended(Status.INVALID, f"{spec.artifact.path} changed while it ran; run: doit run certify")
        return runs


def _official(subject: Session, other: Session, log: str, seeds: SeedSet, iterations: int) -> Official:
    run = _long_enough(subject, seeds, iterations)
    output, agreement = subject.output.decode("utf-8", "replace"), subject.agreement
    return Official(log, output, run, agreement, other.run(seeds, run.iterations).result)


def _long_enough(session: Session, seeds: SeedSet, iterations: int) -> Run:
    """One run of ten seconds or more; shorter ones are tried again with more iterations."""
    for _ in range(_TRIES):
        run = session.run(seeds, iterations)
        if run.seconds >= LEAST_SECONDS:
            return run
        iterations = max(iterations + 1, round(run.score * _AIM_SECONDS * 1.1))
    raise Ended(Status.INVALID, f"{session.who}: no run of {LEAST_SECONDS:g} s in {_TRIES} tries")


def statement(certificate: Certificate) -> str:
    """The certificate as text."""
    head = f"{certificate.cell}, artifact SHA-256 {certificate.artifact_sha256}"
    if certificate.reason is not None:
        return f"{head}\nnot certified: {certificate.status.value}: {certificate.reason}\n"
    lines = [f"  {'pass' if r.kept else 'FAIL'}  {r.rule}: {r.found}" for r in certificate.rules]
    verdict = certificate.line if certificate.certified else "not certified"
    return "\n".join([head, str(verdict), *lines]) + "\n"


def report(cells: list[Cell]) -> None:
    """Print every statement; raises ProjectError naming the cells that failed."""
    failed = []
    for folder in (Path(paths.certificate(cell.name)) for cell in cells):
        certificate = read_record(folder / "certificate.json", Certificate)
        print((folder / "statement.txt").read_text(encoding="utf-8"))
        if not certificate.certified and certificate.status is not Status.UNAVAILABLE:
            failed.append(certificate.cell)
    print(f"Logs and certificates: {paths.certificates()}/")
    if failed:
        raise ProjectError(f"not certified: {', '.join(failed)}")
