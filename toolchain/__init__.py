"""What turns C into an artifact: one module a toolchain, found by looking, not listed anywhere."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence

from toolchain.model import Toolchain

#: Places that a user names, for the toolchains of one module: {"wasi_sdk": ["/opt/wasi-sdk-25"]}.
Places = Mapping[str, Sequence[str]]


def discover(places: Places | None = None) -> dict[str, Toolchain]:
    """Return {name: toolchain} of every module here that defines ``toolchains``, sorted by name.

    One that is known but not on this machine is there as well, and says what it is missing.
    """
    found: dict[str, Toolchain] = {}
    for module in pkgutil.iter_modules(__path__):
        toolchains = getattr(importlib.import_module(f"{__name__}.{module.name}"), "toolchains", None)
        if toolchains is not None:
            found.update((each.name, each) for each in toolchains((places or {}).get(module.name, ())))
    return dict(sorted(found.items()))
