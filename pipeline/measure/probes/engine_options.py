"""Whether an engine takes the options that a backend's name has: asked before anything is measured."""

from __future__ import annotations

from pipeline.core.errors import BadInput, WorkerError
from pipeline.core.model import Backend, Protocol
from pipeline.measure.guest import Ended
from pipeline.measure.probes.run_probe import ends_well
from pipeline.runtimes.identity import load_identity
from pipeline.wasm import feature_probes


def check(backend: Backend, protocol: Protocol) -> None:
    """Raises BadInput with the engine's words where it does not load a small program with these options.

    A runtime that is not here is left to its cells, which have the reason.
    """
    if not load_identity(backend.runtime).present:
        return
    try:
        if ends_well(backend, protocol, feature_probes.baseline()):
            return
        reason = "a small program does not run with it"
    except (Ended, WorkerError) as error:
        reason = error.reason if isinstance(error, Ended) else str(error)
    words = reason.removeprefix(f"{backend.name}: ")
    named = " = ".join([backend.name, *backend.runtime.files])
    raise BadInput(f"backends: {named}: the engine does not take this: {words}")
