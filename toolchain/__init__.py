"""What turns C into an artifact: one module a toolchain, found by looking, not listed anywhere."""

from __future__ import annotations

import importlib
import pkgutil

from toolchain.model import Toolchain


def discover() -> dict[str, Toolchain]:
    """Return {name: toolchain} of every module here that defines ``TOOLCHAINS``, sorted by name."""
    found: dict[str, Toolchain] = {}
    for module in pkgutil.iter_modules(__path__):
        for item in getattr(importlib.import_module(f"{__name__}.{module.name}"), "TOOLCHAINS", ()):
            found[item.name] = item
    return dict(sorted(found.items()))
