"""workload.toml -> Workload: what a program is, checked to the last key; docs/workloads.md has the format."""

from __future__ import annotations

import contextlib
import os
import shlex
from dataclasses import replace
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput, Problems
from pipeline.core.limits import Limits
from pipeline.core.model import ITERATIONS, Figure, Prebuilt, Proof, Workload, source_folders
from pipeline.core.toml_file import Text
from pipeline.workloads import file_patterns, module_files, workload_values
from pipeline.workloads.cases_table import CaseTables, with_cases
from pipeline.workloads.included_files import included
from pipeline.workloads.validators import OUTPUT
from toolchain.model import CXX_SUFFIXES

SUFFIXES = (".c", *CXX_SUFFIXES)
HEADERS = ("**/*.h", "**/*.hh", "**/*.hpp", "**/*.hxx", "**/*.inc", "**/*.inl", "**/*.def")
#: Names of other files and folders in results/HOST/ and workloads/.
TAKEN = ("tune", "sizes", "certificates", "local", "host.json", "refined.json")
_NO_FILES: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
_MacroValue = Annotated[bool | int | str, Meta(description="text, a number, true or false")]


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A workload.toml of a user."""

    title: str = ""
    stresses: str = ""
    note: str = ""
    sources: tuple[Text, ...] = ("*.c",)
    exclude: tuple[Text, ...] = ()
    headers: tuple[Text, ...] = HEADERS
    includes: tuple[Text, ...] = ()
    defines: dict[str, _MacroValue] = {}
    standard: Annotated[str | tuple[str, ...], Meta(description=workload_values.STANDARDS)] = ()
    flags: tuple[Text, ...] = ()
    libraries: tuple[Text, ...] = ()
    args: tuple[str, ...] = ()
    stdin: Text | None = None
    files: tuple[Text, ...] = ()
    env: dict[str, str] = {}
    proof: Proof = Proof()
    figure: Figure = Figure()
    limits: Limits = Limits()
    case: CaseTables = ()
    native: bool | Text = True
    module: Annotated[Text | dict[str, Text], Meta(description="a .wasm file, or NAME = file for each")] = {}


#: Keys that say how a program is compiled.
_OF_COMPILING = ("sources", "exclude", "headers", "includes", "defines", "standard", "flags", "libraries")
#: What the chunks of a program without a native form are paired with: it shows a disturbed machine.
_YARDSTICK = "coremark"


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
    data = toml_file.read(where)
    table, wrong = toml_file.convert_parts(where, data, _OwnTable if own else _Table)
    problems = Problems(where)
    problems.found += wrong
    if table.module and not wrong and "time" in data.get("figure", {}) and table.figure.time == "guest":
        problems.value(None, _no_clock_inside, where)
    workload = _workload(where, folder, table, problems)
    workload = with_cases(where, workload, table.case, problems)
    problems.raise_any()
    return _timed(where, workload) if workload.validator == OUTPUT else workload


def _workload(where: str, folder: str, table: _Table, problems: Problems) -> Workload:
    """The workload that a table describes, and what is wrong with it: then it is none that can be used."""
    value = problems.value
    name = value("?", _name, where, folder)
    third_party = table.third_party if isinstance(table, _OwnTable) else None
    if third_party is None:
        root = paths.staged_sources(name)
        value(None, _built_or_given, where, table)
        sources, headers = _NO_FILES if table.module else value(_NO_FILES, _own_files, where, folder, table)
    else:
        root = paths.third_party(third_party)
        value(None, _require, paths.manifest(third_party))
        sources, headers = table.sources, table.headers
    files = [*table.files, *(name for case in table.case for name in case.files)]
    modules = value(tuple[Prebuilt, ...](), module_files.of_table, where, folder, table.module)
    executable = value(None, module_files.executable, where, folder, table.native)
    alone = table.native is False or (modules and executable is None)
    return Workload(
        name=name,
        title=value("", toml_file.line, f"{where}: title", table.title) or name,
        stresses=value("", toml_file.line, f"{where}: stresses", table.stresses),
        note=value("", toml_file.line, f"{where}: note", table.note) or None,
        folder=folder,
        root=root,
        sources=sources,
        headers=tuple(each for each in headers if each not in sources),
        includes=value((), _includes, where, table),
        defines=value((), workload_values.defines, where, table.defines),
        flags=value(
            (),
            workload_values.allowed,
            where,
            "flags",
            table.flags,
            workload_values.flags_of(native=bool(table.native)),
        ),
        standards=value((), workload_values.standards, where, table.standard),
        libraries=value((), workload_values.libraries, where, table.libraries, sources),
        args=value((), workload_values.arguments, where, table.args),
        stdin=value(None, _stdin, where, folder, table.stdin),
        files=tuple(value(list[str](), file_patterns.matching, where, "files", folder, files)),
        env=value((), workload_values.env, where, table.env),
        proof=value(table.proof, partial(workload_values.proof, whole=not table.case), where, table.proof),
        figure=value(table.figure, workload_values.figure, where, table.figure),
        validator=table.validator if isinstance(table, _OwnTable) else OUTPUT,
        third_party=third_party,
        limits=table.limits,
        yardstick=yardstick() if alone else None,
        modules=modules,
        executable=executable,
    )


def yardstick() -> Workload:
    """What the chunks of a program without a native form are paired with."""
    return read(project_workloads()[_YARDSTICK], own=True)


def _built_or_given(where: str, table: _Table) -> None:
    """Raises BadInput where a file with modules says how something is compiled, or one without has what
    goes with modules only."""
    if not table.module:
        if isinstance(table.native, str):
            raise BadInput(f"{where}: native: an executable goes with module; expected true or false")
        return
    usual = _Table()
    for key in _OF_COMPILING:
        if getattr(table, key) != getattr(usual, key):
            raise BadInput(f"{where}: {key}: with module nothing is compiled; leave out one of them")
    if table.native is False:
        raise BadInput(
            f"{where}: native: a module has no native form, unless native names an executable; leave it out"
        )


def _no_clock_inside(where: str) -> None:
    raise BadInput(
        f"{where}: figure.time: nothing of ours is in a module, so it prints no time of ours; leave it out "
        "(the host's clock is used), or name a time that the program prints with figure.match"
    )


def _name(where: str, folder: str) -> str:
    name = os.path.basename(os.path.abspath(folder))
    toml_file.named(where, "the folder's name", name)
    if name in TAKEN:
        raise BadInput(f"{where}: {name!r} is a name that the project uses itself; rename the folder")
    return name


def _includes(where: str, table: _Table) -> tuple[str, ...]:
    return tuple(file_patterns.relative(where, "includes", each) for each in table.includes)


def _own_files(where: str, folder: str, table: _Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(sources, what they may include) that are in the workload's folder."""
    sources = file_patterns.matching(where, "sources", folder, table.sources, table.exclude)
    if not sources:
        without = f" without {', '.join(table.exclude)}" if table.exclude else ""
        raise BadInput(f"{where}: sources: nothing matches {', '.join(table.sources)}{without}")
    objects: dict[str, str] = {}
    for name in sources:
        if not name.endswith(SUFFIXES):
            raise BadInput(f"{where}: sources: {name}: expected a name that ends in {', '.join(SUFFIXES)}")
        other = objects.setdefault(name.replace("/", "__"), name)
        if other != name:
            raise BadInput(f"{where}: sources: {other} and {name} would have one object; rename one")
    headers = file_patterns.matching(where, "headers", folder, table.headers, table.exclude)
    places = _includes(where, table) or source_folders(sources)
    return tuple(sources), tuple(dict.fromkeys([*headers, *included(where, folder, sources, places)]))


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
    proofs = [case.proof for case in workload.timed_cases] or [proof]
    if workload.iterates and any(not each.native and each.match is None for each in proofs):
        raise BadInput(
            f"{where}: proof: text and sha256 hold for one number of iterations only; add native or match"
        )
    if figure.time == "startup":
        return as_startup(workload)
    if workload.modules:
        return replace(workload, figure=msgspec.structs.replace(figure, time="host"))
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


def as_startup(workload: Workload) -> Workload:
    """The same program, timed from its bytes to the end of its first run: of that there is no native form."""
    return replace(
        workload,
        figure=msgspec.structs.replace(workload.figure, time="startup", match=None),
        sources=tuple(each for each in workload.sources if each != os.path.basename(paths.GUEST_CLOCK)),
        yardstick=yardstick(),
        executable=None,
    )


def _stdin(where: str, folder: str, path: str | None) -> str | None:
    if path is None:
        return None
    name = file_patterns.relative(where, "stdin", path)
    file_patterns.inside(where, "stdin", folder, name)
    return name
