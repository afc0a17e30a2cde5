"""Isolated environments: runtimes that need a different interpreter or version, installed with hashes.

An environment is made in a temporary folder and renamed into place, so that it is complete or missing.
A record next to it says what it was made of, or why it could not be made and what to do; the cells that
need it repeat that.

The pins of those that come with the project are in ``pipeline/runtimes/pins/``. For any other version that
a user asks for, uv resolves them once; they are kept next to the environment, and installed by hash too.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import msgspec

from pipeline.core import paths
from pipeline.core.files import new_folder, read_record, sha256, write_atomic, write_record
from pipeline.core.model import Runtime
from pipeline.runtimes.interpreters import find_interpreter, version_of
from pipeline.runtimes.packages import PackageIdentity, find, identity, site_packages, versions
from pipeline.runtimes.uv import Unavailable, uv
from toolchain.model import BUILD_TIME

#: Of a compiled package's build: what setuptools itself needs, pinned.
_BUILD_PINS = f"{paths.ENVIRONMENTS}/build.txt"


class Basis(msgspec.Struct, frozen=True):
    """What decides an environment: its pins, and for a compiled package the compiler and the build's pins."""

    pins: str
    pythons: tuple[str, ...]
    links: dict[str, str]
    build: str | None
    compiler: list[str] | None


class EnvironmentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An isolated environment, as recorded in build/environments/."""

    present: bool
    reason: str | None = None  # why it is not present
    python: str | None = None
    made_of: Basis | None = None
    packages: dict[str, PackageIdentity] = {}


def provision(runtime: Runtime) -> None:
    """Make the runtime's environment, or record why it cannot be made."""
    assert runtime.environment is not None
    if _intact(runtime) and _is_current(load_environment(runtime.environment), runtime):
        return
    try:
        record = EnvironmentRecord(
            present=True,
            python=_make(runtime, _lock(runtime)),
            made_of=_made_of(runtime),
            packages=identity(runtime.packages, site_packages(_folder_of(runtime))),
        )
    except Unavailable as error:
        record = EnvironmentRecord(present=False, reason=str(error))
    except OSError as error:
        reason = f"{error.strerror or error}; check free disk space and permissions, then run doit again"
        record = EnvironmentRecord(present=False, reason=reason)
    write_record(paths.environment_record(runtime.environment), record)


def _folder_of(runtime: Runtime) -> Path:
    return Path(paths.environment(str(runtime.environment)))


def _made_of(runtime: Runtime) -> Basis:
    return Basis(
        pins=sha256(own_lock(runtime)),
        pythons=runtime.pythons,
        links=dict(runtime.loader_links),
        build=sha256(_BUILD_PINS) if runtime.compiled else None,
        compiler=versions(["ziglang"]) if runtime.compiled else None,
    )


def _is_current(record: EnvironmentRecord | None, runtime: Runtime) -> bool:
    """Whether a record describes an environment that was made from today's parts and still has them."""
    if record is None or not record.present:
        return False
    try:
        whole = record.packages == identity(runtime.packages, site_packages(_folder_of(runtime)))
        return whole and record.made_of == _made_of(runtime)
    except OSError:
        return False


def load_environment(name: str) -> EnvironmentRecord | None:
    """The record of an environment; None where there is none that can be read."""
    try:
        return read_record(paths.environment_record(name), EnvironmentRecord)
    except (OSError, ValueError):
        return None


def _intact(runtime: Runtime) -> bool:
    """Whether its interpreter, its packages and its links are all there."""
    assert runtime.environment is not None
    folder = Path(paths.environment(runtime.environment))
    site = site_packages(folder)
    return (
        paths.python_of(folder).exists()
        and bool(site)
        and all(find(name, site) is not None for name in runtime.packages)
        and all((loader_folder(folder) / name).exists() for name in runtime.loader_links)
    )


def present(runtime: Runtime) -> bool:
    """Whether the last attempt succeeded and nothing has been taken away since."""
    assert runtime.environment is not None
    record = load_environment(runtime.environment)
    return record is not None and record.present and _intact(runtime)


def own_lock(runtime: Runtime) -> str:
    """Where the pins of the runtime's environment lie, or will."""
    assert runtime.environment is not None
    shipped = paths.environment_lock(runtime.environment)
    return shipped if os.path.exists(shipped) else paths.resolved_lock(runtime.environment)


def _lock(runtime: Runtime) -> str:
    """The environment's pins; resolves and keeps them where the project has none."""
    path = own_lock(runtime)
    if os.path.exists(path):
        return path
    with new_folder(Path(path).parent) as folder:
        wanted, resolved = Path(folder) / "wanted.txt", Path(folder) / "resolved.txt"
        wanted.write_text("".join(f"{line}\n" for line in _requirements(runtime)), encoding="utf-8")
        python = find_interpreter(runtime)
        options = ["--quiet", "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url"]
        if not runtime.compiled:
            options += ["--only-binary", ":all:"]
        uv("pip", "compile", *options, "--python", python, "-o", str(resolved), str(wanted))
        write_atomic(path, resolved.read_text(encoding="utf-8"))
    return path


def _requirements(runtime: Runtime) -> list[str]:
    """Its packages at its version; what it shares with the project at the project's version."""
    wanted = []
    for name in runtime.packages:
        installed = find(name) if name != runtime.packages[0] else None
        wanted.append(f"{name}=={installed.version if installed else runtime.version}")
    return wanted


def _make(runtime: Runtime, lock: str) -> str:
    """Build the environment and return its interpreter's version."""
    assert runtime.environment is not None
    final = Path(paths.environment(runtime.environment))
    with new_folder(final.parent) as temporary:
        folder = Path(temporary) / "environment"
        interpreter = find_interpreter(runtime)
        uv("venv", "--quiet", "--relocatable", "--python", interpreter, str(folder))
        python = str(paths.python_of(folder))
        options = ["--quiet", "--link-mode=copy", "--require-hashes", "--only-binary=:all:"]
        compiler: dict[str, str] = {}
        if runtime.compiled:
            options += [f"--no-binary={runtime.packages[0]}", "--build-constraints", _BUILD_PINS]
            compiler = _compiler()
        uv("pip", "install", *options, "--python", python, "--requirement", lock, environment=compiler)
        _link(runtime, folder)
        version = version_of(python)
        if version is None:
            raise Unavailable(f"{interpreter} does not run in a virtual environment")
        shutil.rmtree(final, ignore_errors=True)
        os.replace(folder, final)
    return version


def _compiler() -> dict[str, str]:
    """The bundled clang as the compiler of Python's extension modules, for any machine of this kind."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("ziglang is not installed; run: pip install -e .")
    zig = os.path.join(next(iter(spec.submodule_search_locations)), "zig")
    cache = os.path.abspath(paths.toolchain_cache("zig"))
    # Sources of before clang 16 return pointers of other types than they say.
    compiler = f'"{zig}" cc -mcpu=baseline -Wno-error=incompatible-pointer-types'
    return {
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared -s",  # symbols name temporary folders
        "SOURCE_DATE_EPOCH": str(BUILD_TIME),
        "ZIG_GLOBAL_CACHE_DIR": cache,
        "ZIG_LOCAL_CACHE_DIR": cache,
    }


def loader_folder(environment: str | Path) -> Path:
    """Where an environment's ``loader_links`` lie."""
    return Path(environment) / "loader"


def _link(runtime: Runtime, folder: Path) -> None:
    """Give bundled libraries the names that the loader looks for, by relative links."""
    for name, pattern in runtime.loader_links.items():
        for target in folder.glob(pattern):
            link = loader_folder(folder) / name
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(os.path.relpath(target, link.parent))
