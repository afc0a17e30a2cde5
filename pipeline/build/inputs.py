"""Which files decide an artifact."""

from __future__ import annotations

from pipeline.build import libraries
from pipeline.core import own_code, paths
from pipeline.core.model import Workload
from toolchain.model import Toolchain


def code(toolchain: Toolchain, *modules: str) -> tuple[str, ...]:
    """Our own files that decide the commands of a toolchain, with those of further ``modules``."""
    own = [each.__module__ for each in type(toolchain).__mro__ if each is not object]
    return own_code.files_of("pipeline.build.artifacts", "pipeline.build.libraries", *own, *modules)


def sources(workload: Workload) -> list[str]:
    """Every file that is compiled or may be included."""
    return [*workload.paths, *workload.included]


def libc(toolchain: Toolchain, target: str) -> list[str]:
    """The files of the C library that are linked."""
    folder = paths.libc(toolchain.name, target)
    return [] if toolchain.missing(target) else [f"{folder}/{name}" for name in toolchain.libc(target).files]


def linked(workload: Workload, toolchain: Toolchain, target: str) -> list[str]:
    """All files of libraries that are linked; of what is not here none."""
    if toolchain.missing(target):
        return []
    return [*libc(toolchain, target), *libraries.archives(toolchain, target, workload.libraries)]
