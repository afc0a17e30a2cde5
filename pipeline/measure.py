"""Measure one round of one cell: fresh processes, short chunks, each beside one of the reference.

The order of a round: start both workers, load, validate both seed sets on both, calibrate and warm
up, then pairs of chunks in alternating order. Whatever the guest or its runtime does ends as the
status of the sample; only a fault of ours is an exception.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any

from pipeline import coremark, layout
from pipeline.backends import discover
from pipeline.build import artifact_path, artifact_record
from pipeline.errors import WorkerError
from pipeline.model import Backend, Cell, Protocol, Status
from pipeline.sample import SCHEMA, Sample, artifact_of, key_of, read, write
from pipeline.session import Ended, Loaded, Session, start
from pipeline.store import read_json, sha256
from toolchain.model import NATIVE, WASM


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
) -> Ended | None:
    """Measure once, filling ``facts`` as far as it gets; returns how it ended, None if well."""
    try:
        _round(cell, protocol, reference, facts)
    except Ended as error:
        return error
    except WorkerError as error:  # while it was starting
        return Ended(Status.CRASH, str(error))
    return None


def _round(cell: Cell, protocol: Protocol, reference: tuple[str, str], facts: dict[str, Any]) -> None:
    artifact = artifact_of(cell)
    identity = read_json(layout.runtime_identity(cell.backend.runtime.name))
    yardstick = read_json(artifact_record(*reference, NATIVE))
    for record, what in ((artifact, "artifact"), (yardstick, "reference"), (identity, "runtime")):
        if not record["present"]:
            raise Ended(Status.UNAVAILABLE, f"{what}: {record['reason']}")
    target = NATIVE if cell.backend.native else WASM
    path = artifact_path(cell.toolchain, cell.variant.name, target)
    facts.update(artifact_sha256=sha256(path), artifact_bytes=os.path.getsize(path))
    if facts["artifact_sha256"] != artifact["sha256"]:
        raise Ended(Status.INVALID, f"{path} is not what was linked; type: rm {path}")

    native = discover()["native"]
    with start(cell.backend, protocol) as worker, start(native, protocol) as reference_worker:
        subject = Session(worker, cell.backend.name, protocol, forks=cell.backend.native)
        other = Session(reference_worker, "reference", protocol, forks=True)
        loaded = subject.load(path, cell.backend.options)
        other.load(artifact_path(*reference, NATIVE), native.options)
        _prove(cell.backend, loaded, identity.get("version"))
        facts.update(
            version=loaded.version,
            proof=loaded.proof,
            compile_seconds=loaded.compile_seconds,
            code_bytes=loaded.code_bytes,
        )
        _validate(subject, other)
        facts.update(_chunks(subject, other, protocol))
        facts["peak_rss_bytes"] = subject.peak_rss_bytes


def _prove(backend: Backend, loaded: Loaded, version: str | None) -> None:
    """The runtime must be the version, and its compiler the one, that the cell's label says."""
    if loaded.version != version:
        raise Ended(Status.INVALID, f"the runtime says it is {loaded.version}, expected {version}")
    for name, value in backend.proof.items():
        found = loaded.proof.get(name)
        if found != value:
            raise Ended(Status.INVALID, f"it should prove {name} {value!r}, but its {name} is {found!r}")


def _validate(subject: Session, other: Session) -> None:
    """Both seed sets on both guests, and the same final CRC for the same number of iterations."""
    for seeds in coremark.SEED_SETS:
        found = subject.run(seeds, coremark.VALIDATION_ITERATIONS).crcfinal
        expected = other.run(seeds, coremark.VALIDATION_ITERATIONS).crcfinal
        _compare(found, expected, f"{subject.who}, {seeds.name} run")


def _compare(found: int, expected: int, what: str) -> None:
    if found != expected:
        raise Ended(Status.INVALID, f"{what}: crcfinal is 0x{found:04x}, native's is 0x{expected:04x}")


def _chunks(subject: Session, other: Session, protocol: Protocol) -> dict[str, Any]:
    """Calibrate both, then measure the pairs, which of the two goes first alternating."""
    iterations = subject.calibrate()
    reference_iterations = other.calibrate()
    scores: list[float] = []
    reference_scores: list[float] = []
    # CoreMark checks the first iteration's CRCs; what the rest computed shows in the final one only.
    expected = {
        subject: other.run(coremark.PERFORMANCE, iterations).crcfinal,
        other: other.run(coremark.PERFORMANCE, reference_iterations).crcfinal,
    }
    turns = [(subject, iterations, scores), (other, reference_iterations, reference_scores)]
    for pair in range(protocol.pairs):
        for session, count, found in turns if pair % 2 == 0 else reversed(turns):
            run = session.run(coremark.PERFORMANCE, count)
            _compare(run.crcfinal, expected[session], f"{session.who}, {count} iterations")
            found.append(run.score)
    return {
        "iterations": iterations,
        "reference_iterations": reference_iterations,
        "scores": scores,
        "reference_scores": reference_scores,
        "clock_agreement": subject.clock_agreement,
    }
