"""What an installed PyPI package is: its version and the digest of the code that decides scores."""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import msgspec

from pipeline.core.files import sha256

#: Shared libraries decide what a runtime does; the .py files around them are its thin bindings,
#: but they choose defaults, so they count as well.
_CODE = (".so", ".dylib", ".dll", ".pyd", ".py")
#: wasm2c's own runtime becomes part of the guest.
_SOURCES = ("/wasm2c/",)
#: JavaScript engines bring package managers, which no measurement starts.
_OTHERS = ("../", "/node_modules/", "/simde/")
#: 20,000 files, which count by their digests in RECORD.
_COMPILER = "ziglang/lib/"


def find(name: str, site: str | None = None) -> metadata.Distribution | None:
    """The distribution ``name`` in the folder ``site``.

    The default is where a worker of this interpreter will import it from: not a folder that only
    this process has on its path.
    """
    folder = site or sysconfig.get_path("platlib")
    return next(iter(metadata.distributions(name=name, path=[folder])), None)


def site_packages(environment: Path) -> str:
    """The folder of a virtual environment's packages; "" if it has none."""
    return next((str(p) for p in sorted(environment.glob("lib/python3.*/site-packages"))), "")


def _deciding(distribution: metadata.Distribution) -> list[str]:
    """The files of a package that decide what it does, as its RECORD names them.

    Read line by line: the library's own objects for the 20,000 files of a compiler take a third of a second.
    """
    record = distribution.read_text("RECORD") or ""
    lines = (line for line in record.splitlines() if not line.startswith(_COMPILER))
    names = (line.rsplit(",", 2)[0].strip('"') for line in lines)
    return [
        name
        for name in names
        if (
            name.endswith(_CODE)
            or ("." not in name[name.rfind("/") :] and ("/bin/" in name or name == "ziglang/zig"))
            or any(part in name for part in _SOURCES)
        )
        and not any(part in name for part in _OTHERS)
    ]


def records(names: Sequence[str], site: str | None = None) -> list[str]:
    """Files of packages that decide what they do; cheap enough for every load."""
    found = []
    for name in names:
        distribution = find(name, site)
        if distribution is None:
            continue
        root = str(distribution.locate_file(""))
        found += [os.path.join(root, file) for file in _deciding(distribution)]
        found += [str(path) for path in Path(root).glob(f"{_folder(distribution)}/RECORD")]
    return found


def _folder(distribution: metadata.Distribution) -> str:
    name = distribution.name.replace("-", "_")
    return f"{name}-{distribution.version}.dist-info"


class PackageIdentity(msgspec.Struct, frozen=True):
    """An installed package: its version, and the digest of the files that decide what it does."""

    version: str
    sha256: str


def identity(names: Sequence[str], site: str | None = None) -> dict[str, PackageIdentity]:
    """{package: what it is}; a package that is missing is left out."""
    found = {}
    for name in names:
        distribution = find(name, site)
        if distribution is None:
            continue
        digest = hashlib.sha256()
        root = str(distribution.locate_file(""))
        for file in sorted(_deciding(distribution)):
            digest.update(f"{file}\0{sha256(os.path.join(root, file))}\n".encode())
        found[name] = PackageIdentity(distribution.version, digest.hexdigest())
    return found


def versions(names: Sequence[str], site: str | None = None) -> list[str]:
    """ "wasmtime 38.0.0" of each package that is there."""
    found = [find(name, site) for name in names]
    return [f"{d.name} {d.version}" for d in found if d is not None]


def python_version() -> str:
    """Version of the running interpreter, "3.12.1"."""
    return "{}.{}.{}".format(*sys.version_info[:3])


def base_python() -> str:
    """The interpreter that this virtual environment was made from."""
    executable: str = getattr(sys, "_base_executable", sys.executable)
    return executable or sysconfig.get_path("scripts") + "/python3"
