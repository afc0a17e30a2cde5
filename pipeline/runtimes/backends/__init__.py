"""The ways to run an artifact: one module a runtime, found by looking, not listed anywhere.

Importing this starts nothing and imports no runtime.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

from pipeline.core.model import Backend


def discover() -> dict[str, Backend]:
    """Return {name: backend} of every module here that defines ``BACKENDS``."""
    found: dict[str, Backend] = {}
    for module in pkgutil.iter_modules(__path__):
        for item in importlib.import_module(f"{__name__}.{module.name}").BACKENDS:
            found[item.name] = item
    return dict(sorted(found.items()))


def troubles() -> list[str]:
    """What modules here found and could not take, in words."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return [why for module in modules for why in getattr(module, "TROUBLES", {}).values()]


def at_version(backend: Backend, version: str) -> Backend:
    """The same backend in another version of its PyPI package, in an isolated environment.

    Raises ValueError where its runtime is not a PyPI package.
    """
    runtime = backend.runtime
    if not runtime.packages:
        raise ValueError(f"{backend.name} is no PyPI package, so it has only the version that is here")
    name = f"{runtime.name}@{version}"
    environment = f"{runtime.name}-{version}"
    runtime = replace(runtime, name=name, version=version, environment=environment)
    return replace(backend, name=f"{backend.name}@{version}", runtime=runtime)
