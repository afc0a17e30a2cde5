"""The C library of each target, and the further libraries of programs: built once, for all variants."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pipeline.build import refusals
from pipeline.build.compilers import complaint, run, run_for_library, settled
from pipeline.build.refusals import Refusal
from pipeline.core import paths
from pipeline.core.files import fresh_file, new_folder, read_json, sha256, write_atomic, write_json
from toolchain.archives import canonical
from toolchain.model import CXX, THROW, THROWING_CXX, Toolchain, ToolchainError, library_source, suffix

_PROBE = "int main(void) { return 0; }\n"


def libc_probe(target: str) -> tuple[str, str]:
    """Names of the empty program's source and of the linked program, which are not files of the C library."""
    return "probe.c", f"probe{suffix(target)}"


class NotBuilt(Exception):
    """Why a library cannot be built: a finding about the artifacts that need it."""


@contextmanager
def _refused_in(files: Sequence[str], needs: str = "") -> Iterator[None]:
    """Where a library cannot be built, its files hold the reason: linking reports it, others are built."""
    try:
        yield
    except NotBuilt as error:
        for path in files:
            refusals.save(path, Refusal(f"{needs}{error}"))


def build_libcs(toolchain: Toolchain, targets: Sequence[str]) -> None:
    """The C library of each target, all at the same time: a compiler builds most of one on one processor."""
    with ThreadPoolExecutor(len(targets)) as pool:
        list(pool.map(lambda target: build_libc(toolchain, target), targets))


def build_libc(toolchain: Toolchain, target: str) -> None:
    """Build the C library that all variants of one target share, by linking an empty program."""
    folder = paths.libc(toolchain.name, target)
    with _refused_in([f"{folder}/{name}" for name in toolchain.libc(target).files]):
        _make(
            toolchain,
            folder,
            f"libc for {target}",
            (libc_probe(target)[0], _PROBE),
            suffix(target),
            lambda source, program: toolchain.libc_probe(target, source, program),
            lambda printed: toolchain.libc_found(target, paths.toolchain_cache(toolchain.name), printed),
        )
        for command, path in own_parts(toolchain, target):
            with fresh_file(path) as temporary:
                _do(toolchain, [*command[:-1], temporary], f"{toolchain.name} cannot build {path}")


def own_parts(toolchain: Toolchain, target: str) -> list[tuple[list[str], str]]:
    """(command, its last word) of each file of the C library that is compiled from a source of ours."""
    folder = paths.libc(toolchain.name, target)
    return [
        (toolchain.compile(target, source.flags, source.path, f"{folder}/{name}"), f"{folder}/{name}")
        for name, source in toolchain.libc(target).own.items()
    ]


def build_library(toolchain: Toolchain, target: str, name: str) -> None:
    """The same for a further library, one of toolchain.model.LIBRARIES."""
    cache = paths.toolchain_cache(toolchain.name)
    with _refused_in(archives(toolchain, target, [name]), f"needs {name}: "):
        _make(
            toolchain,
            paths.library(toolchain.name, target, name),
            f"{name} for {target}",
            library_source(name),
            suffix(target),
            lambda source, program: toolchain.library_probe(target, name, source, program),
            lambda printed: toolchain.library_found(target, name, cache, printed),
        )


def archives(
    toolchain: Toolchain, target: str, libraries: Sequence[str], unwinding: Sequence[str] = ()
) -> list[str]:
    """The paths of the files of further libraries, in link order, once they are built."""
    throws = THROW in unwinding and bool(toolchain.library_parts(target, THROWING_CXX, ""))
    named = [THROWING_CXX if throws and name == CXX else name for name in libraries]
    return [
        f"{paths.library(toolchain.name, target, name)}/{file}"
        for name in named
        for file in toolchain.library(target, name)
    ]


def build_throwing(toolchain: Toolchain, target: str) -> None:
    """Build libc++ with exceptions, unless this compiler's is there: a minute of one processor.

    Raises NotBuilt.
    """
    import fasteners

    folder = Path(paths.library(toolchain.name, target, THROWING_CXX))
    made_of = folder / "made-of.json"
    identity = read_json(paths.toolchain_identity(toolchain.name))
    key = {
        "toolchain": identity,
        "unwind": sha256("toolchain/libc/unwind.c"),
        "commands": toolchain.library_parts(target, THROWING_CXX, str(folder)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(folder / "lock"):
        (name,) = toolchain.library(target, THROWING_CXX)
        if made_of.exists() and (folder / name).exists() and read_json(made_of) == key:
            return
        made_of.unlink(missing_ok=True)
        with new_folder(folder) as temporary:
            commands = toolchain.library_parts(target, THROWING_CXX, temporary)
            with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                trouble = f"{toolchain.name} cannot build {THROWING_CXX} for {target}"
                list(pool.map(lambda command: _do(toolchain, command, trouble), commands))
            objects = [command[-1] for command in commands]
            archive = toolchain.archive(objects, f"{temporary}/{name}")
            _do(toolchain, archive, f"{toolchain.name} cannot make {name}")
            os.replace(f"{temporary}/{name}", folder / name)
        write_json(made_of, key)


def _do(
    toolchain: Toolchain,
    command: Sequence[str],
    trouble: str,
    start: Callable[[Toolchain, Sequence[str]], subprocess.CompletedProcess[str]] = run,
) -> str:
    """What a command for a library printed; raises NotBuilt where it failed."""
    outcome = settled(lambda: start(toolchain, command), trouble)
    if outcome.returncode != 0:
        raise NotBuilt(f"{trouble}: {complaint(outcome.stderr)}")
    return outcome.stderr + outcome.stdout


def _make(
    toolchain: Toolchain,
    place: str,
    what: str,
    probe: tuple[str, str],
    ending: str,
    command_for: Callable[[str, str], list[str]],
    found_in: Callable[[str], dict[str, str]],
) -> None:
    """Link an empty program, which makes what it is linked to, and copy that from the cache.

    Raises NotBuilt.
    """
    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    source, program = folder / probe[0], folder / f"probe{ending}"
    write_atomic(source, probe[1])
    command = command_for(str(source), str(program))
    trouble = f"{toolchain.name} cannot build {what}"
    printed = _do(toolchain, command, trouble, run_for_library) if command else ""
    try:
        found = found_in(printed)
    except ToolchainError as error:
        raise NotBuilt(str(error)) from None
    for name, path in found.items():
        write_atomic(folder / name, canonical(Path(path).read_bytes()))
