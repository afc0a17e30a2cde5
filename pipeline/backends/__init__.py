"""The ways to run an artifact: one module a runtime, found by looking, not listed anywhere.

Importing this starts nothing and imports no runtime.
"""

from __future__ import annotations

import importlib
import pkgutil

from pipeline.model import Backend


def discover() -> dict[str, Backend]:
    """Return {name: backend} of every module here that defines ``BACKENDS``."""
    found: dict[str, Backend] = {}
    for module in pkgutil.iter_modules(__path__):
        for item in importlib.import_module(f"{__name__}.{module.name}").BACKENDS:
            found[item.name] = item
    return dict(sorted(found.items()))
