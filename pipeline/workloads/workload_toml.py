"""workload.toml -> Workload: what a program is, checked to the last key; docs/workloads.md has the format."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.core.model import ITERATIONS, Figure, Proof, Workload
from pipeline.core.toml_file import Text
from pipeline.workloads import file_patterns, workload_values
from toolchain.model import CXX_SUFFIXES

OUTPUT = "output"
SUFFIXES = (".c", *CXX_SUFFIXES)
HEADERS = ("**/*.h", "**/*.hh", "**/*.hpp", "**/*.hxx", "**/*.inc", "**/*.inl", "**/*.def")
#: Names of other files and folders in results/HOST/ and workloads/.
_TAKEN = ("tune", "sizes", "certificates", "local", "host.json", "refined.json")
_MacroValue = Annotated[bool | int | str, Meta(description="text, a number, true or false")]


class _Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """[limits]: in place of the protocol's."""

    memory_mib: Annotated[int, Meta(ge=64, le=2**20)] | None = None
    run_timeout_s: Annotated[float, Meta(ge=0.1, le=600)] | None = None


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A workload.toml of a user."""

    title: str = ""
    stresses: str = ""
    note: str = ""
    sources: tuple[Text, ...] = ("*.c",)
    headers: tuple[Text, ...] = HEADERS
    includes: tuple[Text, ...] = ()
    defines: dict[str, _MacroValue] = {}
    standard: Annotated[str | tuple[str, ...], Meta(description=workload_values.STANDARDS)] = ()
    flags: tuple[Text, ...] = ()
    libraries: tuple[Text, ...] = ()
    args: tuple[str, ...] = ()
    stdin: Text | None = None
    files: tuple[Text, ...] = ()
    proof: Proof = Proof()
    figure: Figure = Figure()
    limits: _Limits = _Limits()


class _OwnTable(_Table, frozen=True, forbid_unknown_fields=True):
    """A workload.toml of the project."""

    validator: Text = OUTPUT
    third_party: Text | None = None


def project_workloads() -> dict[str, str]:
    """{name: folder} of the project's own workloads."""
    return _below(paths.WORKLOADS)


def user_workloads() -> dict[str, str]:
    """{name: folder} of those that ``doit run new`` made. They are the user's, and not trusted."""
    return _below(paths.LOCAL_WORKLOADS)


def _below(folder: str) -> dict[str, str]:
    found = {}
    try:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            # Unlike glob, which leaves out folders that cannot be read without a word.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.stat(os.path.join(folder, name, paths.WORKLOAD_TOML))
                found[name] = f"{folder}/{name}"
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}; expected a folder that can be read") from None
    return found


def read(folder: str, *, own: bool = False) -> Workload:
    """The workload of a folder; raises BadInput. ``own``: it is one of the project's, and trusted."""
    where = os.path.join(folder, paths.WORKLOAD_TOML)
    if not os.path.isfile(where):
        raise BadInput(
            f"{folder}: there is no {paths.WORKLOAD_TOML}; to make one, run: "
            "doit run new workload=NAME from=FILE.c"
        )
    file_patterns.inside(where, paths.WORKLOAD_TOML, folder, paths.WORKLOAD_TOML)
    table = toml_file.convert(where, toml_file.read(where), _OwnTable if own else _Table)
    name = _name(where, folder)
    third_party = table.third_party if isinstance(table, _OwnTable) else None
    validator = table.validator if isinstance(table, _OwnTable) else OUTPUT
    if third_party is None:
        root = paths.staged_sources(name)
        sources, headers = _own_files(where, folder, table)
    else:
        root = paths.third_party(third_party)
        _require(paths.manifest(third_party))
        sources, headers = table.sources, table.headers
    workload = Workload(
        name=name,
        title=toml_file.line(f"{where}: title", table.title) or name,
        stresses=toml_file.line(f"{where}: stresses", table.stresses),
        note=toml_file.line(f"{where}: note", table.note) or None,
        folder=folder,
        root=root,
        sources=tuple(sources),
        headers=tuple(each for each in headers if each not in sources),
        includes=tuple(file_patterns.relative(where, "includes", each) for each in table.includes),
        defines=workload_values.defines(where, table.defines),
        flags=workload_values.allowed(where, "flags", table.flags, workload_values.FLAGS),
        standards=workload_values.standards(where, table.standard),
        libraries=workload_values.libraries(where, table.libraries, sources),
        args=workload_values.arguments(where, table.args),
        stdin=_stdin(where, folder, table.stdin),
        files=tuple(file_patterns.matching(where, "files", folder, table.files)),
        proof=workload_values.proof(where, table.proof),
        figure=workload_values.figure(where, table.figure),
        validator=validator,
        third_party=third_party,
        memory_mib=table.limits.memory_mib,
        run_timeout_s=table.limits.run_timeout_s,
    )
    return _timed(where, workload) if validator == OUTPUT else workload


def _name(where: str, folder: str) -> str:
    name = os.path.basename(os.path.abspath(folder))
    toml_file.named(where, "the folder's name", name)
    if name in _TAKEN:
        raise BadInput(f"{where}: {name!r} is a name that the project uses itself; rename the folder")
    return name


def _own_files(where: str, folder: str, table: _Table) -> tuple[Sequence[str], Sequence[str]]:
    """(sources, headers) that are in the workload's folder."""
    sources = file_patterns.matching(where, "sources", folder, table.sources)
    if not sources:
        raise BadInput(f"{where}: sources: nothing matches {', '.join(table.sources)}")
    objects: dict[str, str] = {}
    for name in sources:
        if not name.endswith(SUFFIXES):
            raise BadInput(f"{where}: sources: {name}: expected a name that ends in {', '.join(SUFFIXES)}")
        other = objects.setdefault(name.replace("/", "__"), name)
        if other != name:
            raise BadInput(f"{where}: sources: {other} and {name} would have one object; rename one")
    return sources, file_patterns.matching(where, "headers", folder, table.headers)


def _require(manifest: str) -> None:
    """Raises BadInput if the manifest cannot be read: tasks are made from it, so that no task can say so."""
    try:
        open(manifest, "rb").close()
    except OSError as error:
        remedy = f"to restore it, run: git checkout {shlex.quote(manifest)}"
        raise BadInput(f"{manifest}: {error.strerror}; {remedy}") from None


def _timed(where: str, workload: Workload) -> Workload:
    """With the file that prints the guest's own time, unless the host's time or a printed one is used."""
    proof, figure = workload.proof, workload.figure
    if proof.iterations != 1 and not workload.iterates:
        raise BadInput(f"{where}: proof.iterations: it needs {ITERATIONS} in args")
    if workload.iterates and not proof.native and proof.match is None:
        raise BadInput(
            f"{where}: proof: text and sha256 hold for one number of iterations only; add native or match"
        )
    if workload.iterates and figure.time == "host":
        raise BadInput(
            f"{where}: figure.time: the host's time includes the start of each run, so it does not go with "
            f"{ITERATIONS} in args; leave out one of them"
        )
    clock = os.path.basename(paths.GUEST_CLOCK)
    if clock in workload.sources:
        raise BadInput(f"{where}: sources: {clock} is a file of the project; choose a different name")
    if figure.time == "host" and figure.match is None:
        return workload
    return replace(workload, sources=(*workload.sources, clock))


def _stdin(where: str, folder: str, path: str | None) -> str | None:
    if path is None:
        return None
    name = file_patterns.relative(where, "stdin", path)
    file_patterns.inside(where, "stdin", folder, name)
    return name
