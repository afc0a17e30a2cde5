"""Small programs under a runtime that is only a command, or starts slowly: what is not seen from outside."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import WorkerError
from pipeline.core.files import new_folder
from pipeline.core.model import Backend, Protocol, Status
from pipeline.core.text import for_terminal
from pipeline.measure.guest import Ended, Guest
from pipeline.measure.probes.own_output import MARK, MODULE, NOTHING, OwnOutput, found_around
from pipeline.runtimes.launch import start
from pipeline.runtimes.worker_process import Worker
from pipeline.wasm import feature_probes

#: {backend: what it adds}, in this process: versions are part of a backend's name.
_found: dict[str, OwnOutput] = {}


def own_output(backend: Backend, protocol: Protocol) -> OwnOutput:
    """What a backend adds to the output of its guests; asked once in a process.

    Nothing where it does not run the program that is to show it: ``explained`` reports that.
    """
    if not (backend.is_command or backend.runtime.starts_slowly):
        return NOTHING
    if backend.name not in _found:
        named = tuple(pattern.encode() for pattern in backend.options.get("own_lines", ()))
        try:
            found = _ask(backend, protocol)
        except (Ended, WorkerError):
            found = NOTHING
        _found[backend.name] = replace(found, named=named)
    return _found[backend.name]


def clear() -> None:
    """Forget what was found, as a new process would."""
    _found.clear()


def explained(error: Ended, backend: Backend, protocol: Protocol, code: int) -> Ended:
    """The same end, with what is known of the command that ran the guest; ``code`` is its exit status."""
    if not backend.is_command or error.status is not Status.INVALID:
        return error
    if code != 0:
        try:
            _ask(backend, protocol)
        except Ended as broken:  # so it says nothing about the guest
            return broken
        except WorkerError:
            return error
    trapped = _status_of_trap(backend, protocol)
    if code == trapped != 0:
        # 1 may also be the guest's own.
        return error if code == 1 else error.restated(Status.TRAP, error.reason)
    if code == trapped == 0:
        more = f"{backend.name} ends with status 0 also where a guest traps; to see if it did, run it by hand"
    elif code == 0:
        table = f"[runtimes.{backend.name}] of matrix.toml"
        more = f"if a line is printed by {backend.name} itself, name it in own_lines, in {table}"
    else:
        return error
    return error.restated(Status.INVALID, f"{error.reason}; {more}")


def _ask(backend: Backend, protocol: Protocol) -> OwnOutput:
    with new_folder(paths.BUILD) as folder, start(backend, protocol) as worker:
        guest = _loaded(backend, protocol, worker, folder, feature_probes.printing(MARK))
        try:
            guest.output_of(["probe"])  # what is made once, as a cache of compiled code
            output = guest.output_of(["probe"])
        except Ended as error:
            reason = error.reason.removeprefix(f"{backend.name}: ").replace("the guest exited", "it ended")
            raise Ended(error.status, f"{_no_line(backend)}: {reason}") from None
        if MARK not in output:
            shown = for_terminal(output.decode("utf-8", "replace"), 100)
            raise Ended(Status.INVALID, f"{_no_line(backend)}: it prints {shown!r} instead")
        return found_around(output, os.fsencode(folder), guest.wall_seconds)


def _no_line(backend: Backend) -> str:
    return f"{backend.name} does not run a program that only prints a line, with its argv of matrix.toml"


def _status_of_trap(backend: Backend, protocol: Protocol) -> int | None:
    """The exit status where a guest traps; None where it dies of a signal."""
    try:
        with new_folder(paths.BUILD) as folder, start(backend, protocol) as worker:
            guest = _loaded(backend, protocol, worker, folder, feature_probes.trapping())
            try:
                guest.output_of(["probe"])
            except Ended as error:
                return None if error.status is Status.TRAP else guest.exit_status
            return 0
    except (Ended, WorkerError):
        return None


def _loaded(backend: Backend, protocol: Protocol, worker: Worker, folder: str, module: bytes) -> Guest:
    path = os.path.join(folder, os.fsdecode(MODULE))
    Path(path).write_bytes(module)
    guest = Guest(worker, backend.name, protocol, forks=backend.forks)
    guest.load(path, backend.options)
    return guest
