"""Whether a program uses setjmp or C++ exceptions, which not every engine has in wasm.

The compiler is asked: such a program does not compile without. Others are built as if there were neither, so
their modules run everywhere.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from pipeline.build import libraries, profiles
from pipeline.build.compilers import run, settled
from pipeline.build.program_flags import program_flags
from pipeline.core import paths
from pipeline.core.artifact import BuildSpec
from pipeline.core.files import read_record, write_record
from pipeline.core.model import Workload
from toolchain.model import NATIVE, SETJMP, TARGETS, THROW, THROWING_CXX, WASM, Toolchain, Variant, is_cxx
from toolchain.own_libc import HEADERS

#: Words without which a program has neither.
_WORDS = {SETJMP: re.compile(rb"setjmp"), THROW: re.compile(rb"\b(throw|try|catch)\b")}
#: What the compiler says where they are switched off.
_REFUSALS = {
    SETJMP: re.compile(r"setjmp\.h:\d+:\d+: error: "),
    THROW: re.compile(r"error: cannot use '\w+' with exceptions disabled"),
}


class Unwinding(msgspec.Struct, frozen=True):
    """What a workload uses, for each target that a toolchain builds for."""

    wasm: tuple[str, ...] = ()
    native: tuple[str, ...] = ()


def ask(workload: Workload, toolchain: Toolchain) -> None:
    """Find what a workload uses, and record it."""
    found = {target: tuple(_used(workload, toolchain, target)) for target in TARGETS}
    record = Unwinding(wasm=found[WASM], native=found[NATIVE])
    write_record(paths.unwinding(workload.name, toolchain.name), record)
    for target, ways in found.items():
        with contextlib.suppress(libraries.NotBuilt):  # which linking reports
            build_library(toolchain, target, ways)


def build_library(toolchain: Toolchain, target: str, ways: Sequence[str]) -> None:
    """Build libc++ with exceptions for a program that throws, where it is a library of its own.

    Raises NotBuilt.
    """
    if THROW in ways and toolchain.library_parts(target, THROWING_CXX, ""):
        libraries.build_throwing(toolchain, target)


def of(spec: BuildSpec) -> tuple[str, ...]:
    """What the program of an artifact uses."""
    record = read_record(paths.unwinding(spec.workload.name, spec.toolchain.name), Unwinding)
    return record.wasm if spec.target == WASM else record.native


def _used(workload: Workload, toolchain: Toolchain, target: str) -> Iterator[str]:
    if toolchain.missing(target):
        return
    text = b"\n".join(Path(path).read_bytes() for path in (*workload.paths, *workload.included))
    for way in toolchain.unwinds(target):
        sources = [name for name in workload.sources if way == SETJMP or is_cxx(name)]
        if sources and _WORDS[way].search(text):
            spec = BuildSpec(workload, toolchain, Variant("asked", ()), target)
            if any(_REFUSALS[way].search(_complaints(spec, source)) for source in sources):
                yield way


def _complaints(spec: BuildSpec, source: str) -> str:
    """What the compiler says about a source without setjmp and exceptions."""
    if is_cxx(source) and spec.toolchain.lacks(spec.target, "c++"):
        return ""
    own = ["-isystem", HEADERS] if spec.target == WASM else []
    flags = [*own, *profiles.without(program_flags(spec, source)), "-fsyntax-only", "-ferror-limit=0", "-w"]
    command = spec.toolchain.compile(spec.target, flags, f"{spec.workload.root}/{source}", "/dev/null")
    what = f"{spec.toolchain.name} {spec.workload.root}/{source}"
    return settled(lambda: run(spec.toolchain, command), what).stderr
