"""Whether an engine takes the options that a backend's name has: asked before anything is measured."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import BadInput, WorkerError
from pipeline.core.files import new_folder
from pipeline.core.model import Backend, Protocol, Status
from pipeline.measure.guest import Ended, Guest
from pipeline.runtimes.identity import load_identity
from pipeline.runtimes.launch import start
from pipeline.wasm import feature_probes


def check(backend: Backend, protocol: Protocol) -> None:
    """Raises BadInput with the engine's words where it does not load a small program with these options.

    A runtime that is not here is left to its cells, which have the reason.
    """
    if not load_identity(backend.runtime).present:
        return
    with new_folder(paths.BUILD) as folder:
        path = os.path.join(folder, "probe.wasm")
        Path(path).write_bytes(feature_probes.baseline())
        try:
            with start(backend, protocol) as worker:
                guest = Guest(worker, backend.name, protocol, forks=backend.forks)
                guest.load(path, backend.options)
                if not guest.ends_well():
                    raise Ended(Status.TRAP, "a small program does not run with it")
        except (Ended, WorkerError) as error:
            reason = error.reason if isinstance(error, Ended) else str(error)
            words = reason.removeprefix(f"{backend.name}: ")
            named = " = ".join([backend.name, *backend.runtime.files])
            raise BadInput(f"backends: {named}: the engine does not take this: {words}") from None
