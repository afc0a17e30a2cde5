"""The ways to run an artifact: one module a runtime, found by looking, not listed anywhere.

A module here says what a runtime is; ../workers/ has the script that runs it, ../pins/ the pinned packages of
isolated environments. Importing this starts nothing and imports no runtime.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

from pipeline.core.model import Backend


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(__path__):
        yield importlib.import_module(f"{__name__}.{module.name}")


def discover() -> dict[str, Backend]:
    """{name: backend} of every module here. Starts no process and writes no file.

    A module has ``BACKENDS``, or ``backends()`` where they depend on the machine.
    """
    every = [
        backend
        for module in _modules()
        for backend in (module.backends() if hasattr(module, "backends") else module.BACKENDS)
    ]
    return {backend.name: backend for backend in sorted(every, key=lambda each: each.name)}


def ask_programs() -> None:
    """Start the programs on this machine that were not asked yet what they are; their answers are kept."""
    for module in _modules():
        if hasattr(module, "ask"):
            module.ask()


def troubles() -> list[str]:
    """Why programs on this machine give no backend."""
    return [why for module in _modules() if hasattr(module, "troubles") for why in module.troubles()]


def with_options(backend: Backend, options: Sequence[str]) -> Backend:
    """The same backend with options of its engine, NAME=VALUE or --FLAG, which its name then has too.

    Raises ValueError where it takes none, or not these.
    """
    for module in _modules():
        found: Backend | None = None
        if hasattr(module, "with_options"):
            found = module.with_options(backend, options)
        if found is not None:
            name = f"{backend.name}[{','.join(options)}]"
            return replace(found, name=name, engine_options=tuple(options))
    takers = [f"{module.RUNTIME.name}.*" for module in _modules() if hasattr(module, "with_options")]
    raise ValueError(f"{backend.name} takes no options; these do: {', '.join(takers)}")


def of_file(path: str) -> Backend:
    """The backend that a file of the user's is; raises ValueError where none can be made of it."""
    for module in _modules():
        found: Backend | None = module.of_file(path) if hasattr(module, "of_file") else None
        if found is not None:
            return found
    raise ValueError(f"{path}: expected a shared library of Wasmtime, as in /path/libwasmtime.so")


def at_version(backend: Backend, version: str) -> Backend:
    """The same backend in a different version of its PyPI package, in an isolated environment.

    Or in a release of an engine that is built here. Raises ValueError where it is neither.
    """
    for module in _modules():
        found = module.at_version(backend, version) if hasattr(module, "at_version") else None
        if found is not None:
            return found  # type: ignore[no-any-return]
    runtime = backend.runtime
    if not runtime.packages:
        raise ValueError(f"{backend.name} is not a PyPI package, so only the installed version is available")
    name = f"{runtime.name}@{version}"
    environment = f"{runtime.name}-{version}"
    runtime = replace(runtime, name=name, version=version, environment=environment)
    return replace(backend, name=f"{backend.name}@{version}", runtime=runtime)
