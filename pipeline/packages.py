"""What an installed PyPI package is: its version and the digest of the code that decides scores."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from pipeline.store import sha256

#: Shared libraries decide what a runtime does; the .py files around them are its thin bindings,
#: but they choose defaults, so they count as well. C files are of runtimes that are compiled into the guest.
_CODE = (".so", ".dylib", ".dll", ".pyd", ".py", ".c", ".h", ".inc")


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


def _decides(file: metadata.PackagePath) -> bool:
    """Whether a file of a package decides what it does: code, and programs that it carries."""
    program = file.parent.name == "bin" and not file.suffix
    # JavaScript engines bring package managers, which no measurement starts.
    return (program or file.suffix in _CODE) and not {"..", "node_modules", "simde"} & set(file.parts)


def records(names: Sequence[str]) -> list[str]:
    """Files of this interpreter's packages that decide what they do; cheap enough for every load."""
    found = []
    for name in names:
        distribution = find(name)
        if distribution is None:
            continue
        for file in distribution.files or ():
            if file.name == "RECORD" or _decides(file):
                found.append(str(distribution.locate_file(file)))
    return found


def identity(names: Sequence[str], site: str | None = None) -> dict[str, dict[str, str]]:
    """Return {package: {"version", "sha256"}}; a package that is missing is left out."""
    found = {}
    for name in names:
        distribution = find(name, site)
        if distribution is None:
            continue
        digest = hashlib.sha256()
        for file in sorted(distribution.files or (), key=str):
            if _decides(file):
                digest.update(f"{file}\0{sha256(str(distribution.locate_file(file)))}\n".encode())
        found[name] = {"version": distribution.version, "sha256": digest.hexdigest()}
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
