"""Which files decide an artifact."""

from __future__ import annotations

from pipeline.build import libraries
from pipeline.core import own_code, paths
from pipeline.core.model import Workload
from toolchain.model import ABSENT, Toolchain
from toolchain.own_libc import ABSENT_HEADER


def modules(toolchain: Toolchain) -> tuple[str, ...]:
    """Our own modules that decide the commands of a toolchain."""
    own = [each.__module__ for each in type(toolchain).__mro__ if each is not object]
    return "pipeline.build.artifacts", "pipeline.build.libraries", *own


def code(toolchain: Toolchain, *more: str) -> tuple[str, ...]:
    """The files of these modules and of ``more``, with all that they import."""
    return own_code.files_of(*modules(toolchain), *more)


def included(workload: Workload) -> list[str]:
    """Every file that may be included."""
    return [*workload.included, *([ABSENT_HEADER] if ABSENT in workload.libraries else [])]


def sources(workload: Workload) -> list[str]:
    """Every file that is compiled or may be included."""
    return [*workload.paths, *included(workload)]


def libc(toolchain: Toolchain, target: str) -> list[str]:
    """The files of the C library that are linked."""
    folder = paths.libc(toolchain.name, target)
    return [] if toolchain.missing(target) else [f"{folder}/{name}" for name in toolchain.libc(target).files]


def linked(workload: Workload, toolchain: Toolchain, target: str) -> list[str]:
    """All files of libraries that are linked; of what is not here none."""
    if toolchain.missing(target):
        return []
    return [*libc(toolchain, target), *libraries.archives(toolchain, target, workload.libraries)]
