"""workload.toml -> Workload: what a program is, checked to the last key; docs/workloads.md has the format."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import ITERATIONS, Figure, Proof, Workload
from pipeline.core.toml_file import Text
from pipeline.workloads import file_patterns
from toolchain.model import CXX, CXX_SUFFIXES, LIBRARIES, is_cxx

OUTPUT = "output"
SUFFIXES = (".c", *CXX_SUFFIXES)
HEADERS = ("**/*.h", "**/*.hh", "**/*.hpp", "**/*.hxx", "**/*.inc", "**/*.inl", "**/*.def")
#: Flags that decide what a program means, not how well it is optimised: variants have flags for that.
FLAGS = (
    "-fno-strict-aliasing",
    "-fwrapv",
    "-fsigned-char",
    "-funsigned-char",
    "-fno-builtin",
    "-fcommon",
    "-fno-common",
    "-fno-math-errno",
    "-fgnu89-inline",
    "-fms-extensions",
    "-fno-rtti",
    "-ffp-contract=off",
    "-w",
)
#: Names of other files and folders in results/HOST/ and workloads/.
_TAKEN = ("tune", "certificates", "local", "host.json", "refined.json")
_MOST_ARGUMENTS = 10_000

_STANDARD = re.compile(r"(c|gnu|c\+\+|gnu\+\+)[0-9][0-9a-z]")
_MACRO = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_STANDARDS = "one like 'c99' or 'gnu++17', or a list of them"
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
    standard: Annotated[str | tuple[str, ...], Meta(description=_STANDARDS)] = ()
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


def ready() -> dict[str, str]:
    """{name: folder} of the project's own workloads."""
    return _below(paths.WORKLOADS)


def local() -> dict[str, str]:
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
        defines=_defines(where, table.defines),
        flags=_allowed(where, "flags", table.flags, FLAGS),
        standards=_standards(where, table.standard),
        libraries=_libraries(where, table.libraries, sources),
        args=_arguments(where, table.args),
        stdin=_stdin(where, folder, table.stdin),
        files=tuple(file_patterns.matching(where, "files", folder, table.files)),
        proof=_checked_proof(where, table.proof),
        figure=_checked_figure(where, table.figure),
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
        raise BadInput(f"{where}: proof.iterations: there is no {ITERATIONS} in args")
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


def _allowed(where: str, key: str, values: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    for each in values:
        if each not in known:
            raise BadInput(f"{where}: {key}: {each!r} is not allowed here{near_miss(each, known)}")
    return tuple(dict.fromkeys(values))


def _libraries(where: str, asked: Sequence[str], sources: Sequence[str]) -> tuple[str, ...]:
    """What is linked in addition to the C library; the C++ library where a source is C++."""
    implied = [CXX] if any(map(is_cxx, sources)) else []
    return tuple(dict.fromkeys([*implied, *_allowed(where, "libraries", asked, LIBRARIES)]))


def _standards(where: str, given: str | tuple[str, ...]) -> tuple[str, ...]:
    given = (given,) if isinstance(given, str) else given
    return tuple(toml_file.matches(where, "standard", each, _STANDARD, _STANDARDS) for each in given)


def _defines(where: str, table: Mapping[str, bool | int | str]) -> tuple[tuple[str, str | None], ...]:
    """(macro, value) as a compiler takes them; None for one without a value. ``false`` leaves it out."""
    for name, value in table.items():
        toml_file.matches(where, "defines", name, _MACRO, "the name of a macro")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise BadInput(f"{where}: defines.{name}: expected a number of 64 bits")
        if isinstance(value, str) and not value.isprintable():
            raise BadInput(f"{where}: defines.{name}: expected printable text, found {value!r}")
    return tuple(
        (name, None if value is True else str(value)) for name, value in table.items() if value is not False
    )


def _arguments(where: str, args: tuple[str, ...]) -> tuple[str, ...]:
    toml_file.no_nul(where, "args", list(args))
    if sum(map(len, args)) > _MOST_ARGUMENTS:
        raise BadInput(f"{where}: args: expected at most {_MOST_ARGUMENTS} characters in all")
    return args


def _stdin(where: str, folder: str, path: str | None) -> str | None:
    if path is None:
        return None
    name = file_patterns.relative(where, "stdin", path)
    file_patterns.inside(where, "stdin", folder, name)
    return name


def _check_pattern(where: str, pattern: str | None, groups: int) -> None:
    """Raises BadInput unless it is a regular expression with at least so many groups."""
    import regex  # has a time limit, which the standard library's has not

    if pattern is None:
        return
    try:
        compiled = regex.compile(pattern.encode(), regex.MULTILINE)  # as it is used
    except (regex.error, ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not a regular expression: {error}") from None
    if compiled.groups < groups:
        raise BadInput(f"{where}: expected a group, as in 'time: ([0-9.]+) s', found {pattern!r}")


def _checked_proof(where: str, proof: Proof) -> Proof:
    _check_pattern(f"{where}: proof.match", proof.match, 0)
    toml_file.sha256(where, "proof.sha256", proof.sha256)
    if not proof.native and proof.text is proof.sha256 is proof.match is None:
        raise BadInput(
            f"{where}: proof: no check of the output is left; expected native, text, sha256 or match"
        )
    return proof


def _checked_figure(where: str, figure: Figure) -> Figure:
    _check_pattern(f"{where}: figure.match", figure.match, 1)
    if figure.match is not None and figure.time == "host":
        raise BadInput(
            f"{where}: figure: match is a time that the guest prints; leave out match or time = 'host'"
        )
    return figure
