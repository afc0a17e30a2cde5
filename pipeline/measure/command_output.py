"""What a runtime that is only a command prints around a guest's output: found with a program whose output is
known, and taken off again.

Many print a line before a guest runs, or its result at the end. Lines are taken off only where the program's
had the same ones, but for numbers and the path of the module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import WorkerError
from pipeline.core.files import new_folder
from pipeline.core.model import Backend, Protocol
from pipeline.measure.guest import Ended, Guest
from pipeline.runtimes.launch import start
from pipeline.wasm import feature_probes

_MARK = b"the output of a program"
_NUMBER = re.compile(rb"\d+(?:\\?[.,:]\d+)*(?:\\ )?\w*")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")

#: {backend: what it adds}, in this process: versions are part of a backend's name.
_found: dict[str, OwnOutput] = {}


@dataclass(frozen=True)
class OwnOutput:
    """The lines of a runtime before and after a guest's, as patterns; what it does to the guest's."""

    before: tuple[bytes, ...] = ()
    after: tuple[bytes, ...] = ()
    carriage_returns: bool = False  # each line ends with one more character
    start_s: float = 0.0  # what a run takes of a program that only prints a line

    def without(self, output: bytes) -> bytes:
        """The guest's own output; all of it where the runtime's lines are not there."""
        if self.carriage_returns:
            output = output.replace(b"\r\n", b"\n")
        lines = _LINE.findall(output)
        first, last = len(self.before), len(lines) - len(self.after)
        if first > last or not _alike(lines[:first], self.before) or not _alike(lines[last:], self.after):
            return output
        return b"".join(lines[first:last])


#: Of a backend that adds nothing, or of which it is not known.
NOTHING = OwnOutput()


def own_output(backend: Backend, protocol: Protocol) -> OwnOutput:
    """What a backend adds to the output of its guests; asked once in a process."""
    if not backend.is_command:
        return NOTHING
    if backend.name not in _found:
        _found[backend.name] = _ask(backend, protocol)
    return _found[backend.name]


def clear() -> None:
    """Forget what was found, as a new process would."""
    _found.clear()


def ends_well_on_traps(backend: Backend, protocol: Protocol) -> bool:
    """Whether a command's exit status is 0 also where its guest traps."""
    try:
        with new_folder(paths.BUILD) as folder, start(backend, protocol) as worker:
            guest = _loaded(backend, protocol, worker, folder, feature_probes.trapping())
            return guest.ends_well()
    except (Ended, WorkerError):
        return False


def _ask(backend: Backend, protocol: Protocol) -> OwnOutput:
    try:
        with new_folder(paths.BUILD) as folder, start(backend, protocol) as worker:
            guest = _loaded(backend, protocol, worker, folder, feature_probes.printing(_MARK))
            guest.output_of(["probe"])  # what is made once, as a cache of compiled code
            return _around(guest.output_of(["probe"]), os.fsencode(folder), guest.wall_seconds)
    except (Ended, WorkerError):
        return NOTHING


def _loaded(backend: Backend, protocol: Protocol, worker: object, folder: str, module: bytes) -> Guest:
    path = os.path.join(folder, "probe.wasm")
    Path(path).write_bytes(module)
    guest = Guest(worker, backend.name, protocol, forks=True)  # type: ignore[arg-type]
    guest.load(path, backend.options)
    return guest


def _around(output: bytes, folder: bytes, start_s: float) -> OwnOutput:
    returns = _MARK + b"\r\n" in output
    lines = _LINE.findall(output.replace(b"\r\n", b"\n") if returns else output)
    if _MARK + b"\n" not in lines:
        return OwnOutput(start_s=start_s)
    at = lines.index(_MARK + b"\n")
    before, after = (
        tuple(_pattern(line, folder) for line in some) for some in (lines[:at], lines[at + 1 :])
    )
    return OwnOutput(before, after, returns, start_s)


def _pattern(line: bytes, folder: bytes) -> bytes:
    """A line of the runtime as a pattern: any number, and any path in place of the module's."""
    path = rb"\S*?" + re.escape(os.path.basename(folder)) + rb"\S*?probe(?:\\\.wasm)?"
    escaped = re.escape(line)
    general = re.sub(path, b"\0", escaped)
    return _NUMBER.sub(lambda _: rb"\d[\d.,:]*\s?\w*", general).replace(b"\0", rb".*")


def _alike(lines: Sequence[bytes], patterns: Sequence[bytes]) -> bool:
    return all(
        re.fullmatch(pattern, line, re.DOTALL) for line, pattern in zip(lines, patterns, strict=True)
    )
