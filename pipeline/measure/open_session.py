"""Which session runs an artifact of a workload, and within which limits."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.core import paths
from pipeline.core.model import Backend, Protocol, Workload
from pipeline.measure.session import Session
from pipeline.runtimes.worker_process import Worker
from pipeline.workloads import validators


def within(workload: Workload, protocol: Protocol) -> Protocol:
    """The protocol with what the workload says of a run's time and memory."""
    memory = min(workload.memory_mib or protocol.memory_mib, protocol.memory_mib)
    seconds = workload.run_timeout_s or protocol.run_timeout_s
    return replace(protocol, memory_mib=memory, run_timeout_s=seconds)


def open_session(
    worker: Worker,
    who: str,
    protocol: Protocol,
    backend: Backend,
    workload: Workload,
    artifact: Mapping[str, Any],
) -> Session:
    """A session for an artifact whose record is given."""
    return _kind(workload, artifact)(
        worker=worker,
        who=who,
        protocol=protocol,
        forks=backend.forks,
        inputs=inputs(workload),
        validator=validators.validator_of(workload),
    )


def inputs(workload: Workload) -> dict[str, str]:
    """What the guest may read, as options of the request to load it: absolute paths."""
    found = {}
    if workload.stdin is not None:
        found["stdin"] = os.path.abspath(paths.staged_stdin(workload.name))
    if workload.files:
        found["files"] = os.path.abspath(paths.staged_files(workload.name))
    return found


def _kind(workload: Workload, artifact: Mapping[str, Any]) -> type[Session]:
    interface = artifact.get("interface")
    if interface is None:
        return Session
    sessions = importlib.import_module(validators.prebuilt_sessions_of(workload))
    kind: type[Session] = sessions.session_for(interface)
    return kind
