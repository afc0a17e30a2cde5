"""Which session runs an artifact of a workload, and within which limits."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from pipeline.core import paths
from pipeline.core.model import Backend, Interface, Protocol, Workload
from pipeline.measure.session import Session
from pipeline.measure.without_native import Startup, WithoutNative
from pipeline.runtimes.launch import start
from pipeline.runtimes.worker_process import Worker
from pipeline.workloads import validators


def open_session(
    worker: Worker,
    who: str,
    protocol: Protocol,
    backend: Backend,
    workload: Workload,
    interface: Interface | None = None,
) -> Session:
    """A session for an artifact of a workload; ``interface`` is that of a prebuilt module."""
    validator = validators.validator_of(workload)
    session = _kind(workload, interface, backend, protocol)(
        worker=worker,
        who=who,
        protocol=protocol,
        forks=backend.forks,
        steady_s=backend.steady_s,
        # A command is given the artifact as it is: what limits its guest is its worker's limit.
        capped=not backend.native and backend.runtime.worker != "command_worker.py",
        is_command=backend.is_command,
        inputs=inputs(workload) | ({"bench": True} if interface is Interface.BENCH else {}),
        gives_clocks=backend.runtime.gives_clocks,
        says_its_time=interface is Interface.BENCH,
        validator=validator,
    )
    if not workload.built:
        session.validated = validator.proof
    return session


def inputs(workload: Workload) -> dict[str, Any]:
    """What the guest may read, as options of the request to load it: absolute paths, variables."""
    found: dict[str, Any] = {}
    own = [case.name for case in workload.cases if case.own_stdin]
    if workload.stdin is not None or own:
        # A case with one of its own names it in the request to run.
        case = own[0] if workload.stdin is None else ""
        found["stdin"] = os.path.abspath(paths.staged_stdin(workload.name, case))
    if workload.files:
        found["files"] = os.path.abspath(paths.staged_files(workload.name))
    if workload.env:
        found["env"] = dict(workload.env)
    return found


def _kind(
    workload: Workload, interface: Interface | None, backend: Backend, protocol: Protocol
) -> Callable[..., Session]:
    if workload.figure.time == "startup":
        return partial(Startup, start_worker=partial(start, backend, protocol))
    if interface is None or not workload.built:
        return Session if workload.native else WithoutNative
    sessions = importlib.import_module(validators.prebuilt_sessions_of(workload))
    kind: type[Session] = sessions.session_for(interface)
    return kind
