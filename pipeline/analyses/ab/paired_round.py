"""One round of two builds: fresh processes of both, whose chunks alternate on one processor."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

import msgspec

from pipeline.core import own_code, paths
from pipeline.core.artifact import load_record
from pipeline.core.errors import WorkerError
from pipeline.core.files import digest_of, read_record, write_record
from pipeline.core.model import Protocol
from pipeline.measure.chunk_pairs import ChunkPairs
from pipeline.measure.guest import prove
from pipeline.measure.limits import with_workload_limits
from pipeline.measure.measure_round import chunks_key
from pipeline.measure.open_session import open_session
from pipeline.measure.probes import command_probes
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.session import Session
from pipeline.runtimes.backends import discover
from pipeline.runtimes.identity import load_identity
from pipeline.runtimes.launch import start
from pipeline.runtimes.worker_process import Worker
from pipeline.stats.undisturbed import CPU_SHARE

_SCHEMA = 3
#: Pairs of a round take so long at most, s, unless they are fewer than that.
_ROUND_S, _FEWEST_PAIRS = 4.0, 3


class PairedRound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pairs of a round: scores of old and new, runs or iterations/s, of chunks one after the other."""

    schema: int
    key: str  # of all that decides it
    seconds: float  # that the round took
    old: list[float]
    new: list[float]
    shares: list[float]  # of a processor, the lesser of both chunks

    def ratios(self) -> list[float]:
        """New to old, of pairs in which both had their processor."""
        pairs = zip(self.old, self.new, self.shares, strict=True)
        return [new / old for old, new, share in pairs if share >= CPU_SHARE]


def ensure_round(old: MeasurementSpec, new: MeasurementSpec, number: int) -> PairedRound:
    """Measure round ``number``, or take the kept one if all that decides it is as it was; raises Ended."""
    keys = [spec.read_inputs().digest for spec in (old, new)]
    own = {path: own_code.digest(path) for path in own_code.files_of(__name__)}
    whole = digest_of({"schema": _SCHEMA, "old": keys[0], "new": keys[1], "code": own})
    path = paths.paired_round(whole, number)
    try:
        kept = read_record(path, PairedRound)
    except (OSError, ValueError):
        kept = None
    if kept is not None and (kept.schema, kept.key) == (_SCHEMA, whole):
        return kept
    begun = time.monotonic()
    made = _measure(old, new, number, whole)
    made = msgspec.structs.replace(made, seconds=round(time.monotonic() - begun, 3))
    if [spec.read_inputs().digest for spec in (old, new)] != keys:
        raise WorkerError(
            f"{old.artifact.id}: it or a runtime changed while it was measured; the round is discarded; "
            "run the same again"
        )
    write_record(path, made)
    return made


def _measure(old: MeasurementSpec, new: MeasurementSpec, number: int, key: str) -> PairedRound:
    workload = old.cell.workload
    protocol = with_workload_limits(workload, old.protocol)
    native = discover()["native"]
    with ExitStack() as stack:
        reference = open_session(
            stack.enter_context(start(native, protocol)), "reference", protocol, native, workload.paired
        )
        reference.load(old.reference_artifact.path, native.options)
        one, other = (_opened(stack, spec, protocol, reference) for spec in (old, new))
        record, native_record = load_record(old.artifact), load_record(old.reference_artifact)
        for session in (one, other):
            size_of = chunks_key(record, native_record, workload, protocol)
            ChunkPairs(session, reference, protocol, size_of, number).prepare()
        usable = sorted(os.sched_getaffinity(0))
        for session in (one, other):
            session.worker.pin(usable[number % len(usable)])
        return _pairs(one, other, protocol, key)


def _opened(stack: ExitStack, spec: MeasurementSpec, protocol: Protocol, reference: Session) -> Session:
    """A session of one build that is proved and validated."""
    record = load_record(spec.artifact)
    backend = spec.cell.backend.with_features(record.used_features)
    worker: Worker = stack.enter_context(start(backend, protocol))
    session = open_session(worker, backend.name, protocol, backend, spec.cell.workload, record.interface)
    loaded = session.load(spec.artifact.path, backend.options)
    prove(backend, loaded, load_identity(backend.runtime).version)
    session.own = command_probes.own_output(backend, protocol)
    session.validate(reference)
    return session


def _pairs(one: Session, other: Session, protocol: Protocol, key: str) -> PairedRound:
    made = PairedRound(_SCHEMA, key, 0.0, [], [], [])
    turns = [(one, made.old), (other, made.new)]
    pair_s = sum(session.chunk_s + session.setup_s for session in (one, other))
    for pair in range(max(_FEWEST_PAIRS, min(protocol.pairs, int(_ROUND_S / pair_s)))):
        shares = []
        for session, scores in turns if pair % 2 == 0 else reversed(turns):
            scores.append(session.chunk().score)
            shares.append(session.cpu_share)
        made.shares.append(round(min(shares), 3))
    return made
