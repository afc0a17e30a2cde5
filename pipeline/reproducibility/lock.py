"""artifacts.lock: what every default artifact must be, and the digests of all that decides it.

Written by ``doit run lock``. It carries a digest of itself, and its bytes are the only ones for what they
say, so that no edit and no flipped bit passes.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.build import inputs, libraries
from pipeline.build.artifacts import artifact_path, artifact_record, objects
from pipeline.core import paths
from pipeline.core.errors import BadInput, BuildError
from pipeline.core.files import digest_of, read_json, sha256, write_atomic
from pipeline.core.model import Workload
from pipeline.experiment.plan import Plan
from pipeline.reproducibility.binary_parts import anatomy
from toolchain.model import WASM, Toolchain, Variant

SCHEMA = 2
Lock = dict[str, Any]
_KEYS = ("schema", "sha256", "machine", "sources", "toolchains", "artifacts")
_ARTIFACT = ("file", "sha256", "bytes", "target", "flags", "link", "wasm_opt", "objects", "parts")


def write(plan: Plan) -> None:
    """Write the lock of what has been built; raises BadInput for anything but the whole matrix.

    artifacts.lock is of all of the project's workloads, a workload of the user's has one beside its
    workload.toml.
    """
    where = place(plan)
    others = {name: value for name, value in plan.given.items() if where == paths.LOCK or name != "workload"}
    if others:
        given = " ".join(f"{name}={value}" for name, value in others.items())
        raise BadInput(f"the lock is of the whole matrix; without {given}, type: doit run lock")
    for name, reason in absent(plan).items():
        raise BuildError(f"{name}: {reason}")
    found = describe(plan)
    write_atomic(where, serialise(found))
    print(f"{where}: {len(found['artifacts'])} artifacts", flush=True)


def place(plan: Plan) -> str:
    """Where the lock of a plan lies: the project's, or that of the one workload of somebody's own."""
    foreign = [w for w in plan.workloads if w.folder != f"{paths.WORKLOADS}/{w.name}"]
    if not foreign:
        return paths.LOCK
    if len(plan.workloads) > 1:
        raise BadInput(f"a workload of your own has a lock of its own; type: workload={foreign[0].folder}")
    return os.path.join(foreign[0].folder, paths.LOCK)


def describe(plan: Plan, root: Path = Path()) -> Lock:
    """The lock of what lies built in a folder; see ``absent`` for what is not in it."""
    artifacts = {}
    for workload, toolchain, variant, target in plan.artifacts():
        record = read_json(root / artifact_record(workload.name, toolchain.name, variant.name, target))
        if not record["present"]:
            continue
        path = root / artifact_path(workload.name, toolchain.name, variant.name, target)
        data = path.read_bytes()
        artifacts[name_of(workload, toolchain, variant, target)] = {
            "file": path.name,
            "sha256": sha256(path),
            "bytes": len(data),
            "target": record["target"],
            "flags": record["flags"],
            "link": record["link"],
            "wasm_opt": record["wasm_opt"],
            "objects": {
                Path(each).name: sha256(root / each)
                for each in sorted(objects(workload, toolchain.name, variant.name, target))
            },
            "parts": anatomy(data),
        }
    content: Lock = {
        "machine": platform.machine(),
        "sources": {
            each: sha256(root / each) for workload in plan.workloads for each in inputs.sources(workload)
        },
        "toolchains": _toolchains(plan, root),
        "artifacts": artifacts,
    }
    return seal(content)


def absent(plan: Plan, root: Path = Path()) -> dict[str, str]:
    """{artifact that could not be built: why}, of what lies in a folder."""
    found = {}
    for workload, toolchain, variant, target in plan.artifacts():
        record = read_json(root / artifact_record(workload.name, toolchain.name, variant.name, target))
        if not record["present"]:
            found[name_of(workload, toolchain, variant, target)] = record["reason"]
    return found


def seal(content: Mapping[str, Any]) -> Lock:
    """The same with schema and digest."""
    body = {"schema": SCHEMA, **{k: v for k, v in content.items() if k not in ("schema", "sha256")}}
    return {"schema": SCHEMA, "sha256": digest_of(body), **body}


def _toolchains(plan: Plan, root: Path) -> dict[str, Any]:
    found = {each.name: _toolchain(each, plan, root) for each in plan.builders()}
    if any(variant.wasm_opt is not None for variant in plan.variants):
        identity = read_json(root / paths.wasm_opt_identity())
        found[identity["name"]] = {**_identity(identity), "libc": {}}
    return found


def _identity(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": record["version"], "sha256": record["sha256"]}


def _toolchain(toolchain: Toolchain, plan: Plan, root: Path) -> dict[str, Any]:
    targets = dict.fromkeys(target for targets in plan.builds(toolchain).values() for target in targets)
    libc = {
        target: {Path(each).name: sha256(root / each) for each in inputs.libc(toolchain, target)}
        for target in sorted(targets, reverse=True)
    }
    for target, name in plan.libraries(toolchain):
        for each in libraries.archives(toolchain, target, [name]):
            libc[target][f"{name}: {Path(each).name}"] = sha256(root / each)
    return {**_identity(read_json(root / paths.toolchain_identity(toolchain.name))), "libc": libc}


def serialise(lock: Lock) -> bytes:
    """The only bytes that say this; a line for each thing that can change."""
    return (json.dumps(lock, indent=1, ensure_ascii=True, sort_keys=False) + "\n").encode("ascii")


def read(path: str = paths.LOCK) -> Lock:
    """Read a lock; raises BadInput where there is none, or one that is not as it was written."""
    if not os.path.exists(path):
        again = "doit run lock" if path == paths.LOCK else f"doit run lock workload={os.path.dirname(path)}"
        remedy = f"git checkout {path}, or: {again}" if path == paths.LOCK else again
        raise BadInput(f"there is no {path}; type: {remedy}")
    return parse(Path(path).read_bytes(), path)


def parse(data: bytes, where: str) -> Lock:
    """Check a lock to the last byte; raises BadInput. What it says need not be true, but has its form."""
    remedy = f"; type: git checkout {where}" if where == paths.LOCK else ""
    try:
        lock = json.loads(data.decode("ascii"))
        if not isinstance(lock, dict) or tuple(lock) != _KEYS or lock["schema"] != SCHEMA:
            raise ValueError(f"not a lock of schema {SCHEMA}")
        own = seal(lock)["sha256"]
        if lock["sha256"] != own:
            raise ValueError(f"its content has the SHA-256 {own}, it says {lock['sha256']}")
        if serialise(lock) != data:
            raise ValueError("its bytes are not those that doit run lock writes")
        _check(lock)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise BadInput(f"{where}: edited or damaged: {said}{remedy}") from None
    return lock


def _check(lock: Lock) -> None:
    """The types of what is read later on; raises ValueError."""
    _dictionary(lock["sources"], str)
    _dictionary(lock["toolchains"], dict)
    _dictionary(lock["artifacts"], dict)
    for toolchain in lock["toolchains"].values():
        if tuple(toolchain) != ("version", "sha256", "libc"):
            raise ValueError("a toolchain without version, digest or libc")
        _dictionary(toolchain["libc"], dict)
        for files in toolchain["libc"].values():
            _dictionary(files, str)
    for name, artifact in lock["artifacts"].items():
        if tuple(artifact) != _ARTIFACT:
            raise ValueError(f"{name[:80]}: expected {', '.join(_ARTIFACT)}")
        _dictionary(artifact["objects"], str)
        _dictionary(artifact["parts"], dict)
        for parts in artifact["parts"].values():
            _dictionary(parts, str)


def _dictionary(value: Any, kind: type) -> None:
    if not isinstance(value, dict) or not all(isinstance(each, kind) for each in value.values()):
        raise ValueError(f"expected a table of {kind.__name__}, found {str(value)[:80]}")


def name_of(workload: Workload, toolchain: Toolchain, variant: Variant, target: str) -> str:
    """What an artifact is called in a lock."""
    return f"{workload.name}/{toolchain.name}/{variant.name}/{target}"


def is_wasm(name: str) -> bool:
    """Whether the artifact of this name is the same on every machine."""
    return name.endswith(f"/{WASM}")
