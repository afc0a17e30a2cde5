"""Prebuilt modules, and native executables next to them: take one in as an artifact.

A module has its digest in place of a provenance. So a published score can be checked on the very bytes that
it was made with.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from msgspec.structs import replace

from pipeline.build.module_facts import facts_of
from pipeline.core.artifact import Artifact, ArtifactRecord, save_record
from pipeline.core.errors import BadInput
from pipeline.core.files import write_atomic
from pipeline.core.model import EXECUTABLE, MOST_MODULE_BYTES, PREBUILT, Prebuilt
from pipeline.core.text import for_terminal
from toolchain.model import NATIVE, WASM


def take_in(workload: str, each: Prebuilt) -> None:
    """Copy a module to the artifacts of a workload, with a record of it, also where nothing here can run it.

    Raises BadInput for one that is not what matrix.toml says that it is.
    """
    with open(each.path, "rb") as stream:
        data = stream.read(MOST_MODULE_BYTES + 1)
    digest = hashlib.sha256(data).hexdigest()
    if each.sha256 not in (None, digest):
        raise BadInput(f"{each.path}: its SHA-256 is {digest}, expected {each.sha256}")
    found = facts_of(data)
    artifact = Artifact(workload, PREBUILT, each.name, WASM)
    write_atomic(artifact.path, data)
    record = replace(
        _record(artifact, data, digest),
        features=found.features,
        interface=found.interface,
        unrunnable=found.unrunnable,
        producers=found.producers,
        # A name of invisible characters only leaves nothing to show.
        file=for_terminal(os.fsencode(os.path.basename(each.path)).decode("utf-8", "replace")) or each.name,
    )
    save_record(artifact, record)


def take_in_executable(workload: str, path: str) -> None:
    """Copy the native form of a program that is not built here, with a record of it."""
    artifact, data = Artifact(workload, PREBUILT, EXECUTABLE, NATIVE), Path(path).read_bytes()
    write_atomic(artifact.path, data)
    os.chmod(artifact.path, 0o755)
    record = _record(artifact, data, hashlib.sha256(data).hexdigest())
    save_record(artifact, replace(record, file=os.path.basename(path)))


def _record(artifact: Artifact, data: bytes, digest: str) -> ArtifactRecord:
    """What is recorded of anything that is not built here."""
    return ArtifactRecord(
        present=True,
        reason=None,
        workload=artifact.workload,
        toolchain=artifact.toolchain,
        variant=artifact.variant,
        flags=(),
        link=(),
        wasm_opt=None,
        needs=(),
        features=(),
        target=artifact.target,
        sha256=digest,
        bytes=len(data),
    )
