"""A shared library of the user's in place of the one that the package has."""

import ctypes
import os
from typing import Any, Callable


class _Missing:
    """A function that the library has not: its package may name it, and must not call it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_: object) -> None:
        raise AttributeError("this library of Wasmtime has no %s" % self._name)


class _Library(ctypes.CDLL):
    """One that may be of a different release than the package."""

    complete = False  # whether the package has been imported

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if self.complete or not name.startswith("was"):
                raise
            return _Missing(name)


def take(path: str) -> Callable[[], None]:
    """Have the package load this one; called before it is imported, and what it returns after that."""
    usual, taken = ctypes.cdll.LoadLibrary, []

    def load(name: str) -> ctypes.CDLL:
        if os.path.basename(name) != "_libwasmtime.so":
            return usual(name)
        taken.append(_Library(path))
        return taken[0]

    def complete() -> None:
        taken[0].complete = True

    ctypes.cdll.LoadLibrary = load  # type: ignore[method-assign]
    return complete
