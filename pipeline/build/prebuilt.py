"""Prebuilt modules: take one in as an artifact.

A module has its digest in place of a provenance. So a published score can be checked on the very bytes that
it was made with.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from pipeline.core.artifact import Artifact, ArtifactRecord, save_record
from pipeline.core.errors import BadInput
from pipeline.core.files import write_atomic
from pipeline.core.model import MOST_MODULE_BYTES, PREBUILT, Interface, Prebuilt
from pipeline.core.text import for_terminal
from toolchain.model import WASM

if TYPE_CHECKING:
    from pipeline.wasm.module import Module

#: By the type of its clock.
_RUN = {"(func (result i32))": Interface.RUN32, "(func (result i64))": Interface.RUN64}
_EXPECTED = (
    "expected a WASI command (exports _start and memory, imports wasi_snapshot_preview1 only) or a module "
    "that exports run: () -> f32 and imports env.clock_ms: () -> i32 or i64 only"
)


def take_in(workload: str, each: Prebuilt) -> None:
    """Copy a module to the artifacts of a workload, with a record of it; raises BadInput."""
    from pipeline.wasm.features import features_if_valid  # not for a run that takes nothing in
    from pipeline.wasm.module import read_interface
    from pipeline.wasm.sections import WasmError

    with open(each.path, "rb") as stream:
        data = stream.read(MOST_MODULE_BYTES + 1)
    try:
        module = read_interface(data)
    except WasmError as error:
        raise BadInput(f"{each.path}: not a WebAssembly module: {error}; {_EXPECTED}") from None
    interface = _interface(each.path, module)
    digest = hashlib.sha256(data).hexdigest()
    if each.sha256 not in (None, digest):
        raise BadInput(f"{each.path}: its SHA-256 is {digest}, expected {each.sha256}")
    artifact = Artifact(workload, PREBUILT, each.name, WASM)
    write_atomic(artifact.path, data)
    record = ArtifactRecord(
        present=True,
        reason=None,
        workload=workload,
        toolchain=PREBUILT,
        variant=each.name,
        flags=(),
        link=(),
        wasm_opt=None,
        needs=(),
        features=features_if_valid(data),
        target=WASM,
        sha256=digest,
        bytes=len(data),
        interface=interface,
        # A name of invisible characters only leaves nothing to show.
        file=for_terminal(os.fsencode(os.path.basename(each.path)).decode("utf-8", "replace")) or each.name,
    )
    save_record(artifact, record)


def _interface(path: str, module: Module) -> Interface:
    """How a module is run; raises BadInput for one that has no interface that is known here."""
    exports = {(each.kind, each.name): each.index for each in module.exports}
    imports = [(each.kind, each.module, each.name) for each in module.imports]
    names = {each.module for each in module.imports}
    if ("func", "_start") in exports and names <= {"wasi_snapshot_preview1"} and names:
        if ("memory", "memory") in exports:
            return Interface.COMMAND
    elif ("func", "run") in exports and imports == [("func", "env", "clock_ms")]:
        run, clock = module.signatures[exports["func", "run"]], module.signatures[0]
        if run == "(func (result f32))" and clock in _RUN:
            return _RUN[clock]
        types = f"its export run has the type {run}, its import env.clock_ms the type {clock}"
        raise BadInput(f"{path}: {types}; {_EXPECTED}")
    shown = ", ".join(f"{m}.{n}" for _, m, n in imports[:4]) or "nothing"
    has = ", ".join(name for _, name in list(exports)[:4]) or "nothing"
    raise BadInput(f"{path}: it exports {has} and imports {shown}; {_EXPECTED}")
