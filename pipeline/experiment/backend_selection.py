"""Which backends: the discovered ones, a user's own command-line runtimes, any version of a PyPI package.

``wasmtime.cranelift@38.0.0`` is a backend in an isolated environment; ``wasmtime.*@38.0.0`` are several.
``wasmtime.cranelift[signals-based-traps=n]`` is one with an option of its engine; with several these are
separated by commas.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from msgspec import Struct

from pipeline.core import toml_file
from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import COMMAND_WORKER, Backend, Kind, Program, Runtime
from pipeline.core.toml_file import Text, Texts
from pipeline.experiment.choose_by_name import words
from pipeline.experiment.plan import Sweep
from pipeline.runtimes import backends
from pipeline.runtimes.backends import engines
from pipeline.runtimes.engines.provision import can_be_had
from pipeline.runtimes.identity import installed

#: In matrix.toml, in place of a list: every backend whose runtime is installed, unless it is ``by_name``.
INSTALLED = "installed"
_VERSION = re.compile(r"(?=.{1,40}$)[0-9]+(\.[0-9]+)*((a|b|rc|\.post|\.dev)[0-9]+)?")
#: A name or pattern and the options of an engine: "[ab]" and "[!ab]" are parts of a pattern.
_WITH_OPTIONS = re.compile(r"(.*?)\[((?:[^\]=]+=|-)[^\]]*)\]")
#: An option is a part of paths and of the names of tasks.
_OPTION = re.compile(r"[A-Za-z0-9_.+-]{1,60}(=[A-Za-z0-9_.+-]{0,60})?")
#: The order of a table's rows.
_ORDER = list(Kind)
#: What a runtime of a user can be.
_KINDS = {kind.value: kind for kind in Kind if kind is not Kind.NATIVE}
_ARGV_EXAMPLE = '["wasmtime", "run", "{artifact}", "{args}"]'


class RuntimeTable(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of [runtimes]: a runtime that is only a command."""

    argv: Texts  # with {artifact} and {args}
    # Arguments that make it print its version: without, some are tried; none, and it is known by its bytes.
    version: tuple[Text, ...] | None = None
    own_lines: tuple[Text, ...] = ()  # patterns of whole lines that it prints before or after the guest's
    kind: Text = Kind.PROGRAM.value


class SweepTable(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of [sweeps]."""

    backends: Texts
    variants: Texts
    versions: Texts


def known(path: str, runtimes: Mapping[str, RuntimeTable]) -> dict[str, Backend]:
    """Every backend: the discovered ones, and those of [runtimes]; in the order of a table's rows."""
    found = backends.discover()
    taken = {*found, *(backend.runtime.name for backend in found.values())}
    for name, table in runtimes.items():
        if name in taken:
            raise BadInput(f"{path}: runtimes.{name}: this name is taken; choose a different name")
        found[name] = _command_line(f"{path}: runtimes.{name}", name, table)
    return dict(sorted(found.items(), key=lambda item: (_ORDER.index(item[1].kind), item[0])))


def _command_line(where: str, name: str, table: RuntimeTable) -> Backend:
    """The backend of a runtime that is only a command."""
    argv = list(table.argv)
    for word in ("{artifact}", "{args}"):
        if sum(word in each for each in argv[1:]) != 1:
            raise BadInput(f"{where}.argv: expected {word} once, after the program, as in {_ARGV_EXAMPLE}")
    if "{args}" not in argv:
        raise BadInput(f"{where}.argv: {{args}} stands for several words, so it must be a word of its own")
    toml_file.one_of(f"{where}.kind", "kind", table.kind, _KINDS)
    if os.sep in argv[0]:  # relative to the project's folder, which is not where it will be started
        argv[0] = os.path.abspath(os.path.expanduser(argv[0]))
    # A script that the program is given decides the score as much as the program does.
    files = [word for word in argv[1:] if os.path.isfile(word)]
    argv = [os.path.abspath(word) if word in files else word for word in argv]
    scripts = tuple(map(os.path.abspath, files))
    program = Program(argv[0], table.version, f"see {where}", files=scripts, of_user=True)
    runtime = Runtime(name, COMMAND_WORKER, programs=(program,))
    for pattern in table.own_lines:
        try:
            re.compile(pattern)
        except re.error as error:
            raise BadInput(f"{where}.own_lines: {pattern!r} is no regular expression: {error}") from None
    own = {"own_lines": list(table.own_lines)} if table.own_lines else {}
    return Backend(name, _KINDS[table.kind], runtime, options={"argv": argv, **own}, forks=True)


def default(path: str, asked: str | Sequence[str], among: Mapping[str, Backend]) -> list[Backend]:
    """The backends that matrix.toml names: INSTALLED, or names and patterns."""
    if isinstance(asked, str):
        return [backend for backend in among.values() if not backend.by_name and installed(backend.runtime)]
    return pick(f"{path}: backends", asked, among)


def pick(where: str, patterns: Iterable[str], among: Mapping[str, Backend]) -> list[Backend]:
    """The backends that match any pattern, in the order of ``among``, versions and options in that given."""
    chosen: dict[str, Backend] = {}
    places: dict[str, int] = {}
    order = {name: place for place, name in enumerate(among)}
    for asked in patterns:
        with_options = _WITH_OPTIONS.fullmatch(asked)
        pattern, options = (
            (with_options[1], _options(where, asked, with_options[2])) if with_options else (asked, ())
        )
        if os.sep in pattern.partition("@")[0]:
            backend = _with_options(where, _of_file(where, pattern), options)
            chosen[backend.name], places[backend.name] = backend, len(order)
            continue
        base, at, version = pattern.partition("@")
        # A user's binary has its version in its name; it is no package.
        whole = _named(pattern, among)
        names = whole or _named(base, among)
        if not names:
            # "wasmtme.*" is nearer to "wasmtime.*" than to any whole name.
            groups = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in among if "." in name)
            hint = near_miss(base, [*among, *groups] if "*" in base else among)
            raise BadInput(f"{where}: {pattern!r} matches nothing{hint}")
        if at and not whole:  # of several, those that the release has
            names = [name for name in names if not engines.lacks(among[name], version)] or names
        for name in names:
            backend = among[name]
            if at and not whole:
                backend = at_version(where, backend, version)
            backend = _with_options(where, backend, options)
            chosen[backend.name], places[backend.name] = backend, order[name]
    return sorted(chosen.values(), key=lambda backend: places[backend.name])


def _options(where: str, asked: str, text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in found:
        if not _OPTION.fullmatch(word):
            raise BadInput(
                f"{where}: {asked!r}: {word!r} is no option; expected letters, digits and ._+- as in "
                "'wasmtime.cranelift[signals-based-traps=n]'"
            )
    return found


def _of_file(where: str, text: str) -> Backend:
    path = os.path.abspath(os.path.expanduser(text))
    if not os.path.isfile(path):
        raise BadInput(f"{where}: {text}: there is no such file")
    try:
        return backends.of_file(path)
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None
    except OSError as error:
        raise BadInput(f"{where}: {text}: {error.strerror}") from None


def _with_options(where: str, backend: Backend, options: Sequence[str]) -> Backend:
    try:
        return backends.with_options(backend, options) if options else backend
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None


def _named(pattern: str, among: Mapping[str, Backend]) -> list[str]:
    """The backends that match, of engines that are built here only those of one that the pattern begins with.

    So '*' builds nothing.
    """

    def meant(engine: str) -> bool:
        return pattern.startswith(engine) and pattern[len(engine) : len(engine) + 1] in ("", *".*?[")

    found = fnmatch.filter(among, pattern)
    return [name for name in found if (engine := among[name].runtime.engine) is None or meant(engine)]


def with_engines(where: str, chosen: Sequence[Backend], patterns: Iterable[str]) -> list[Backend]:
    """These backends, and those of engines that match; by a pattern only what this machine can have."""
    every = engines.shipped()
    names = list(dict.fromkeys(str(backend.runtime.engine) for backend in every))
    asked: set[str] = set()
    for pattern in patterns:
        matching = fnmatch.filter(names, pattern)
        if not matching:
            raise BadInput(f"{where}: {pattern!r} matches nothing{near_miss(pattern, names)}")
        asked |= {
            backend.name
            for backend in every
            if backend.runtime.engine in matching and (pattern in names or can_be_had(backend.runtime))
        }
    added = [*chosen, *(backend for backend in every if backend.name in asked)]
    return list({backend.name: backend for backend in added}.values())


def at_version(where: str, backend: Backend, version: str) -> Backend:
    if not _VERSION.fullmatch(version):
        raise BadInput(f"{where}: {backend.name}@{version}: not a version; expected one like 38.0.0")
    try:
        found = backends.at_version(backend, version)
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None
    base, bracket, options = backend.name.partition("[")
    return replace(found, name=f"{base}@{version}[{options}") if bracket else found


def sweep(path: str, tables: Mapping[str, SweepTable], variables: Mapping[str, str]) -> Sweep | None:
    """The versions that runtime= asks for, from [sweeps] and the command line; None without it."""
    if "runtime" not in variables:
        if "versions" in variables:
            raise BadInput("command line: versions= needs runtime=, as in: doit run sweep runtime=wasmtime")
        return None
    name = variables["runtime"]
    if name not in tables:
        raise BadInput(
            f"command line: runtime: there is no sweep of {name!r} in {path}{near_miss(name, tables)}"
        )
    table = tables[name]
    lists = {"backends": table.backends, "variants": table.variants, "versions": table.versions}
    given = {key: tuple(words(key, variables)) for key in lists if key in variables}
    return Sweep(name, **{key: tuple(dict.fromkeys(each)) for key, each in {**lists, **given}.items()})


def swept(where: str, chosen: Sweep, among: Mapping[str, Backend]) -> list[Backend]:
    """The backends of a sweep at each of its versions, versions outermost."""
    bases: Sequence[Backend] = pick(where, chosen.backends, among)
    for base in bases:
        if base.runtime.name != chosen.runtime:
            raise BadInput(f"{where}: {base.name} is no backend of {chosen.runtime} without a version")
    return [at_version(where, backend, version) for version in chosen.versions for backend in bases]
