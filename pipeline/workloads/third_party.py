"""Obtain sources of third parties, from a pinned package or a user's checkout; refuse what was changed."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import SourcesError
from pipeline.core.files import sha256, write_atomic


@dataclass(frozen=True)
class Manifest:
    """third_party/NAME/manifest.toml: {commit: {file: SHA-256}}, and the package's recipe."""

    name: str
    upstream: str  # a URI of its repository
    revisions: dict[str, dict[str, str]]
    package: dict[str, Any]

    @property
    def place(self) -> str:
        """Where the files lie, relative to the project."""
        return paths.third_party(self.name)

    @property
    def files(self) -> tuple[str, ...]:
        """File names, the same in every revision."""
        return tuple(next(iter(self.revisions.values())))


def read_manifest(name: str) -> Manifest:
    """Read the manifest of a third party; it is ours, so a fault in it is a programmer's."""
    import tomli

    data = tomli.loads(Path(paths.manifest(name)).read_text(encoding="utf-8"))
    revisions = {r["commit"]: r["files"] for r in data["revision"]}
    return Manifest(name, data["upstream"], revisions, data["package"])


def package_folder(manifest: Manifest) -> Path:
    """Where the pinned package lies; raises SourcesError when it is not installed."""
    module = manifest.package["module"]
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise SourcesError(
            f"the package {manifest.package['name']}, which carries the sources of {manifest.name}, is not "
            "installed; type: pip install -e ."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def inputs(manifest: Manifest, checkout: str | None) -> list[str]:
    """Files that the sources are made from; those that do not exist are left out."""
    if checkout is not None:
        return [str(p) for p in (Path(checkout) / f for f in manifest.files) if p.exists()]
    try:
        root = package_folder(manifest)
    except SourcesError:
        return []
    names = [f"{manifest.package['folder']}/{f}" for f in manifest.files]
    names += manifest.package["reverse"].values()
    return [str(root / name) for name in names]


def reverse_patch(text: str, patch: str) -> str:
    """Undo a unified diff of one file: what it added must be there exactly, or SourcesError."""
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


def obtain(name: str, checkout: str | None) -> dict[str, Any]:
    """Place verified files below third_party/NAME; return {"commit": …}.

    Raises SourcesError, before anything is written, naming the file whose digest is unknown.
    """
    manifest = read_manifest(name)
    contents = _from_checkout(manifest, checkout) if checkout else _from_package(manifest)
    commit = _identify(manifest, contents, checkout)
    _refuse_to_overwrite(manifest)
    for file, data in contents.items():
        write_atomic(Path(manifest.place) / file, data)
    return {"commit": commit}


def _refuse_to_overwrite(manifest: Manifest) -> None:
    """A file that lies there and is of no known revision is somebody's work: keep it, and stop."""
    present = [name for name in manifest.files if (Path(manifest.place) / name).exists()]
    found = {name: sha256(Path(manifest.place) / name) for name in present}
    known = {digest for files in manifest.revisions.values() for digest in files.values()}
    if any(digest not in known for digest in found.values()):
        pristine = next(iter(manifest.revisions))
        absent = {n: d for n, d in manifest.revisions[pristine].items() if n not in found}
        _match(manifest, {**absent, **found}, None)


def verify(name: str) -> dict[str, Any]:
    """Check the files that lie below third_party/NAME/: someone may have edited one."""
    manifest = read_manifest(name)
    contents = {file: (Path(manifest.place) / file).read_bytes() for file in manifest.files}
    return {"commit": _identify(manifest, contents, None)}


def _from_checkout(manifest: Manifest, checkout: str) -> dict[str, bytes]:
    folder = Path(checkout)
    if not folder.is_dir():
        wanted = f"give one that holds {manifest.files[0]}"
        raise SourcesError(f"{manifest.name}={checkout}: no such folder; {wanted}")
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
        folder = root / manifest.package["folder"]
        contents = {name: (folder / name).read_bytes() for name in manifest.files}
        for name, patch in manifest.package["reverse"].items():
            text = contents[name].decode("utf-8")
            diff = (root / patch).read_bytes().decode("utf-8")
            contents[name] = reverse_patch(text, diff).encode("utf-8")
    except OSError as error:
        raise SourcesError(
            f"{manifest.package['name']}: {error.filename}: {error.strerror}; "
            "type: pip install --force-reinstall -e ."
        ) from None
    return contents


def _identify(manifest: Manifest, contents: dict[str, bytes], checkout: str | None) -> str:
    """Return the commit whose files these are."""
    found = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    return _match(manifest, found, checkout)


def _match(manifest: Manifest, found: dict[str, str], checkout: str | None) -> str:
    """Return the commit that has these digests; the nearest one is named in the complaint."""

    def differing(commit: str) -> list[str]:
        return [n for n, digest in manifest.revisions[commit].items() if found[n] != digest]

    nearest = min(manifest.revisions, key=lambda commit: len(differing(commit)))
    wrong = differing(nearest)
    if wrong:
        where = f"{manifest.name}={checkout}" if checkout else manifest.place
        names = " ".join(wrong if checkout else [f"{manifest.place}/{n}" for n in wrong])
        remedy = f"type: git checkout {names}" if checkout else f"type: rm {names}"
        details = "; ".join(
            f"{n}: expected SHA-256 {manifest.revisions[nearest][n]}, found {found[n]}" for n in wrong
        )
        raise SourcesError(
            f"{where} is not {manifest.name} {nearest[:7]} (the nearest known revision): {details}. "
            f"Its terms allow no changes here; {remedy}"
        )
    return nearest
