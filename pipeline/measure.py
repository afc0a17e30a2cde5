"""Measure one round of one cell: fresh processes, short chunks, each beside one of the reference.

The order of a round: start both workers, load, validate both seed sets on both, calibrate and warm
up, then pairs of chunks in alternating order. Whatever the guest or its runtime does ends as the
status of the sample; only a fault of ours is an exception.
"""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipeline import coremark, layout
from pipeline.backends import discover
from pipeline.build import artifact_path, artifact_record
from pipeline.environment import loader_folder
from pipeline.errors import WorkerError, WorkerTimeout
from pipeline.model import Backend, Cell, Protocol, Status
from pipeline.process import Worker
from pipeline.sample import SCHEMA, Sample, artifact_of, key_of, read, write
from pipeline.store import read_json, sha256
from toolchain.model import NATIVE, WASM

#: Guest seconds over host seconds around the call less the smallest overhead (start-up, printing) that
#: the session has seen. A busy host only makes it smaller, so the chunk at the 90th percentile is asked:
#: 0.99 to 1.00 was seen on an idle machine.
CLOCK_AGREEMENT = (0.75, 1.01)
#: Output of a CoreMark run is some 700 bytes; a guest that prints this much is not one.
OUTPUT_LIMIT = 64 * 1024
#: A first run is this long or shorter before it says anything about speed.
_CALIBRATION_FLOOR_S = 0.004
_MAX_ITERATIONS = 2**31 - 1


class _Ended(Exception):
    """The round ended early with a status and the reason for it."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass
class _Session:
    """A loaded guest that runs again and again in one worker."""

    worker: Worker
    who: str
    timeout_s: float
    peak_rss_bytes: int | None = None
    times: list[tuple[float, float]] = field(default_factory=list)  # (guest, host) seconds

    def run(self, seeds: coremark.SeedSet, iterations: int, *, watch: bool = False) -> coremark.Run:
        """Run once; returns only what was judged valid, raises _Ended otherwise."""
        request = {"op": "run", "argv": coremark.arguments(seeds, iterations), "watch": watch}
        answer = self.worker.request(request, self.timeout_s)
        if answer["outcome"] == "trap":
            raise _Ended(Status.TRAP, f"{self.who}: {answer['message']}")
        if answer["code"] != 0:
            raise _Ended(Status.INVALID, f"{self.who}: the guest exited with {answer['code']}")
        if answer["stdout_bytes"] > OUTPUT_LIMIT:
            raise _Ended(Status.INVALID, f"{self.who}: it printed {answer['stdout_bytes']} bytes and more")
        try:
            run = coremark.judge(answer["stdout"], seeds, iterations)
        except coremark.Invalid as error:
            raise _Ended(Status.INVALID, f"{self.who}: {error}") from None
        self.times.append((run.seconds, answer["wall_seconds"]))
        if watch:
            self.peak_rss_bytes = answer.get("peak_rss_bytes") or self.worker.peak_rss_bytes()
        return run

    def clock_agreement(self, chunks: int) -> float:
        """How fast the guest's clock ran against the host's over the last runs; raises _Ended."""
        overhead = max(0.0, min(host - guest for guest, host in self.times))
        ratios = sorted(guest / (host - overhead) for guest, host in self.times[-chunks:])
        agreement = ratios[math.ceil(0.9 * (len(ratios) - 1))]
        if not CLOCK_AGREEMENT[0] <= agreement <= CLOCK_AGREEMENT[1]:
            raise _Ended(
                Status.INVALID, f"{self.who}: the guest's clock ran at {agreement:.3f} of the host's"
            )
        return agreement

    def calibrate(self, chunk_s: float, warmup: int) -> int:
        """Return the iterations of one chunk, after ``warmup`` chunks of about that length."""
        iterations = 1
        run = self.run(coremark.PERFORMANCE, iterations)
        while run.seconds < _CALIBRATION_FLOOR_S:
            iterations *= 4
            run = self.run(coremark.PERFORMANCE, iterations)
        for left in reversed(range(max(1, warmup))):
            iterations = max(1, min(round(run.score * chunk_s), _MAX_ITERATIONS))
            run = self.run(coremark.PERFORMANCE, iterations, watch=left == 0)
        return iterations


def measure(cell: Cell, protocol: Protocol, reference: tuple[str, str], round_: int) -> None:
    """Leave the sample of one round; keep the one that lies there if its inputs are today's."""
    path = layout.sample(cell.name, round_)
    key = key_of(cell, protocol, reference, round_)
    lying = read(path)
    if lying is not None and lying.key == key:
        return
    facts: dict[str, Any] = {}
    ended = _attempt(cell, protocol, reference, facts)
    if ended is not None and ended.status not in (Status.UNAVAILABLE, Status.TIMEOUT):
        # Once more: a worker that someone killed, or a clock that a busy machine tore, says nothing
        # about the cell. What is really wrong is wrong again.
        facts.clear()
        ended = _attempt(cell, protocol, reference, facts)
    if ended is not None:
        facts["scores"] = facts["reference_scores"] = []
    if key_of(cell, protocol, reference, round_) != key:
        raise WorkerError(
            f"{cell.name}: its artifact or its runtime changed while it was measured; "
            "nothing was kept; type: doit run"
        )
    write(
        path,
        Sample(
            schema=SCHEMA,
            key=key,
            cell=cell.name,
            round=round_,
            status=Status.OK if ended is None else ended.status,
            reason=None if ended is None else ended.reason,
            measured=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            **facts,
        ),
    )


def _attempt(
    cell: Cell, protocol: Protocol, reference: tuple[str, str], facts: dict[str, Any]
) -> _Ended | None:
    """Measure once, filling ``facts`` as far as it gets; returns how it ended, None if well."""
    try:
        _round(cell, protocol, reference, facts)
    except _Ended as error:
        return error
    except WorkerTimeout as error:
        return _Ended(Status.TIMEOUT, f"killed: {error}")
    except WorkerError as error:
        return _Ended(Status.CRASH, str(error))
    return None


def _round(cell: Cell, protocol: Protocol, reference: tuple[str, str], facts: dict[str, Any]) -> None:
    artifact = artifact_of(cell)
    identity = read_json(layout.runtime_identity(cell.backend.runtime.name))
    yardstick = read_json(artifact_record(*reference, NATIVE))
    for record, what in ((artifact, "artifact"), (yardstick, "reference"), (identity, "runtime")):
        if not record["present"]:
            raise _Ended(Status.UNAVAILABLE, f"{what}: {record['reason']}")
    target = NATIVE if cell.backend.native else WASM
    path = artifact_path(cell.toolchain, cell.variant.name, target)
    facts.update(artifact_sha256=sha256(path), artifact_bytes=os.path.getsize(path))

    with (
        start(cell.backend, protocol) as worker,
        start(discover()["native"], protocol) as reference_worker,
    ):
        loaded = _load(worker, cell.backend, path, protocol)
        _load(reference_worker, discover()["native"], artifact_path(*reference, NATIVE), protocol)
        expected = identity.get("version")
        if loaded["version"] != expected:
            raise _Ended(Status.INVALID, f"the runtime says it is {loaded['version']}, expected {expected}")
        for name, value in cell.backend.proof.items():
            if loaded["proof"].get(name) != value:
                found = loaded["proof"].get(name)
                raise _Ended(Status.INVALID, f"it should prove {name} {value!r}, but its {name} is {found!r}")
        facts.update({k: loaded[k] for k in ("version", "proof", "compile_seconds", "code_bytes")})
        subject = _Session(worker, cell.backend.name, protocol.run_timeout_s)
        other = _Session(reference_worker, "reference", protocol.run_timeout_s)
        _validate(subject, other)
        facts.update(_chunks(subject, other, protocol))
        facts["peak_rss_bytes"] = subject.peak_rss_bytes


def start(backend: Backend, protocol: Protocol) -> Worker:
    """The worker process of a backend, in its own interpreter, with nothing of our environment."""
    runtime = backend.runtime
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    python = Path(sys.executable)
    if runtime.environment is not None:
        folder = (layout.ROOT / layout.environment(runtime.environment)).absolute()
        python = layout.python_of(folder)
        if runtime.loader_links:
            environment["LD_LIBRARY_PATH"] = str(loader_folder(folder))
    script = layout.ROOT / layout.worker(runtime.worker)
    # -B: no bytecode files beside the workers; -s: nothing from the user's own packages.
    command = [str(python), "-B", "-s", str(script)]
    return Worker(command, environment, memory_mib=protocol.memory_mib)


def _load(worker: Worker, backend: Backend, path: str, protocol: Protocol) -> dict[str, Any]:
    answer = worker.request(
        {"op": "load", "path": os.path.abspath(path), "options": dict(backend.options)},
        protocol.load_timeout_s,
    )
    if "refused" in answer:
        raise _Ended(Status.INVALID, f"{backend.name} refuses the module: {answer['refused']}")
    return answer


def _validate(subject: _Session, other: _Session) -> None:
    """Both seed sets on both guests, and the same final CRC for the same number of iterations."""
    for seeds in coremark.SEED_SETS:
        found = subject.run(seeds, coremark.VALIDATION_ITERATIONS).crcfinal
        expected = other.run(seeds, coremark.VALIDATION_ITERATIONS).crcfinal
        if found != expected:
            raise _Ended(
                Status.INVALID,
                f"{seeds.name} run: crcfinal is 0x{found:04x}, native's is 0x{expected:04x}",
            )


def _chunks(subject: _Session, other: _Session, protocol: Protocol) -> dict[str, Any]:
    """Calibrate both, then measure the pairs, which of the two goes first alternating."""
    chunk_s = protocol.chunk_ms / 1000
    iterations = subject.calibrate(chunk_s, protocol.warmup_chunks)
    reference_iterations = other.calibrate(chunk_s, protocol.warmup_chunks)
    scores: list[float] = []
    reference_scores: list[float] = []
    for pair in range(protocol.pairs):
        turns = [(subject, iterations, scores), (other, reference_iterations, reference_scores)]
        for session, count, found in turns if pair % 2 == 0 else reversed(turns):
            found.append(session.run(coremark.PERFORMANCE, count).score)
    other.clock_agreement(protocol.pairs)
    return {
        "iterations": iterations,
        "reference_iterations": reference_iterations,
        "scores": scores,
        "reference_scores": reference_scores,
        "clock_agreement": subject.clock_agreement(protocol.pairs),
    }
