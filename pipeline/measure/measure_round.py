"""Measure one round of one cell: fresh processes, short chunks, each next to one of the reference.

The order of a round: start both workers, load, validate both seed sets on both, calibrate and warm
up, then pairs of chunks in alternating order, both on one processor, until enough of them were
undisturbed. A guest or a runtime that misbehaves is a status of the sample; only a fault of
ours is an exception.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec

from pipeline.core.artifact import ArtifactRecord, load_record
from pipeline.core.errors import WorkerError
from pipeline.core.files import digest_of
from pipeline.core.model import Interface, Protocol, Status, Workload
from pipeline.measure import host_records, machine_state
from pipeline.measure.chunk_pairs import ChunkPairs
from pipeline.measure.guest import Ended, NotTheRuntime, prove
from pipeline.measure.limits import beyond_memory, with_workload_limits
from pipeline.measure.open_session import open_session
from pipeline.measure.probes import command_probes
from pipeline.measure.probes.missing_features import explained
from pipeline.measure.reference_check import check_reference, note_fault
from pipeline.measure.sample import SCHEMA, RoundResult, Sample, read_current, write
from pipeline.measure.sample_key import Inputs, MeasurementSpec, run_settings
from pipeline.measure.session import Session
from pipeline.measure.sizes import run_size
from pipeline.runtimes.backends import discover
from pipeline.runtimes.identity import RuntimeIdentity, load_identity
from pipeline.runtimes.launch import start
from pipeline.runtimes.worker_process import Worker

#: Where a program compiles for WebAssembly only.
_NO_NATIVE = (
    "it compiles for WebAssembly only; if it has no native form, put native = false into its workload.toml, "
    "and backends are compared with each other"
)


def chunks_key(
    artifact: ArtifactRecord, reference: ArtifactRecord, workload: Workload, protocol: Protocol
) -> str:
    """Of what the size of a program's chunks, and what was seen of the machine by them, is known for."""
    program = reference if workload.native else artifact
    return digest_of([program.sha256, run_settings(workload), protocol.chunk_ms, run_size.RULE])


def ensure_sample(spec: MeasurementSpec) -> Sample:
    """Make the sample of one round, or keep the existing one if its inputs are today's."""
    inputs = spec.read_inputs()
    sample = read_current(spec.sample_path, inputs.key(spec.round))
    if sample is None:
        sample = take_sample(spec, inputs)
        host_records.write_host_record()
        write(spec.sample_path, sample)
    return sample


def take_sample(spec: MeasurementSpec, inputs: Inputs) -> Sample:
    """Measure one round; raises WorkerError if its inputs are not these any more at the end."""
    started = time.monotonic()
    result = first = _Attempt(spec, inputs).run()
    if first.status not in (Status.OK, Status.UNAVAILABLE, Status.TIMEOUT) and first.difference is None:
        # Once more: a worker that was killed, or a clock that a busy machine disturbed, is no evidence
        # about the cell. What is really wrong is wrong again; an output is wrong whenever it is.
        result = _Attempt(spec, inputs).run()
        if result.status is Status.OK:  # a reader must know: what is wrong now and then is wrong
            result.first_try = f"{first.status.value}: {first.reason}"
    if result.status is not Status.OK:
        result.limits = machine_state.limits()
    if spec.read_inputs() != inputs:
        raise WorkerError(
            f"{spec.cell.name}: its artifact or its runtime changed while it was measured; "
            "the round is discarded; run: doit run"
        )
    return Sample(
        schema=SCHEMA,
        key=inputs.key(spec.round),
        inputs=inputs.digest,
        cell=spec.cell.name,
        round=spec.round,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 3),
        **msgspec.structs.asdict(result),
    )


class _Attempt:
    """One try at a round. ``result`` has what was measured so far, also when the round ends early."""

    def __init__(self, spec: MeasurementSpec, inputs: Inputs) -> None:
        self.spec, self.inputs = spec, inputs
        self.cell, self.workload = spec.cell, spec.cell.workload
        self.protocol = with_workload_limits(self.workload, spec.protocol)
        self.artifact = load_record(spec.artifact)
        self.reference = load_record(spec.reference_artifact)
        self.identity = load_identity(self.cell.backend.runtime)
        self.backend = self.cell.backend.with_features(self.artifact.used_features)
        self.result = RoundResult()

    def run(self) -> RoundResult:
        """Measure until the end of the round, or until something goes wrong: see the result's status."""
        try:
            self._check()
            self._measure()
        except (Ended, WorkerError) as error:  # the latter while a worker was starting
            ended = error if isinstance(error, Ended) else Ended(Status.CRASH, str(error))
            self.result.status, self.result.reason = ended.status, ended.reason
            self.result.difference, self.result.exit_code = ended.difference, ended.exit_code
            if isinstance(ended, NotTheRuntime):
                self.result.wrong_reference = "unsteady" if ended.unsteady else "fails"
                note_fault(self.spec, self.inputs, ended)
        return self.result

    def _check(self) -> None:
        """Whether all that is needed is there; raises Ended."""
        needed: tuple[tuple[ArtifactRecord | RuntimeIdentity, str], ...] = (
            (self.artifact, "artifact"),
            (self.reference, "reference"),
            (self.identity, "runtime"),
        )
        for record, what in needed:
            if not record.present:
                reason = str(record.reason)
                only_wasm = (
                    record is self.reference and self.artifact.present and not self.cell.backend.native
                )
                # A flag that native compilers refuse says nothing about the program.
                if only_wasm and not reason.startswith("flags "):
                    reason = f"{_NO_NATIVE}: {reason}"
                raise Ended(
                    Status.UNAVAILABLE, reason if reason.startswith("needs ") else f"{what}: {reason}"
                )
        path = self.spec.artifact.path
        self.result.artifact_sha256 = self.inputs.files[path]
        if self.result.artifact_sha256 != self.artifact.sha256:
            raise Ended(Status.INVALID, f"{path} is not what was linked; run: rm {path}")
        self.result.artifact_bytes = self.artifact.bytes
        if self.artifact.unrunnable is not None:
            raise Ended(Status.UNAVAILABLE, self.artifact.unrunnable)
        if not self.workload.built and self.artifact.interface in (Interface.RUN32, Interface.RUN64):
            reason = "it exports run and imports env.clock_ms, as a CoreMark without WASI does"
            raise Ended(Status.UNAVAILABLE, f"{reason}; give it as artifact=FILE, not as module=FILE")
        if self.artifact.interface is Interface.BENCH and not self.backend.runtime.gives_bench:
            reason = f"{self.backend.name} cannot give a module bench.start and bench.end"
            raise Ended(Status.UNAVAILABLE, reason)
        for each in (path, self.spec.reference_artifact.path):
            beyond = beyond_memory(self.workload, self.protocol, self.cell.backend, each)
            if beyond:
                raise Ended(Status.UNAVAILABLE, beyond)
        check_reference(self.spec, self.inputs, self.protocol)

    def _measure(self) -> None:
        backend, native = self.backend, discover()["native"]
        own = command_probes.own_output(backend, self.protocol)
        before, own_cpu = machine_state.read(), time.process_time()
        with start(backend, self.protocol) as worker, start(native, self.protocol) as reference_worker:
            subject = open_session(
                worker, backend.name, self.protocol, backend, self.workload, self.artifact.interface
            )
            subject.own = own
            other = open_session(reference_worker, "reference", self.protocol, native, self.workload.paired)
            self._load(worker, subject)
            other.load(self.spec.reference_artifact.path, native.options)
            self._validate(subject, other)
            self._time(subject, other)
            own_cpu = time.process_time() - own_cpu + worker.cpu_seconds() + reference_worker.cpu_seconds()
            self.result.conditions = machine_state.conditions(before, machine_state.read(), own_cpu)

    def _load(self, worker: Worker, subject: Session) -> None:
        backend, result = self.backend, self.result
        try:
            loaded = subject.load(self.spec.artifact.path, backend.options)
        except Ended as error:
            raise self._explained(error) from None
        prove(backend, loaded, self.identity.version)
        result.version, result.proof = loaded.version, loaded.proof
        result.compile_seconds = loaded.compile_seconds
        result.code_bytes, result.code_sha256 = loaded.code_bytes, loaded.code_sha256
        # Of a program that each run starts, that is part of the run.
        result.start_seconds = None if backend.forks else worker.start_seconds
        result.runtime_seconds = loaded.runtime_seconds

    def _validate(self, subject: Session, other: Session) -> None:
        try:
            subject.validate(other)
        except Ended as error:
            # Lazy compilers refuse an instruction when they meet it; wrong output is no lack.
            if error.status is Status.INVALID:
                raise command_probes.explained(
                    error, self.cell.backend, self.protocol, subject.exit_status
                ) from None
            raise self._explained(error) from None
        self.result.validated = subject.validated or None
        self.result.printed = subject.printed
        self.result.instantiate_seconds = subject.instantiate_seconds
        self.result.first_run_seconds = subject.first_run_seconds

    def _time(self, subject: Session, other: Session) -> None:
        key = chunks_key(self.artifact, self.reference, self.workload, self.protocol)
        try:
            self.result.add(ChunkPairs(subject, other, self.protocol, key, self.spec.round).measure())
        except Ended as error:
            raise subject.with_fewest_iterations(error, other) from None
        self.result.peak_rss_bytes = subject.peak_rss_bytes

    def _explained(self, error: Ended) -> Ended:
        used = self.artifact.used_features
        return explained(error, self.cell.backend, self.protocol, used, self.identity.version)
