"""Measure one round of one cell: fresh processes, short chunks, each beside one of the reference.

The order of a round: start both workers, load, validate both seed sets on both, calibrate and warm
up, then pairs of chunks in alternating order, both on one processor, until enough of them were
undisturbed. Whatever the guest or its runtime does ends as the status of the sample; only a fault of
ours is an exception.
"""

from __future__ import annotations

import os
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

from pipeline.build.artifacts import artifact_path, artifact_record
from pipeline.core import paths
from pipeline.core.errors import WorkerError
from pipeline.core.files import digest_of, read_json, sha256
from pipeline.core.model import Cell, Protocol, Status
from pipeline.measure import host_records, machine_state
from pipeline.measure.guest import Ended, prove
from pipeline.measure.missing_features import lacking
from pipeline.measure.open_session import open_session, within
from pipeline.measure.sample import SCHEMA, Sample, artifact_of, cell_key, key_of, lying, runs, write
from pipeline.measure.session import LONGEST_CHUNK_S, Session
from pipeline.runtimes.backends import discover
from pipeline.runtimes.launch import start
from pipeline.stats import undisturbed
from pipeline.stats.trend import LEAST, trend
from pipeline.stats.undisturbed import Series
from toolchain.model import NATIVE, WASM

#: How often a cell that still gets faster is warmed for a round's length more.
_MOST_WARMUPS = 4
#: {digest of the reference and of how it is run: its undisturbed speed in the last rounds of this process}.
#: A round that never saw the machine undisturbed learns here what it missed. Some minutes only: a laptop may
#: cool or warm.
_recent: dict[str, deque[float]] = {}
_RECENT_ROUNDS = 100
#: A run that has to start a slow program gets chunks of more than this many times the protocol's length, and
#: for that fewer pairs: at most, and undisturbed ones after which its round is over.
_LONG_CHUNK = 5
_FEW_PAIRS = (12, 8)
#: Whole runs, which cannot be made shorter: as many as fit into this, s, and never fewer pairs than that.
_WHOLE_RUNS_S = 4.0
_FEWEST_PAIRS = 2


def measure(cell: Cell, protocol: Protocol, reference: tuple[str, str], round_: int) -> Sample:
    """Leave the sample of one round; keep the one that lies there if its inputs are today's."""
    path = paths.sample(cell.name, round_)
    inputs = cell_key(cell, protocol, reference)
    found = lying(path, key_of(inputs, round_))
    if found is not None:
        return found
    sample = take(cell, protocol, reference, round_, inputs)
    host_records.introduce()
    write(path, sample)
    return sample


def take(cell: Cell, protocol: Protocol, reference: tuple[str, str], round_: int, inputs: str) -> Sample:
    """Measure one round; raises WorkerError if what decides it changed meanwhile."""
    facts: dict[str, Any] = {}
    started = time.monotonic()
    first = ended = _attempt(cell, protocol, reference, round_, facts)
    if ended is not None and ended.status not in (Status.UNAVAILABLE, Status.TIMEOUT):
        # Once more: a worker that someone killed, or a clock that a busy machine tore, says nothing
        # about the cell. What is really wrong is wrong again.
        facts.clear()
        ended = _attempt(cell, protocol, reference, round_, facts)
    if ended is not None:
        facts["conditions"] = {"limits": machine_state.limits()}
    elif first is not None:  # which a reader must know: what is wrong now and then is wrong
        facts["conditions"]["first_try"] = f"{first.status.value}: {first.reason}"
    if cell_key(cell, protocol, reference) != inputs:
        raise WorkerError(
            f"{cell.name}: its artifact or its runtime changed while it was measured; "
            "nothing was kept; type: doit run"
        )
    return Sample(
        schema=SCHEMA,
        key=key_of(inputs, round_),
        inputs=inputs,
        cell=cell.name,
        round=round_,
        status=Status.OK if ended is None else ended.status,
        reason=None if ended is None else ended.reason,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 3),
        **facts,
    )


def _attempt(
    cell: Cell, protocol: Protocol, reference: tuple[str, str], round_: int, facts: dict[str, Any]
) -> Ended | None:
    """Measure once, filling ``facts`` as far as it gets; returns how it ended, None if well."""
    try:
        _round(cell, protocol, reference, round_, facts)
    except Ended as error:
        return error
    except WorkerError as error:  # while it was starting
        return Ended(Status.CRASH, str(error))
    return None


def _round(
    cell: Cell, protocol: Protocol, reference: tuple[str, str], round_: int, facts: dict[str, Any]
) -> None:
    artifact, workload = artifact_of(cell), cell.workload
    protocol = within(workload, protocol)
    identity = read_json(paths.runtime_identity(cell.backend.runtime.name))
    yardstick = read_json(artifact_record(workload.name, *reference, NATIVE))
    for record, what in ((artifact, "artifact"), (yardstick, "reference"), (identity, "runtime")):
        if not record["present"]:
            reason = str(record["reason"])
            raise Ended(Status.UNAVAILABLE, reason if reason.startswith("needs ") else f"{what}: {reason}")
    target = NATIVE if cell.backend.native else WASM
    path = artifact_path(workload.name, cell.toolchain, cell.variant.name, target)
    facts.update(artifact_sha256=sha256(path), artifact_bytes=os.path.getsize(path))
    if facts["artifact_sha256"] != artifact["sha256"]:
        raise Ended(Status.INVALID, f"{path} is not what was linked; type: rm {path}")

    native = discover()["native"]
    before, own_cpu = machine_state.read(), time.process_time()
    with start(cell.backend, protocol) as worker, start(native, protocol) as reference_worker:
        subject = open_session(worker, cell.backend.name, protocol, cell.backend, workload, artifact)
        other = open_session(reference_worker, "reference", protocol, native, workload, yardstick)
        try:
            loaded = subject.load(path, cell.backend.options)
        except Ended as error:
            raise _explained(error, cell, protocol, artifact, identity) from None
        other.load(artifact_path(workload.name, *reference, NATIVE), native.options)
        prove(cell.backend, loaded, identity.get("version"))
        facts.update(
            version=loaded.version,
            proof=loaded.proof,
            compile_seconds=loaded.compile_seconds,
            code_bytes=loaded.code_bytes,
            # Of a program that each run starts, that is part of the run.
            start_seconds=None if cell.backend.forks else worker.start_seconds,
            runtime_seconds=loaded.runtime_seconds,
        )
        try:
            subject.validate(other)
        except Ended as error:
            # Lazy compilers refuse an instruction when they meet it; wrong output is no lack.
            if error.status is Status.INVALID:
                raise
            raise _explained(error, cell, protocol, artifact, identity) from None
        facts.update(
            validated=subject.validated or None,
            instantiate_seconds=subject.instantiate_seconds,
            first_run_seconds=subject.first_run_seconds,
        )
        key = digest_of([yardstick["sha256"], runs(workload)])
        recent = _recent.setdefault(key, deque(maxlen=_RECENT_ROUNDS))
        facts.update(_Pairs(subject, other, protocol, recent, round_).measure())
        facts["peak_rss_bytes"] = subject.peak_rss_bytes
        own_cpu = time.process_time() - own_cpu + worker.cpu_seconds() + reference_worker.cpu_seconds()
        happened = machine_state.between(before, machine_state.read(), own_cpu)
        facts["conditions"] = {**happened, **machine_state.settings()}


def _explained(
    error: Ended, cell: Cell, protocol: Protocol, artifact: dict[str, Any], identity: dict[str, Any]
) -> Ended:
    """The same end, or the reason for it: a feature that the module uses and the backend lacks."""
    if cell.backend.native or error.status in (Status.UNAVAILABLE, Status.TIMEOUT):
        return error
    missing = lacking(cell.backend, protocol, [*artifact["features"], *artifact["needs"]])
    if not missing:
        return error
    version = identity.get("version") or ""
    who = f"{cell.backend.name} ({version})" if version else cell.backend.name
    return Ended(Status.UNAVAILABLE, f"needs {', '.join(missing)}, which {who} does not have")


class _Pairs:
    """The chunk pairs of one round."""

    def __init__(
        self, subject: Session, other: Session, protocol: Protocol, recent: deque[float], turn: int
    ) -> None:
        self.subject, self.other, self.protocol, self.recent = subject, other, protocol, recent
        self.series = Series()
        self.processors: list[int] = []
        self.pairs, self.wanted = protocol.pairs, protocol.undisturbed
        self._usable = sorted(os.sched_getaffinity(0))
        self._turn = turn

    def measure(self) -> dict[str, Any]:
        """Calibrate both, then run pairs until enough were undisturbed and the cell is warm."""
        self.subject.prepare(self.other)
        # A module that runs as long as it likes is no reason to let the reference run as long.
        self.other.prepare(self.other, min(self.subject.chunk_s, LONGEST_CHUNK_S))
        longest = self.subject.chunk_s + self.subject.setup_s
        if longest > _LONG_CHUNK * self.protocol.chunk_ms / 1000:
            few = _FEW_PAIRS
            if longest > LONGEST_CHUNK_S or self.subject.whole:
                fitting = int(_WHOLE_RUNS_S / (longest + self.other.chunk_s + self.other.setup_s))
                few = (max(_FEWEST_PAIRS, fitting), max(_FEWEST_PAIRS, 2 * fitting // 3))
            self.pairs, self.wanted = min(self.pairs, few[0]), min(self.wanted, few[1])
        warmed: list[float] = []
        if not self.recent:
            self._scout()
        self._pin()
        for attempt in range(1 + _MOST_WARMUPS):
            self._series()
            found = trend(self._ratios())
            if found is None or not found.rising or attempt == _MOST_WARMUPS:
                break
            # It was still being compiled better: what was measured was its warm-up.
            warmed += self.series.scores
        speed = self._speed()
        self.recent.append(undisturbed.reference_speed(self.series))
        return {
            "iterations": self.subject.iterations,
            "reference_iterations": self.other.iterations,
            "scores": self.series.scores,
            "reference_scores": self.series.references,
            "cpu_shares": self.series.shares,
            "reference_cpu_shares": self.series.reference_shares,
            "processors": self.processors,
            "machine_speed": speed,
            "warmup_scores": warmed,
            "trend": None if found is None else (found.change, found.p),
            "clock_agreement": self.subject.clock_agreement,
        }

    def _scout(self) -> None:
        """Before the first round of a process: look on every processor what the machine can do."""
        seen = Series()
        for _ in range(2 * self.pairs):
            self._turn += 1
            self._pin()
            seen.references.append(self.other.chunk().score)
            seen.reference_shares.append(self.other.cpu_share)
        self.recent.append(undisturbed.reference_speed(seen))

    def _series(self) -> None:
        """Pairs; which of the two goes first alternates, and trouble sends both to another processor."""
        self.series, self.processors = Series(), []
        series = self.series
        turns = [
            (self.subject, series.scores, series.shares),
            (self.other, series.references, series.reference_shares),
        ]
        for pair in range(self.pairs):
            self.processors.append(self._usable[self._turn % len(self._usable)])
            for session, scores, shares in turns if pair % 2 == 0 else reversed(turns):
                scores.append(session.chunk().score)
                shares.append(round(session.cpu_share, 3))
            speed = self._speed()
            if undisturbed.count(series, speed) >= self.wanted:
                break
            if not series.calm(pair, speed):
                self._turn += 1
                self._pin()

    def _ratios(self) -> list[float]:
        """Of the undisturbed pairs in the order of time; of all where these are too few to show a trend."""
        steady = self.series.steady(self._speed())
        chosen = steady if len(steady) >= LEAST else range(len(self.series.scores))
        return [self.series.scores[i] / self.series.references[i] for i in chosen]

    def _pin(self) -> None:
        """Both on one processor: each processor has a state of its own, which then touches both alike."""
        processor = self._usable[self._turn % len(self._usable)]
        for session in (self.subject, self.other):
            session.worker.pin(processor)

    def _speed(self) -> float:
        """The reference's undisturbed speed, as far as it is known; 0 before the first pair."""
        return max([undisturbed.reference_speed(self.series), *self.recent])
