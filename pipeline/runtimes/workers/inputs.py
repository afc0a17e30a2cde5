"""The files that a guest may read, for runtimes that cannot be given the folder itself."""

import os
import shutil
import time
from typing import Dict, List, Tuple

import scratch

#: Longer than the steps of the clock that a file system stamps its changes with, s.
_TICK_S = 0.02


def contents(folder: str) -> Dict[str, bytes]:
    """{path below the folder: content}, of its regular files."""
    found = {}
    for name in _regular(folder):
        with open(os.path.join(folder, name), "rb") as stream:
            found[name] = stream.read()
    return found


class Copy:
    """A copy of a folder's regular files that goes with the worker: guests may change it, and none sees that.

    For runtimes that give a guest a folder only to read and write.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.path = os.path.join(scratch.lasting_folder(), "files")
        self._trace = []  # type: List[Tuple[str, int, int, int]]

    def restore(self) -> None:
        """Make it again, unless nothing has changed it since."""
        if self._trace and self._look() == self._trace:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        os.mkdir(self.path)
        for name in _regular(self._folder):
            path = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copyfile(os.path.join(self._folder, name), path)
        time.sleep(_TICK_S)  # or a change could bear the same time
        self._trace = self._look()

    def _look(self) -> List[Tuple[str, int, int, int]]:
        """Of each file and folder what a change of it changes."""
        found = []
        for name in [".", *_names(self.path)]:
            status = os.lstat(os.path.join(self.path, name))
            found.append((name, status.st_ino, status.st_size, status.st_ctime_ns))
        return found


def _regular(folder: str) -> List[str]:
    """The regular files below the folder; links are none, wherever they lead."""
    paths = {name: os.path.join(folder, name) for name in _names(folder)}
    return [name for name, path in paths.items() if os.path.isfile(path) and not os.path.islink(path)]


def _names(folder: str) -> List[str]:
    """All names below the folder, in order; folders behind links are not looked into."""
    found = []
    for where, folders, files in os.walk(folder):
        found += [os.path.relpath(os.path.join(where, name), folder) for name in folders + files]
    return sorted(found)
