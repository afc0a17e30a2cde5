"""engine.toml: what an engine is, which releases a host of ours serves, and its ways to run a module."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from pipeline.core import paths, toml_file
from pipeline.core.errors import BadInput
from pipeline.core.limits import OWN_MIB
from pipeline.core.model import Kind
from pipeline.core.toml_file import Text

Language = Literal["rust", "go", "java", "c"]
_KINDS = {kind.value: kind for kind in Kind if kind is not Kind.NATIVE}
#: What starts a program with a C library of its own.
LOADER = "ld-linux-x86-64.so.2"
#: Of a command: where a backend's arguments are, if not at its end.
_ARGUMENTS = "{arguments}"
_RELEASE = re.compile(r"[0-9]+(\.[0-9]+)*((-|\.)?(alpha|beta|rc|a|b)[.-]?[0-9]*)?")
_Cost = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number, above 0")]
_Folder = Annotated[str, Meta(min_length=1, max_length=20, description="a folder's name")]


class FamilyTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Releases that one host serves: from ``first`` to below ``before``."""

    release: Text  # that the lock of this folder is for
    first: Text
    before: Text
    cpu_seconds: _Cost  # that a build takes where nothing of it is there
    disk_mb: _Cost  # that it takes meanwhile, in the cache
    folder: _Folder = "."
    needs: dict[Text, Text] = {}  # {tool: its lowest release}
    optional: dict[Text, Text] = {}  # the same of tools without which a part of its backends is unavailable
    listed: bool = True  # whether engines= and doctor have its release, or only who names the version


class BackendTable(Struct, frozen=True, forbid_unknown_fields=True):
    """A way of the engine to run a module."""

    kind: Text
    options: dict[str, Any] = {}  # what its host gets when it loads a module
    proof: dict[str, Any] = {}  # what the host's proof must say
    arguments: tuple[Text, ...] = ()  # of the host's command line
    environment: dict[str, str] = {}
    steady_s: Annotated[float, Meta(ge=0, le=60)] = 0.0  # of Backend
    features: tuple[Text, ...] = ()  # that its host turns on for modules that use them
    first: Text | None = None  # the releases that have it, as of a family
    before: Text | None = None


class ManifestTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of engine.toml."""

    title: Text
    language: Language  # of its host
    families: Annotated[tuple[FamilyTable, ...], Meta(min_length=1)]  # the newest first
    backends: Annotated[dict[str, BackendTable], Meta(min_length=1)]
    command: Annotated[tuple[Text, ...], Meta(min_length=1)] = ("{folder}/host",)
    shared: _Folder | None = None  # below hosts/: more of its host's sources, which several engines share
    names: dict[Text, Text] = {}  # {name in the shared sources: the engine's own}, replaced in this order
    #: Where a package on PyPI has the engine's name: all of its versions are below this one.
    package_before: Text | None = None
    stack_factor: Annotated[int, Meta(ge=1, le=64)] = 4
    reserved_mib: Annotated[int, Meta(ge=0, le=65536)] = 512
    own_mib: Annotated[int, Meta(ge=0, le=65536)] = OWN_MIB
    memory_factor: Annotated[float, Meta(ge=1, le=8)] = 1.0
    most_memory_mib: Annotated[int, Meta(ge=64)] | None = None

    @property
    def unversioned(self) -> bool:
        """Whether its backends can be named without a version: else such a name is a package's."""
        return self.package_before is None


@dataclass(frozen=True)
class Engine:
    """One release of an engine, with the family that serves it."""

    name: str
    release: str
    manifest: ManifestTable
    family: FamilyTable

    @property
    def id(self) -> str:
        return f"{self.name}-{self.release}"

    @property
    def shipped(self) -> bool:
        """Whether the lock that comes with the project is for this release."""
        return self.release == self.family.release

    @property
    def shared(self) -> tuple[str, ...]:
        """The folder of the sources that it shares with other engines, below ``place()``; one or none."""
        return () if self.manifest.shared is None else (f"hosts/{self.manifest.shared}",)

    @property
    def folder(self) -> str:
        """Where its host is, below ``place()``."""
        return self.name if self.family.folder == "." else f"{self.name}/{self.family.folder}"


def place() -> Path:
    """The folder of all engines."""
    return paths.ROOT / paths.ENGINES


@cache
def manifests() -> dict[str, ManifestTable]:
    """{name of an engine: what it is}; raises BadInput naming file and key."""
    return {path.parent.name: read(path) for path in sorted(place().glob("*/engine.toml"))}


def read(path: Path) -> ManifestTable:
    """Read one manifest; raises BadInput naming file and key."""
    shown = str(path.relative_to(paths.ROOT)) if path.is_relative_to(paths.ROOT) else str(path)
    found = toml_file.convert(shown, toml_file.read(str(path)), ManifestTable)
    toml_file.named(shown, "its folder", path.parent.name)
    for key, text in _releases(found):
        release_named(f"{shown}: {key}", text)
    for family in found.families:
        if not serves(family, family.release):
            raise BadInput(f"{shown}: families: {family.release} is not in {words(family)}")
    for name, table in found.backends.items():
        if name != path.parent.name and not name.startswith(f"{path.parent.name}."):
            raise BadInput(f"{shown}: backends: {name}: expected {path.parent.name}.NAME")
        toml_file.one_of(f"{shown}: backends.{name}.kind", "kind", table.kind, _KINDS)
    return found


def _releases(found: ManifestTable) -> Iterator[tuple[str, str]]:
    """(key, value) of all that must be a release."""
    for family in found.families:
        for key in ("release", "first", "before"):
            yield f"families.{key}", getattr(family, key)
        for tool, release in {**family.needs, **family.optional}.items():
            yield f"families.needs.{tool}", release
    if found.package_before is not None:
        yield "package_before", found.package_before
    for name, table in found.backends.items():
        for key in ("first", "before"):
            if (release := getattr(table, key)) is not None:
                yield f"backends.{name}.{key}", release


def release_named(where: str, text: str) -> str:
    """The text if it is a release like 2.0.0 or 1.0.0-beta.2; raises BadInput."""
    if not _RELEASE.fullmatch(text) or len(text) > 40:
        raise BadInput(f"{where}: expected a release like 2.0.0, found {text[:80]!r}")
    return text


def number(release: str) -> tuple[int, ...]:
    """What releases are in the order of: (2, 0, 1) of "2.0.1" and of "2.0.1-rc.1", and (2,) of "2.0"."""
    plain = re.match(r"[0-9]+(\.[0-9]+)*", release)
    parts = [int(part) for part in plain[0].split(".")] if plain else [0]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def between(release: str, first: str | None, before: str | None) -> bool:
    """Whether a release is one from ``first`` to below ``before``."""
    after = first is None or number(first) <= number(release)
    return after and (before is None or number(release) < number(before))


def serves(family: FamilyTable, release: str) -> bool:
    """Whether the family's host is for this release."""
    return between(release, family.first, family.before)


def words(family: FamilyTable) -> str:
    """ "2.1.0 to below 4" """
    return f"{family.first} to below {family.before}"


def engine(name: str, release: str) -> Engine:
    """The engine in that release; raises ValueError where no host of ours serves it."""
    found = manifests()[name]
    for family in found.families:
        if serves(family, release):
            return Engine(name, release, found, family)
    known = "; ".join(f"{first} to below {before}" for first, before in _ranges(found.families))
    raise ValueError(f"no host here serves {found.title} {release}; releases that one serves: {known}")


def _ranges(families: Sequence[FamilyTable]) -> list[tuple[str, str]]:
    """(first, before) of what they serve, the newest first; what follows on each other is one."""
    ranges: list[tuple[str, str]] = []
    for family in families:
        if ranges and number(ranges[-1][0]) == number(family.before):
            ranges[-1] = (family.first, ranges[-1][1])
        else:
            ranges.append((family.first, family.before))
    return ranges


def command_line(wanted: Engine, folder: str, arguments: Sequence[str]) -> list[str]:
    """What starts the host that is in this folder: arguments come last, or where the manifest says.

    A host that has a C library of its own is started by that one's loader.
    """
    words = list(wanted.manifest.command)
    if os.path.exists(f"{folder}/lib/{LOADER}"):
        own = ("{folder}/lib/" + LOADER, "--inhibit-cache", "--library-path", "{folder}/lib")
        words = [*own, *words]
    at = words.index(_ARGUMENTS) if _ARGUMENTS in words else len(words)
    whole = [*words[:at], *arguments, *words[at + 1 :]]
    return [word.replace("{folder}", folder) for word in whole]


def kind_of(table: BackendTable) -> Kind:
    return _KINDS[table.kind]
