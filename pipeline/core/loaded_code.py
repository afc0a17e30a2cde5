"""The program's own files as they were when this process loaded them.

Results are recorded with the digests of the files as they are. If one is edited while a run goes on, or waits
for a different one, the code in memory is not the code on the disk: nothing that it does may be recorded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.core import own_code, paths

_State = tuple[int, int]  # mtime in ns, size in bytes


def files() -> Iterator[Path]:
    """All files of the program: they decide which tasks there are and what they depend on."""
    yield paths.ROOT / "dodo.py"
    for package in own_code.PACKAGES:
        for path in sorted((paths.ROOT / package).rglob("*")):
            if path.is_file() and path.parent.name != "__pycache__":
                yield path


class LoadedCode:
    """The states of all files of the program; ``started_ns`` is when this process began to load them."""

    def __init__(self, started_ns: int) -> None:
        now = time.time_ns()
        self._states = {os.fspath(path): _state(os.fspath(path)) for path in files()}
        self._edited = [
            path for path, state in self._states.items() if state is None or started_ns <= state[0] <= now
        ]

    def changed(self) -> str | None:
        """A file that is not what was loaded, relative to the project; None where all are."""
        found = next(iter(self._edited), None) or next(
            (path for path, state in self._states.items() if _state(path) != state), None
        )
        return None if found is None else os.path.relpath(found, paths.ROOT)


def _state(path: str) -> _State | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
