"""What can go wrong, as the user meets it.

    ProjectError                  one line: what was found, what was expected, what to type
    ├── BadInput                  matrix.toml or the command line
    ├── SourcesError              a third party's files cannot be had or are not what they must be
    ├── Regression                what a comparison was asked to find: exit status 2
    ├── Undecided                 what it was asked is not known yet: exit status 3
    ├── BuildError                a compiler or linker did not do its work
    ├── DiskFull                  it found no room for what it writes
    └── WorkerError               a worker process did not answer as the protocol says
        ├── WorkerTimeout         it was killed because its time was over
        └── WorkerCrash           it died by itself

A guest that misbehaves is not an error: it is a status inside a sample.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class ProjectError(Exception):
    """Base of all errors that are shown as one line, without a traceback."""


class BadInput(ProjectError):
    """matrix.toml or the command line asks for something that cannot be."""


class Problems:
    """Collects what is wrong with one file, so that a reader learns all of it at once."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.found: list[str] = []

    def value(self, default: T, check: Callable[..., T], *arguments: object) -> T:
        """What the check returns; where it raises BadInput, that is noted, and it is the default."""
        try:
            return check(*arguments)
        except BadInput as error:
            self.found.append(str(error).removeprefix(f"{self._where}: "))
            return default

    def raise_any(self) -> None:
        """Raises BadInput with all that was found: one in a line, several in a line each."""
        if len(self.found) == 1:
            raise BadInput(f"{self._where}: {self.found[0]}")
        if self.found:
            lines = "".join(f"\n  {each}" for each in self.found)
            raise BadInput(f"{self._where}: {len(self.found)} problems:{lines}")


class SourcesError(ProjectError):
    """Sources of a third party are missing, changed, or of an unknown revision."""


class Regression(ProjectError):
    """A cell is slower by more than the threshold, or went wrong."""


class Undecided(ProjectError):
    """A comparison has not found within its budget what it was asked."""


class BuildError(ProjectError):
    """A compiler or linker failed for a reason that is not the program's."""


class DiskFull(ProjectError):
    """What a compiler or linker had to write found no room: no finding about what it was given."""


class WorkerError(ProjectError):
    """A worker broke the protocol."""


class WorkerTimeout(WorkerError):
    """A worker was killed because it did not answer in time."""


class WorkerCrash(WorkerError):
    """A worker died. ``signal`` is the signal's number, or None when it exited."""

    def __init__(self, message: str, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


def near_miss(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known word, or the list of known words."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""
