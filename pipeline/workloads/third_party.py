"""Obtain sources of third parties, from a pinned package or a user's checkout; refuse changed ones."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from msgspec import Struct

from pipeline.core import paths, toml_file
from pipeline.core.errors import SourcesError
from pipeline.core.files import sha256, write_atomic
from pipeline.core.toml_file import Text


class Package(Struct, frozen=True, forbid_unknown_fields=True):
    """The pinned package that carries a third party's sources."""

    name: Text  # on PyPI
    module: Text  # that it installs
    folder: Text  # of the sources, in the module
    commit: Text  # the revision that these are
    reverse: dict[str, Text] = {}  # {file: patch in the module that its vendor applied}


class _Revision(Struct, frozen=True, forbid_unknown_fields=True):
    commit: Text
    date: date
    files: dict[str, Text]  # {file: SHA-256}


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    upstream: Text
    revision: tuple[_Revision, ...]
    package: Package


@dataclass(frozen=True)
class Manifest:
    """third_party/NAME/manifest.toml."""

    name: str
    upstream: str  # a URI of its repository
    revisions: dict[str, dict[str, str]]  # {commit: {file: SHA-256}}
    package: Package

    @property
    def place(self) -> str:
        """The folder of the files, relative to the project."""
        return paths.third_party(self.name)

    @property
    def files(self) -> tuple[str, ...]:
        """File names, the same in every revision."""
        return tuple(next(iter(self.revisions.values())))


def read_manifest(name: str) -> Manifest:
    """The manifest of a third party; raises BadInput."""
    path = paths.manifest(name)
    table = toml_file.convert(path, toml_file.read(path), _Table)
    revisions = {revision.commit: revision.files for revision in table.revision}
    return Manifest(name, table.upstream, revisions, table.package)


def package_folder(manifest: Manifest) -> Path:
    """The folder of the pinned package; raises SourcesError when it is not installed."""
    spec = importlib.util.find_spec(manifest.package.module)
    if spec is None or not spec.submodule_search_locations:
        raise SourcesError(
            f"the package {manifest.package.name}, which carries the sources of {manifest.name}, is not "
            "installed; run: pip install -e ."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def inputs(manifest: Manifest, checkout: str | None) -> list[str]:
    """Files that the sources come from; those that do not exist are left out."""
    if checkout is not None:
        return [str(p) for p in (Path(checkout) / f for f in manifest.files) if p.exists()]
    try:
        root = package_folder(manifest)
    except SourcesError:
        return []
    names = [f"{manifest.package.folder}/{f}" for f in manifest.files]
    names += manifest.package.reverse.values()
    return [str(root / name) for name in names]


def reverse_patch(text: str, patch: str) -> str:
    """Undo a unified diff of one file; raises SourcesError unless all that it added is there."""
    lines = text.splitlines(keepends=True)
    # Hunks in reverse order, so that line numbers of the earlier ones stay true.
    for start, body in reversed(_hunks(patch)):
        after = [line[1:] for line in body if line[0] in " +"]
        before = [line[1:] for line in body if line[0] in " -"]
        if lines[start - 1 : start - 1 + len(after)] != after:
            raise SourcesError(f"the vendor patch does not fit at line {start}")
        lines[start - 1 : start - 1 + len(after)] = before
    return "".join(lines)


def _hunks(patch: str) -> list[tuple[int, list[str]]]:
    """Return (first line in the patched file, lines with their marks) of each hunk."""
    hunks: list[tuple[int, list[str]]] = []
    remaining = 0
    for line in patch.splitlines(keepends=True):
        header = re.match(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", line)
        if header:
            hunks.append((int(header[1]), []))
            remaining = int(header[2] or 1)
        elif hunks and line[:1] in ("+", " ", "-") and (remaining or line[0] == "-"):
            hunks[-1][1].append(line)
            remaining -= line[0] != "-"
    return hunks


def obtain(name: str, checkout: str | None) -> dict[str, str]:
    """Write verified files to third_party/NAME; return {"commit": …}.

    Raises SourcesError before anything is written, naming the file whose digest is unknown.
    """
    manifest = read_manifest(name)
    contents = _from_checkout(manifest, checkout) if checkout else _from_package(manifest)
    commit = _identify(manifest, contents, checkout)
    _refuse_to_overwrite(manifest)
    for file, data in contents.items():
        write_atomic(Path(manifest.place) / file, data)
    return {"commit": commit}


def _refuse_to_overwrite(manifest: Manifest) -> None:
    """Raises SourcesError if a present file belongs to no known revision: a user may have edited it."""
    folder = Path(manifest.place)
    present = {name: sha256(folder / name) for name in manifest.files if (folder / name).exists()}
    known = {digest for files in manifest.revisions.values() for digest in files.values()}
    if any(digest not in known for digest in present.values()):
        pristine = next(iter(manifest.revisions.values()))
        _match(manifest, {**pristine, **present}, None)


def verify(name: str) -> dict[str, str]:
    """Check the files in third_party/NAME: return {"commit": …}; raises SourcesError for an edited one."""
    manifest = read_manifest(name)
    contents = {file: (Path(manifest.place) / file).read_bytes() for file in manifest.files}
    return {"commit": _identify(manifest, contents, None)}


def _from_checkout(manifest: Manifest, checkout: str) -> dict[str, bytes]:
    folder = Path(checkout)
    if not folder.is_dir():
        expected = f"expected one that holds {manifest.files[0]}"
        raise SourcesError(f"{manifest.name}={checkout}: no such folder; {expected}")
    contents = {}
    for name in manifest.files:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise SourcesError(f"{manifest.name}={checkout}: {name}: {error.strerror}") from None
    return contents


def _from_package(manifest: Manifest) -> dict[str, bytes]:
    root = package_folder(manifest)
    try:
        folder = root / manifest.package.folder
        contents = {name: (folder / name).read_bytes() for name in manifest.files}
        for name, patch in manifest.package.reverse.items():
            text = contents[name].decode("utf-8")
            diff = (root / patch).read_bytes().decode("utf-8")
            contents[name] = reverse_patch(text, diff).encode("utf-8")
    except OSError as error:
        raise SourcesError(
            f"{manifest.package.name}: {error.filename}: {error.strerror}; "
            "run: pip install --force-reinstall -e ."
        ) from None
    return contents


def _identify(manifest: Manifest, contents: dict[str, bytes], checkout: str | None) -> str:
    """Return the commit whose files these are."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    return _match(manifest, digests, checkout)


def _match(manifest: Manifest, digests: dict[str, str], checkout: str | None) -> str:
    """Return the commit that has these digests; raises SourcesError naming the nearest one."""

    def differing(commit: str) -> list[str]:
        return [n for n, digest in manifest.revisions[commit].items() if digests[n] != digest]

    nearest = min(manifest.revisions, key=lambda commit: len(differing(commit)))
    wrong = differing(nearest)
    if wrong:
        where = f"{manifest.name}={checkout}" if checkout else manifest.place
        names = " ".join(wrong if checkout else [f"{manifest.place}/{n}" for n in wrong])
        remedy = f"run: {'git checkout' if checkout else 'rm'} {names}"
        details = "; ".join(
            f"{n}: expected SHA-256 {manifest.revisions[nearest][n]}, found {digests[n]}" for n in wrong
        )
        raise SourcesError(
            f"{where} is not {manifest.name} {nearest[:7]} (the nearest known revision): {details}. "
            f"Its terms allow no changes here; {remedy}"
        )
    return nearest
