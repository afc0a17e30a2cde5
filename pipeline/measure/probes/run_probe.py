"""A small program of ours under a backend, in a worker of its own."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.core import paths
from pipeline.core.files import new_folder
from pipeline.core.model import Backend, Protocol
from pipeline.measure.guest import Guest
from pipeline.runtimes.launch import start


def ends_well(backend: Backend, protocol: Protocol, module: bytes) -> bool:
    """Whether it is loaded and ends well; raises Ended where it is not loaded, and WorkerError."""
    with new_folder(paths.BUILD) as folder:
        path = os.path.join(folder, "probe.wasm")
        Path(path).write_bytes(module)
        with start(backend, protocol) as worker:
            guest = Guest(worker, backend.name, protocol, forks=backend.forks)
            guest.load(path, backend.options)
            return guest.ends_well()
