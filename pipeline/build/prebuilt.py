"""Modules that somebody else built: which are asked for, and taking one in as an artifact.

A module has its digest in place of a provenance. So a published score can be checked on the very bytes that
it was made with.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Mapping
from typing import Any

from pipeline.build.artifacts import artifact_path, artifact_record
from pipeline.core import paths
from pipeline.core.errors import BadInput, plain
from pipeline.core.files import write_atomic, write_json
from pipeline.core.model import PREBUILT, Interface, Prebuilt
from pipeline.core.toml_checks import NAME, named, only
from toolchain.model import WASM

#: Benchmarks are some 50 kB; more than this is none, and would be read whole.
MOST_BYTES = 64 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAGIC = b"\0asm"
#: By what its clock returns.
_RUN = {"i32": Interface.RUN32, "i64": Interface.RUN64}
_EXPECTED = (
    "expected a WASI command (exports _start and memory, imports wasi_snapshot_preview1 only) or a module "
    "that exports run: () -> f32 and imports env.clock_ms: () -> i32 or i64 only"
)


def chosen(
    path: str, data: Mapping[str, Any], variables: Mapping[str, str], taken: Collection[str]
) -> tuple[Prebuilt, ...]:
    """The modules of [artifacts], or those of artifact=FILE[,FILE…]; raises BadInput for what is none.

    ``taken`` are names of variants, which no module may have: both are columns of one table.
    """
    found = [_described(path, name, entry) for name, entry in data.get("artifacts", {}).items()]
    if "artifact" in variables:
        found = _given(variables["artifact"], taken)
    for where, each in found:
        if each.name in taken:
            raise BadInput(f"{where}: {each.name} is a variant of our own; choose another name")
    for where, each in found:
        _check(where, each)
    return tuple(each for _, each in found)


def _described(path: str, name: str, entry: object) -> tuple[str, Prebuilt]:
    where = f"artifacts.{name}"
    named(path, where, name)
    entry = {"file": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict):
        raise BadInput(f"{path}: {where}: expected a path or {{ file = …, sha256 = … }}, found {entry!r}")
    only(path, where, entry, ["file", "sha256"])
    file, digest = entry.get("file"), entry.get("sha256")
    if not isinstance(file, str) or not file:
        raise BadInput(f"{path}: {where}: expected the path of a .wasm file, found {file!r}")
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise BadInput(f"{path}: {where}.sha256: expected 64 hexadecimal digits, found {digest!r}")
    return f"{path}: {where}", Prebuilt(name, os.path.expanduser(file), digest)


def _given(text: str, taken: Collection[str]) -> list[tuple[str, Prebuilt]]:
    """Of the command line: a file that is there by its whole name, or several, separated by commas."""
    where = "command line: artifact"
    whole = os.path.expanduser(text)
    files = [whole] if os.path.exists(whole) else [os.path.expanduser(x.strip()) for x in text.split(",")]
    files = [file for file in files if file]
    if not files:
        raise BadInput(f"{where}= is empty; give a .wasm file")
    found: dict[str, Prebuilt] = {}
    for file in dict.fromkeys(files):
        stem = re.sub(r"[^A-Za-z0-9._+-]", "_", os.path.basename(file).removesuffix(".wasm"))[:60]
        base = stem.lstrip("-._+") or "module"
        assert NAME.fullmatch(base), base
        names = (base, f"{base}-theirs", *(f"{base}-{number}" for number in range(2, len(files) + 3)))
        name = next(each for each in names if each not in found and each not in taken)
        found[name] = Prebuilt(name, file)
    return [(where, each) for each in found.values()]


def _check(where: str, each: Prebuilt) -> None:
    """What can be seen at a glance; raises BadInput."""
    try:
        status = os.stat(each.path)
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{where}: {each.path}: not a file; expected a .wasm module")
        if status.st_size > MOST_BYTES:
            raise BadInput(f"{where}: {each.path}: {status.st_size} bytes; expected at most {MOST_BYTES}")
        with open(each.path, "rb") as stream:
            magic = stream.read(len(_MAGIC))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{where}: {each.path}: {reason}; expected a .wasm module") from None
    within = os.path.relpath(os.path.realpath(each.path), os.path.realpath(paths.ARTIFACTS)).split(os.sep)
    if within[1:2] == [PREBUILT]:
        raise BadInput(f"{where}: {each.path}: what was taken in from elsewhere; give the original")
    if magic != _MAGIC:
        raise BadInput(f"{where}: {each.path}: it begins with {magic!r}; expected a .wasm module (\\0asm)")


def take_in(workload: str, each: Prebuilt) -> None:
    """Copy a module to where artifacts of a workload lie, beside a record of it; raises BadInput."""
    from pipeline.wasm.decoder import parse  # tables of opcodes: not for a run that takes nothing in
    from pipeline.wasm.features import features
    from pipeline.wasm.instructions import WasmError

    with open(each.path, "rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    try:
        module = parse(data)
        used = sorted(features(module))
    except WasmError as error:
        raise BadInput(f"{each.path}: not a WebAssembly module: {error}; {_EXPECTED}") from None
    interface = _interface(each.path, module)
    digest = hashlib.sha256(data).hexdigest()
    if each.sha256 not in (None, digest):
        raise BadInput(f"{each.path}: its SHA-256 is {digest}, expected {each.sha256}")
    write_atomic(artifact_path(workload, PREBUILT, each.name, WASM), data)
    record = {
        "present": True,
        "reason": None,
        "workload": workload,
        "toolchain": PREBUILT,
        "variant": each.name,
        "flags": [],
        "link": [],
        "wasm_opt": None,
        "needs": [],
        "features": used,
        "target": WASM,
        "sha256": digest,
        "bytes": len(data),
        "interface": interface,
        "file": plain(os.fsencode(os.path.basename(each.path)).decode("utf-8", "replace")),
    }
    write_json(artifact_record(workload, PREBUILT, each.name, WASM), record)


def _interface(path: str, module: Any) -> str:
    """How a parsed module is run; raises BadInput for one that is of neither kind."""
    exports = {(e.kind, e.name): e.index for e in module.exports}
    imports = [(i.kind, i.module, i.name) for i in module.imports]
    names = {i.module for i in module.imports}
    if ("function", "_start") in exports and names <= {"wasi_snapshot_preview1"} and names:
        if ("memory", "memory") in exports:
            return Interface.COMMAND.value
    elif ("function", "run") in exports and imports == [("function", "env", "clock_ms")]:
        run, clock = module.signatures[exports["function", "run"]], module.signatures[0]
        given = clock.results[0] if len(clock.results) == 1 and not clock.parameters else ""
        if (run.parameters, run.results) == ((), ("f32",)) and given in _RUN:
            return _RUN[given].value
        raise BadInput(f"{path}: its run is {run} and its env.clock_ms {clock}; {_EXPECTED}")
    shown = ", ".join(f"{m}.{n}" for _, m, n in imports[:4]) or "nothing"
    has = ", ".join(name for _, name in list(exports)[:4]) or "nothing"
    raise BadInput(f"{path}: it exports {has} and imports {shown}; {_EXPECTED}")
