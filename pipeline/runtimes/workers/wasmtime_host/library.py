"""A shared library of the user's in place of the one that the package has."""

import ctypes
import os


def take(path: str) -> None:
    """Have the package load this one; called before it is imported."""
    usual = ctypes.cdll.LoadLibrary

    def load(name: str) -> ctypes.CDLL:
        return usual(path if os.path.basename(name) == "_libwasmtime.so" else name)

    ctypes.cdll.LoadLibrary = load  # type: ignore[method-assign]
