"""Missing features, found by running probes: which features of WebAssembly a backend does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.core.errors import WorkerError
from pipeline.core.model import Backend, Protocol, Status
from pipeline.measure.guest import Ended
from pipeline.measure.probes.run_probe import ends_well
from pipeline.wasm import feature_probes

#: {(backend, feature): whether it has it}, in this process: versions are part of a backend's name.
_answers: dict[tuple[str, str], bool] = {}
#: What Wasmer and Wasmtime say of a function of WASI that they do not have: older releases lack some.
_UNKNOWN_IMPORT = re.compile(
    r"(?=.*unknown import).*wasi_snapshot_preview1\W+(\w+)",
)
#: In place of a feature: a program without any.
_BASELINE = ""


def explained(
    error: Ended, backend: Backend, protocol: Protocol, used: Iterable[str], version: str | None
) -> Ended:
    """The same end, or its reason: features that a module uses and the backend does not have."""
    if backend.native or error.status in (Status.UNAVAILABLE, Status.TIMEOUT):
        return error
    who = f"{backend.name} ({version})" if version else backend.name
    if unknown := _UNKNOWN_IMPORT.search(error.reason):
        reason = f"needs {unknown[1]} of WASI, which {who} does not have"
        return Ended(Status.UNAVAILABLE, reason)
    missing = missing_features(backend, protocol, used)
    if not missing:
        return error
    return Ended(Status.UNAVAILABLE, f"needs {', '.join(missing)}, which {who} does not have")


def missing_features(backend: Backend, protocol: Protocol, features: Iterable[str]) -> list[str]:
    """Those of the features that the backend does not load or run, each tried in its own worker.

    Empty where it does not even run a program without any: then features are not what is wrong.
    """
    probed = [feature for feature in sorted(set(features)) if feature in feature_probes.FEATURES]
    if not probed or not _has(backend, protocol, _BASELINE):
        return []
    return [feature for feature in probed if not _has(backend, protocol, feature)]


def clear_answers() -> None:
    """Forget which features backends have, as a new process would."""
    _answers.clear()


def _has(backend: Backend, protocol: Protocol, feature: str) -> bool:
    key = backend.name, feature
    if key not in _answers:
        module = feature_probes.probe(feature) if feature else feature_probes.baseline()
        _answers[key] = _runs(backend.with_features([feature]), protocol, module)
    return _answers[key]


def _runs(backend: Backend, protocol: Protocol, module: bytes) -> bool:
    try:
        return ends_well(backend, protocol, module)
    except (Ended, WorkerError):
        return False
