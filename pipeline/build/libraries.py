"""The C library of each target, and the further libraries of programs: built once, for all variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.build.compilers import complaint, raise_if_disturbed, run
from pipeline.core import paths
from pipeline.core.errors import BuildError
from pipeline.core.files import fresh_file, write_atomic
from toolchain.archives import canonical
from toolchain.model import Toolchain, ToolchainError, library_source, suffix

_PROBE = "int main(void) { return 0; }\n"


def libc_probe(target: str) -> tuple[str, str]:
    """Names of the empty program's source and of the linked program, which are not files of the C library."""
    return "probe.c", f"probe{suffix(target)}"


def build_libc(toolchain: Toolchain, target: str) -> None:
    """Build the C library that all variants of one target share, by linking an empty program."""
    _make(
        toolchain,
        paths.libc(toolchain.name, target),
        f"libc for {target}",
        (libc_probe(target)[0], _PROBE),
        suffix(target),
        lambda source, program: toolchain.libc_probe(target, source, program),
        lambda printed: toolchain.libc_found(target, paths.toolchain_cache(toolchain.name), printed),
    )
    for command, path in own_parts(toolchain, target):
        with fresh_file(path) as temporary:
            outcome = run(toolchain, [*command[:-1], temporary])
            raise_if_disturbed(outcome, path)
            if outcome.returncode != 0:
                raise BuildError(f"{path}: {complaint(outcome.stderr)}")


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
    _make(
        toolchain,
        paths.library(toolchain.name, target, name),
        f"{name} for {target}",
        library_source(name),
        suffix(target),
        lambda source, program: toolchain.library_probe(target, name, source, program),
        lambda printed: toolchain.library_found(target, name, cache, printed),
    )


def archives(toolchain: Toolchain, target: str, libraries: Sequence[str]) -> list[str]:
    """The paths of the files of further libraries, in link order, once they are built."""
    return [
        f"{paths.library(toolchain.name, target, name)}/{file}"
        for name in libraries
        for file in toolchain.library(target, name)
    ]


def _make(
    toolchain: Toolchain,
    place: str,
    what: str,
    probe: tuple[str, str],
    ending: str,
    command_for: Callable[[str, str], list[str]],
    found_in: Callable[[str], dict[str, str]],
) -> None:
    """Link an empty program, which makes what it is linked to, and copy that from the cache."""
    folder = Path(place)
    Path(paths.toolchain_cache(toolchain.name)).mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    source, program = folder / probe[0], folder / f"probe{ending}"
    write_atomic(source, probe[1])
    command = command_for(str(source), str(program))
    printed = ""
    if command:
        outcome = run(toolchain, command)
        printed = outcome.stderr + outcome.stdout
        if outcome.returncode != 0:
            trouble = f"{toolchain.name} cannot build {what}"
            raise_if_disturbed(outcome, trouble)
            raise BuildError(f"{trouble}: {complaint(outcome.stderr)}")
    try:
        found = found_in(printed)
    except ToolchainError as error:
        raise BuildError(str(error)) from None
    for name, path in found.items():
        write_atomic(folder / name, canonical(Path(path).read_bytes()))
