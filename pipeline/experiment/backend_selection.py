"""Which backends: those that are known, a user's own command-line runtimes, any version of a PyPI package.

``wasmtime.cranelift@38.0.0`` is a backend in an isolated environment; ``wasmtime.*@38.0.0`` are several.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Backend, Kind, Program, Runtime
from pipeline.core.toml_checks import named, only, table, typed
from pipeline.experiment.plan import Sweep
from pipeline.runtimes import backends
from pipeline.runtimes.identity import installed

#: In matrix.toml, in place of a list: every backend whose runtime is here.
INSTALLED = "installed"
_VERSION = re.compile(r"(?=.{1,40}$)[0-9]+(\.[0-9]+)*((a|b|rc|\.post|\.dev)[0-9]+)?")
#: The order of a table's rows.
_ORDER = list(Kind)


def known(path: str, data: Mapping[str, Any]) -> dict[str, Backend]:
    """Every backend: the discovered ones, and those of [runtimes]; in the order of a table's rows."""
    found = backends.discover()
    taken = {backend.runtime.name for backend in found.values()}
    for name, entry in table(path, data, "runtimes").items():
        if name in found or name in taken:
            raise BadInput(f"{path}: runtimes.{name}: this name is taken; choose another")
        found[name] = _command_line(path, name, entry)
    return dict(sorted(found.items(), key=lambda item: (_ORDER.index(item[1].kind), item[0])))


def _command_line(path: str, name: str, entry: Mapping[str, Any]) -> Backend:
    """A runtime that is only a command: argv with {artifact} and {args}."""
    where = f"runtimes.{name}"
    named(path, where, name)
    only(path, where, entry, ["argv", "version", "kind"])
    argv, version = entry.get("argv"), entry.get("version", ["--version"])
    for key, value in (("argv", argv), ("version", version)):
        if not isinstance(value, list) or not value or not all(isinstance(x, str) and x for x in value):
            raise BadInput(f"{path}: {where}.{key}: expected a list of strings, found {value!r}")
    assert isinstance(argv, list)
    for wanted in ("{artifact}", "{args}"):
        if sum(wanted in word for word in argv[1:]) != 1:
            example = '["wasmtime", "run", "{artifact}", "{args}"]'
            raise BadInput(
                f"{path}: {where}.argv: {wanted} must stand there once, after the program, as in {example}"
            )
    if "{args}" not in argv:
        raise BadInput(
            f"{path}: {where}.argv: {{args}} stands for several words, so it must be one of its own"
        )
    kinds = {kind.value: kind for kind in Kind if kind is not Kind.NATIVE}
    kind = entry.get("kind", Kind.PROGRAM.value)
    if kind not in kinds:
        raise BadInput(f"{path}: {where}.kind: unknown {kind!r}; known: {', '.join(kinds)}")
    if os.sep in argv[0]:  # of the project's folder, which is not where it will be started
        argv = [os.path.abspath(os.path.expanduser(argv[0])), *argv[1:]]
    # A script beside the program decides the score as much as the program does.
    files = [word for word in argv[1:] if os.path.isfile(word)]
    argv = [os.path.abspath(word) if word in files else word for word in argv]
    program = Program(
        argv[0], tuple(version), f"see {path}: {where}", files=tuple(map(os.path.abspath, files))
    )
    runtime = Runtime(name, "command_worker.py", programs=(program,))
    return Backend(name, kinds[kind], runtime, options={"argv": argv}, forks=True)


def default(path: str, data: Mapping[str, Any], among: Mapping[str, Backend]) -> list[Backend]:
    """What matrix.toml asks for."""
    asked = data.get("backends", INSTALLED)
    if asked == INSTALLED:
        return [backend for backend in among.values() if installed(backend.runtime)]
    if not isinstance(asked, list) or not asked or not all(isinstance(name, str) for name in asked):
        raise BadInput(
            f'{path}: backends: expected "{INSTALLED}" or a list of names or patterns; '
            f"known: {', '.join(among)}"
        )
    return pick(f"{path}: backends", asked, among)


def pick(where: str, patterns: Iterable[str], among: Mapping[str, Backend]) -> list[Backend]:
    """The backends that match any pattern, in the order of ``among``, versions in the order given."""
    chosen: dict[str, Backend] = {}
    for pattern in patterns:
        base, at, version = pattern.partition("@")
        # Binaries of a user carry a version of their own, which is no package's.
        whole = fnmatch.filter(among, pattern)
        names = whole or fnmatch.filter(among, base)
        if not names:
            # "wasmtme.*" is nearer to "wasmtime.*" than to any whole name.
            groups = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in among if "." in name)
            hint = near_miss(base, [*among, *groups] if "*" in base else among)
            raise BadInput(f"{where}: {pattern!r} matches nothing{hint}")
        for name in names:
            backend = among[name]
            if at and not whole:
                backend = at_version(where, backend, version)
            chosen[backend.name] = backend
    names = list(among)
    return sorted(chosen.values(), key=lambda b: names.index(b.name if b.name in among else _base(b)))


def _base(backend: Backend) -> str:
    return backend.name.rpartition("@")[0]


def at_version(where: str, backend: Backend, version: str) -> Backend:
    if not _VERSION.fullmatch(version):
        raise BadInput(f"{where}: {backend.name}@{version}: not a version; expected one like 38.0.0")
    try:
        return backends.at_version(backend, version)
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None


def sweep(path: str, data: Mapping[str, Any], variables: Mapping[str, str]) -> Sweep | None:
    """The versions that runtime= asks for, from [sweeps] and the command line."""
    if "runtime" not in variables:
        if "versions" in variables:
            raise BadInput("command line: versions= needs runtime=, as in: doit run sweep runtime=wasmtime")
        return None
    tables = table(path, data, "sweeps")
    name = variables["runtime"]
    for each in tables:
        named(path, f"sweeps.{each}", each)
    if name not in tables:
        raise BadInput(
            f"command line: runtime: there is no sweep of {name!r} in {path}{near_miss(name, tables)}"
        )
    lists: dict[str, tuple[str, ...]] = {}
    for key in ("backends", "variants", "versions"):
        value = tables[name].get(key)
        typed(path, f"sweeps.{name}.{key}", value, list)
        if not value or not all(isinstance(x, str) for x in value):
            raise BadInput(f"{path}: sweeps.{name}.{key}: expected a list of strings, found {value!r}")
        lists[key] = tuple(value)
    only(path, f"sweeps.{name}", tables[name], lists)
    for key in lists:
        if key in variables:
            lists[key] = tuple(x.strip() for x in variables[key].split(",") if x.strip())
        lists[key] = tuple(dict.fromkeys(lists[key]))
        if not lists[key]:
            raise BadInput(f"command line: {key}= is empty")
    return Sweep(name, lists["backends"], lists["variants"], lists["versions"])


def swept(where: str, chosen: Sweep, among: Mapping[str, Backend]) -> list[Backend]:
    """One backend a version, versions outermost."""
    bases: Sequence[Backend] = pick(where, chosen.backends, among)
    for base in bases:
        if base.runtime.name != chosen.runtime:
            raise BadInput(f"{where}: {base.name} is no backend of {chosen.runtime} without a version")
    return [at_version(where, backend, version) for version in chosen.versions for backend in bases]
