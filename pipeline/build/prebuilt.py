"""Prebuilt modules: take one in as an artifact.

A module has its digest in place of a provenance. So a published score can be checked on the very bytes that
it was made with.
"""

from __future__ import annotations

import hashlib
import os

from pipeline.build.module_facts import facts_of
from pipeline.core.artifact import Artifact, ArtifactRecord, save_record
from pipeline.core.errors import BadInput
from pipeline.core.files import write_atomic
from pipeline.core.model import MOST_MODULE_BYTES, PREBUILT, Prebuilt
from pipeline.core.text import for_terminal
from toolchain.model import WASM


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
        features=found.features,
        target=WASM,
        sha256=digest,
        bytes=len(data),
        interface=found.interface,
        unrunnable=found.unrunnable,
        # A name of invisible characters only leaves nothing to show.
        file=for_terminal(os.fsencode(os.path.basename(each.path)).decode("utf-8", "replace")) or each.name,
    )
    save_record(artifact, record)
