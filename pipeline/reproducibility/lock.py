"""artifacts.lock: what every default artifact must be, and the digests of all that decides it.

Written by ``doit run lock``. It carries a digest of itself, and only one sequence of bytes is a lock with its
content, so every edit and every flipped bit is refused.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import msgspec

from pipeline.build import artifact_inputs, libraries
from pipeline.build.compilers import ToolchainRecord
from pipeline.core import hints, paths
from pipeline.core.artifact import ArtifactRecord, BuildSpec, load_record
from pipeline.core.errors import BadInput, BuildError
from pipeline.core.files import digest_of, read_record, sha256, write_atomic
from pipeline.experiment.plan import Plan
from pipeline.reproducibility.binary_parts import Anatomy, anatomy
from toolchain.model import WASM, Toolchain

SCHEMA = 2


class LockedArtifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One artifact: its digest, and what it was built with and from."""

    file: str
    sha256: str
    bytes: int
    target: str
    flags: list[str]
    link: list[str]
    wasm_opt: list[str] | None
    objects: dict[str, str]  # {file: SHA-256}
    parts: Anatomy


class LockedToolchain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One compiler, or wasm-opt."""

    version: str
    sha256: str
    libc: dict[str, dict[str, str]]  # {target: {file: SHA-256}}


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of artifacts.lock; ``sha256`` is the digest of all other fields."""

    schema: int
    sha256: str
    machine: str
    sources: dict[str, str]  # {path: SHA-256}
    toolchains: dict[str, LockedToolchain]
    artifacts: dict[str, LockedArtifact]  # by Artifact.id


def refuse(plan: Plan) -> None:
    """Raise BadInput for anything but the whole matrix, which a lock covers."""
    refuse_choice(plan, "the lock covers", "lock")


def refuse_choice(plan: Plan, what: str, task: str) -> None:
    """Raise BadInput where the command line chooses a part of the matrix."""
    kept = _of_lock(plan)
    others = {name: value for name, value in plan.given.items() if name not in kept}
    if others:
        given, again = hints.variables(others), hints.command(task, given=kept)
        raise BadInput(f"{what} the whole matrix; without {given}, run: {again}")


def _of_lock(plan: Plan) -> dict[str, str]:
    """The variables of the command line that choose a lock: a workload of the user's own."""
    own = lock_path(plan) != paths.LOCK
    return {name: value for name, value in plan.given.items() if own and name in ("workload", "workloads")}


def how_to_write(plan: Plan) -> str:
    """The command that writes the lock of a plan."""
    return hints.command("lock", given=_of_lock(plan))


def write(plan: Plan) -> None:
    """Write the lock of what has been built; ``refuse`` says of what.

    artifacts.lock covers all of the project's workloads; a workload of the user's has one next to its
    workload.toml.
    """
    refuse(plan)
    where = lock_path(plan)
    lock, absent = describe(plan)
    for name, reason in absent.items():
        raise BuildError(f"{name}: {reason}")
    write_atomic(where, serialise(lock))
    print(f"{where}: {len(lock.artifacts)} artifacts", flush=True)


def lock_path(plan: Plan) -> str:
    """The path of a plan's lock: the project's, or that of the user's one workload."""
    own = [w for w in plan.workloads if w.folder != f"{paths.WORKLOADS}/{w.name}"]
    if not own:
        return paths.LOCK
    if len(plan.workloads) > 1:
        raise BadInput(f"a workload of your own has its own lock; give it alone: workload={own[0].folder}")
    return os.path.join(own[0].folder, paths.LOCK)


def describe(plan: Plan, root: Path = Path()) -> tuple[Lock, dict[str, str]]:
    """The lock of what is built in a folder, and {artifact: why} of what could not be built there."""
    artifacts: dict[str, LockedArtifact] = {}
    absent: dict[str, str] = {}
    for spec in plan.artifacts():
        record = load_record(spec.artifact, root)
        if record.present:
            artifacts[spec.artifact.id] = _artifact(spec, record, root)
        else:
            absent[spec.artifact.id] = str(record.reason)
    sources = (each for workload in plan.workloads for each in artifact_inputs.sources(workload))
    lock = Lock(
        schema=SCHEMA,
        sha256="",
        machine=platform.machine(),
        sources={each: sha256(root / each) for each in sources},
        toolchains=_toolchains(plan, root),
        artifacts=artifacts,
    )
    return seal(lock), absent


def _artifact(spec: BuildSpec, record: ArtifactRecord, root: Path) -> LockedArtifact:
    path = root / spec.artifact.path
    data = path.read_bytes()
    return LockedArtifact(
        file=path.name,
        sha256=sha256(path),
        bytes=len(data),
        target=record.target,
        flags=list(record.flags),
        link=list(record.link),
        wasm_opt=None if record.wasm_opt is None else list(record.wasm_opt),
        objects={Path(each).name: sha256(root / each) for each in sorted(spec.objects)},
        parts=anatomy(data),
    )


def seal(lock: Lock) -> Lock:
    """The same lock with the digest of its content."""
    return msgspec.structs.replace(lock, sha256=_digest(lock))


def _digest(lock: Lock) -> str:
    content: dict[str, Any] = msgspec.to_builtins(lock)
    del content["sha256"]
    return digest_of(content)


def _toolchains(plan: Plan, root: Path) -> dict[str, LockedToolchain]:
    toolchains = {each.name: _toolchain(each, plan, root) for each in plan.builders()}
    if any(variant.wasm_opt is not None for variant in plan.variants):
        record = read_record(root / paths.wasm_opt_identity(), ToolchainRecord)
        toolchains[record.name] = LockedToolchain(record.version, record.sha256, {})
    return toolchains


def _toolchain(toolchain: Toolchain, plan: Plan, root: Path) -> LockedToolchain:
    targets = dict.fromkeys(target for targets in plan.builds(toolchain).values() for target in targets)
    libc = {
        target: {Path(each).name: sha256(root / each) for each in artifact_inputs.libc(toolchain, target)}
        for target in sorted(targets, reverse=True)
    }
    for target, name in plan.libraries(toolchain):
        for each in libraries.archives(toolchain, target, [name]):
            libc[target][f"{name}: {Path(each).name}"] = sha256(root / each)
    record = read_record(root / paths.toolchain_identity(toolchain.name), ToolchainRecord)
    return LockedToolchain(record.version, record.sha256, libc)


def serialise(lock: Lock) -> bytes:
    """The only bytes with this content; a line for each thing that can change."""
    text = json.dumps(msgspec.to_builtins(lock), indent=1, ensure_ascii=True, sort_keys=False)
    return f"{text}\n".encode("ascii")


def read(path: str = paths.LOCK) -> Lock:
    """Read a lock; raises BadInput where there is none, or one that was changed after it was written."""
    if not os.path.exists(path):
        own = {} if path == paths.LOCK else {"workload": os.path.dirname(path)}
        again = hints.command("lock", given=own)
        remedy = f"git checkout {path}, or: {again}" if path == paths.LOCK else again
        raise BadInput(f"there is no {path}; run: {remedy}")
    return parse(Path(path).read_bytes(), path)


def parse(data: bytes, where: str) -> Lock:
    """Check the form of a lock to the last byte, not whether its content is true; raises BadInput."""
    remedy = f"; run: git checkout {where}" if where == paths.LOCK else ""
    try:
        lock = msgspec.json.decode(data, type=Lock)
        if lock.schema != SCHEMA:
            raise ValueError(f"a lock of schema {lock.schema}, expected {SCHEMA}")
        if lock.sha256 != _digest(lock):
            raise ValueError(f"its content has the SHA-256 {_digest(lock)}, recorded is {lock.sha256}")
        if serialise(lock) != data:
            raise ValueError("its bytes are not those that doit run lock writes")
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{where}: edited or damaged: {reason}{remedy}") from None
    return lock


def is_wasm(name: str) -> bool:
    """Whether the artifact of this name is the same on every machine."""
    return name.endswith(f"/{WASM}")
