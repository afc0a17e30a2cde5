"""Why a module does not run: which of the features that it uses a backend lacks, as the backend shows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import WorkerError
from pipeline.core.files import new_folder
from pipeline.core.model import Backend, Protocol
from pipeline.measure.guest import Ended, Guest
from pipeline.runtimes.launch import start
from pipeline.wasm import feature_probes

#: {(backend, feature): whether it has it}, of this process: versions are parts of backends' names.
_known: dict[tuple[str, str], bool] = {}
_BASELINE = ""


def lacking(backend: Backend, protocol: Protocol, features: Iterable[str]) -> list[str]:
    """Those of the features that the backend does not load or run, each tried in a worker of its own.

    Empty where it does not even run a program without any: then features are not what is wrong.
    """
    tried = [feature for feature in sorted(set(features)) if feature in feature_probes.FEATURES]
    if not tried or not _has(backend, protocol, _BASELINE):
        return []
    return [feature for feature in tried if not _has(backend, protocol, feature)]


def _has(backend: Backend, protocol: Protocol, feature: str) -> bool:
    key = backend.name, feature
    if key not in _known:
        _known[key] = _runs(
            backend, protocol, feature_probes.probe(feature) if feature else feature_probes.baseline()
        )
    return _known[key]


def _runs(backend: Backend, protocol: Protocol, module: bytes) -> bool:
    with new_folder(paths.BUILD) as folder:
        path = os.path.join(folder, "probe.wasm")
        Path(path).write_bytes(module)
        try:
            with start(backend, protocol) as worker:
                guest = Guest(worker, backend.name, protocol, forks=backend.forks)
                guest.load(path, backend.options)
                return guest.ends_well()
        except (Ended, WorkerError):
            return False
