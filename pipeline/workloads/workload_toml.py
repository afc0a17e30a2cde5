"""workload.toml -> Workload: what a program is, checked to the last key; docs/workloads.md has the format."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import ITERATIONS, Figure, Proof, Workload
from pipeline.core.toml_checks import named, only, read_toml, typed
from pipeline.workloads import file_patterns
from toolchain.model import CXX, CXX_SUFFIXES, LIBRARIES, is_cxx

OUTPUT = "output"
HEADERS = ("**/*.h", "**/*.hh", "**/*.hpp", "**/*.hxx", "**/*.inc", "**/*.inl", "**/*.def")
_KEYS: dict[str, type] = {
    "title": str,
    "stresses": str,
    "note": str,
    "sources": list,
    "headers": list,
    "includes": list,
    "defines": dict,
    "standard": object,
    "flags": list,
    "libraries": list,
    "args": list,
    "stdin": str,
    "files": list,
    "proof": dict,
    "figure": dict,
    "limits": dict,
}
SUFFIXES = (".c", *CXX_SUFFIXES)
#: Of the project's own workloads only.
_OWN_KEYS: dict[str, type] = {"validator": str, "third_party": str}
#: What decides a program's meaning and not how well it is optimised; the matrix has flags for that.
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
_STANDARD = re.compile(r"(c|gnu|c\+\+|gnu\+\+)[0-9][0-9a-z]")
_MACRO = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
#: Beside workloads, below results/HOST/.
_TAKEN = ("tune", "certificates", "local", "host.json", "refined.json")
_UNITS = ("s", "ms", "us", "ns")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_PATTERN = 500
_MOST_RUN_S = 600


def ready() -> dict[str, str]:
    """{name: folder} of the project's own workloads."""
    return _below(paths.WORKLOADS)


def local() -> dict[str, str]:
    """The same of those that ``doit run new`` made for the user: no part of the project, and not trusted."""
    return _below(paths.LOCAL_WORKLOADS)


def _below(folder: str) -> dict[str, str]:
    found = {}
    try:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            # Not as glob does it, to which what is closed is not there.
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
            f"{folder}: there is no {paths.WORKLOAD_TOML}; to make a first one, type: "
            "doit run new workload=NAME from=FILE.c"
        )
    file_patterns.inside(where, paths.WORKLOAD_TOML, folder, paths.WORKLOAD_TOML)
    data = read_toml(where)
    known = {**_KEYS, **(_OWN_KEYS if own else {})}
    for key, value in data.items():
        if key not in known:
            raise BadInput(f"{where}: unknown key {key!r}{near_miss(key, known)}")
        typed(where, key, value, known[key])
    name = os.path.basename(os.path.abspath(folder))
    named(where, "the folder's name", name)
    if name in _TAKEN:
        raise BadInput(f"{where}: {name!r} is a name of the project's own; rename the folder")
    third_party, validator = data.get("third_party"), data.get("validator", OUTPUT)
    sources = _strings(where, "sources", data, ["*.c"])
    headers = _strings(where, "headers", data, list(HEADERS))
    if third_party is None:
        root = paths.staged_sources(name)
        found = file_patterns.matching(where, "sources", folder, sources)
        if not found:
            raise BadInput(f"{where}: sources: nothing matches {', '.join(sources)}")
        _compilable(where, found)
        included = file_patterns.matching(where, "headers", folder, headers)
    else:
        root = paths.third_party(third_party)
        _open(paths.manifest(third_party))
        found, included = sources, headers
    workload = Workload(
        name=name,
        title=_line(where, data, "title", name),
        stresses=_line(where, data, "stresses", ""),
        note=_line(where, data, "note", "") or None,
        folder=folder,
        root=root,
        sources=tuple(found),
        headers=tuple(each for each in included if each not in found),
        includes=tuple(
            file_patterns.relative(where, "includes", each) for each in _strings(where, "includes", data, [])
        ),
        defines=_defines(where, data.get("defines", {})),
        flags=tuple(_chosen(where, "flags", data, FLAGS)),
        standards=_standards(where, data.get("standard", [])),
        libraries=_libraries(where, data, found),
        args=tuple(_arguments(where, data)),
        stdin=_one(where, "stdin", folder, data),
        files=tuple(file_patterns.matching(where, "files", folder, _strings(where, "files", data, []))),
        proof=_proof(where, data.get("proof", {})),
        figure=_figure(where, data.get("figure", {})),
        validator=validator,
        third_party=third_party,
        **_limits(where, data.get("limits", {})),
    )
    return _timed(where, workload) if validator == OUTPUT else workload


def _open(manifest: str) -> None:
    """Tasks are made of it: where it is not there no task can say so."""
    try:
        open(manifest, "rb").close()
    except OSError as error:
        cure = f"bring it back: git checkout {shlex.quote(manifest)}"
        raise BadInput(f"{manifest}: {error.strerror}; {cure}") from None


def _compilable(where: str, sources: list[str]) -> None:
    objects: dict[str, str] = {}
    for name in sources:
        if not name.endswith(SUFFIXES):
            raise BadInput(f"{where}: sources: {name}: expected a name that ends in {', '.join(SUFFIXES)}")
        other = objects.setdefault(name.replace("/", "__"), name)
        if other != name:
            raise BadInput(f"{where}: sources: {other} and {name} would have one object; rename one")


def _timed(where: str, workload: Workload) -> Workload:
    """With the file that tells the guest's own time, where that is wanted."""
    if workload.proof.iterations != 1 and not workload.iterates:
        raise BadInput(f"{where}: proof.iterations: there is no {ITERATIONS} in args")
    proof = workload.proof
    if workload.iterates and not proof.native and proof.match is None:
        raise BadInput(
            f"{where}: proof: text and sha256 are of one number of iterations: add native or match"
        )
    if workload.iterates and workload.figure.time == "host":
        raise BadInput(
            f"{where}: figure.time: seen from outside, starting a run is part of each; "
            f"with {ITERATIONS}, leave one of them out"
        )
    clock = os.path.basename(paths.GUEST_CLOCK)
    if clock in workload.sources:
        raise BadInput(f"{where}: sources: {clock} is a file of the project's; choose another name")
    if workload.figure.time == "host" and workload.figure.match is None:
        return workload
    return replace(workload, sources=(*workload.sources, clock))


def _strings(where: str, key: str, data: Mapping[str, Any], default: list[str]) -> list[str]:
    found = data.get(key, default)
    if not all(isinstance(each, str) and each for each in found):
        raise BadInput(f"{where}: {key}: expected a list of strings, found {found!r}")
    return list(found)


def _line(where: str, data: Mapping[str, Any], key: str, default: str) -> str:
    text: str = data.get(key, default)
    if not text.isprintable() or len(text) > 300:
        raise BadInput(f"{where}: {key}: expected one line of at most 300 printable characters")
    return text


def _chosen(where: str, key: str, data: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    found = _strings(where, key, data, [])
    for each in found:
        if each not in known:
            raise BadInput(f"{where}: {key}: {each!r} is not allowed here{near_miss(each, known)}")
    return list(dict.fromkeys(found))


def _libraries(where: str, data: Mapping[str, Any], sources: list[str]) -> tuple[str, ...]:
    asked = _chosen(where, "libraries", data, LIBRARIES)
    return tuple(dict.fromkeys([*([CXX] if any(map(is_cxx, sources)) else []), *asked]))


def _standards(where: str, value: object) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(x, str) and _STANDARD.fullmatch(x) for x in found):
        raise BadInput(f"{where}: standard: expected one like 'c99' or 'gnu++17', found {value!r}")
    return tuple(found)


def _defines(where: str, table: Mapping[str, Any]) -> tuple[tuple[str, str | None], ...]:
    found: list[tuple[str, str | None]] = []
    for name, value in table.items():
        if not _MACRO.fullmatch(name):
            raise BadInput(f"{where}: defines: {name!r} is no name of a macro")
        if not isinstance(value, bool | int | str):
            raise BadInput(f"{where}: defines.{name}: expected text, a number or true, found {value!r}")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise BadInput(f"{where}: defines.{name}: expected a number of 64 bits")
        if isinstance(value, str) and not value.isprintable():
            raise BadInput(f"{where}: defines.{name}: expected printable text, found {value!r}")
        if value is not False:
            found.append((name, None if value is True else str(value)))
    return tuple(found)


def _arguments(where: str, data: Mapping[str, Any]) -> list[str]:
    found = data.get("args", [])
    if not all(isinstance(each, str) and "\0" not in each for each in found):
        raise BadInput(f"{where}: args: expected a list of strings, found {found!r}")
    if sum(len(each) for each in found) > 10_000:
        raise BadInput(f"{where}: args: expected at most 10000 characters in all")
    return list(found)


def _one(where: str, key: str, folder: str, data: Mapping[str, Any]) -> str | None:
    if key not in data:
        return None
    name = file_patterns.relative(where, key, data[key])
    file_patterns.inside(where, key, folder, name)
    return name


def _pattern(where: str, key: str, value: object, groups: int) -> str | None:
    import regex  # has a time limit, which the standard library's has not

    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_PATTERN:
        raise BadInput(f"{where}: {key}: expected a regular expression of at most {_MOST_PATTERN} characters")
    try:
        compiled = regex.compile(value.encode(), regex.MULTILINE)  # as it is used
    except (regex.error, ValueError, RecursionError) as error:
        raise BadInput(f"{where}: {key}: not a regular expression: {error}") from None
    if compiled.groups < groups:
        raise BadInput(f"{where}: {key}: expected a group, as in 'time: ([0-9.]+) s', found {value!r}")
    return value


def _proof(where: str, table: Mapping[str, Any]) -> Proof:
    only(where, "proof", table, ["native", "text", "sha256", "match", "iterations"])
    native, text, digest = table.get("native", True), table.get("text"), table.get("sha256")
    match = _pattern(where, "proof.match", table.get("match"), 0)
    if not isinstance(native, bool):
        raise BadInput(f"{where}: proof.native: expected true or false, found {native!r}")
    if text is not None and not isinstance(text, str):
        raise BadInput(f"{where}: proof.text: expected a string, found {text!r}")
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise BadInput(f"{where}: proof.sha256: expected 64 hexadecimal digits, found {digest!r}")
    if not native and text is digest is match is None:
        raise BadInput(
            f"{where}: proof: nothing is asked of the output; expected native, text, sha256 or match"
        )
    iterations = table.get("iterations", 1)
    if type(iterations) is not int or not 1 <= iterations < 2**31:
        raise BadInput(f"{where}: proof.iterations: expected a whole number from 1, found {iterations!r}")
    return Proof(native, text, digest, match, iterations)


def _figure(where: str, table: Mapping[str, Any]) -> Figure:
    only(where, "figure", table, ["time", "match", "unit"])
    time, unit = table.get("time", "guest"), table.get("unit", "s")
    if time not in ("guest", "host"):
        raise BadInput(f"{where}: figure.time: expected 'guest' or 'host', found {time!r}")
    if unit not in _UNITS:
        raise BadInput(f"{where}: figure.unit: expected one of {', '.join(_UNITS)}, found {unit!r}")
    match = _pattern(where, "figure.match", table.get("match"), 1)
    if match is not None and time == "host":
        raise BadInput(
            f"{where}: figure: match is a time of the guest's; without it, or without time = 'host'"
        )
    return Figure(time, match, unit)


def _limits(where: str, table: Mapping[str, Any]) -> dict[str, Any]:
    only(where, "limits", table, ["memory_mib", "run_timeout_s"])
    memory, seconds = table.get("memory_mib"), table.get("run_timeout_s")
    if memory is not None and (type(memory) is not int or not 64 <= memory <= 2**20):
        raise BadInput(f"{where}: limits.memory_mib: expected a whole number from 64, found {memory!r}")
    if seconds is not None and (type(seconds) not in (int, float) or not 0.1 <= seconds <= _MOST_RUN_S):
        raise BadInput(
            f"{where}: limits.run_timeout_s: expected seconds from 0.1 to {_MOST_RUN_S}, found {seconds!r}"
        )
    return {"memory_mib": memory, "run_timeout_s": None if seconds is None else float(seconds)}
