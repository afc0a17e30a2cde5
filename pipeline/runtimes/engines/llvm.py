"""The LLVM that an engine's compiler is made of: this machine's, or the library of a package of Debian's."""

from __future__ import annotations

import os
import platform
import re
import shutil
from pathlib import Path

from pipeline.runtimes.engines import debian
from pipeline.runtimes.engines.build_process import Unavailable, says
from pipeline.runtimes.engines.languages import Job
from pipeline.runtimes.engines.manifest import Engine, number, place

#: The release of the crate llvm-sys by LLVM's: 140 of 14; since 19 it belongs to 19.1, 20.1 and so on.
_CRATES = {major: f"{major}0" for major in ("12", "13", "14", "15", "16", "17", "18")}
_LOCK = "packages.lock"
_C_LIBRARY = re.compile(r"/libc6_(\d+\.\d+)")
#: Files of a C library; a newer one takes the place of an older one.
_OF_C_LIBRARY = re.compile(r"(ld-linux-x86-64|lib(c|m|dl|pthread|rt|util))\.so\.\d+")


def missing(engine: Engine) -> str | None:
    """Why an engine cannot be built: the LLVM that it needs is not here; or None."""
    return _why_not(engine, engine.family.needs.get("llvm"))


def left_out(engine: Engine) -> str | None:
    """Why an engine is built without its LLVM: that is not here; or None."""
    return _why_not(engine, engine.family.optional.get("llvm"))


def tools(engine: Engine) -> dict[str, str]:
    """{"llvm": which one, or "none" where the engine is built without}; nothing where it has none."""
    major = _major(engine)
    if major is None:
        return {}
    if config := _config(major):
        return {"llvm": says(config, "--version")}
    source = _package(engine)
    if source is None:
        return {"llvm": "none"}
    whose = "its" if _brings_c_library(engine) else "this machine's"
    return {"llvm": f"{source.package} of Debian {source.suite}, with {whose} C library"}


def provide(job: Job) -> dict[str, str]:
    """The environment of a build with it: where it is, and how a host finds it.

    A package of Debian's is fetched and unpacked, and what a host loads of it is put next to the host. Raises
    Unavailable or Failed.
    """
    major = _major(job.engine)
    if major is None:
        return {}
    prefix = f"LLVM_SYS_{_CRATES.get(major, major + '1')}_PREFIX"
    if config := _config(major):
        return {prefix: says(config, "--prefix")}
    source = _package(job.engine)
    if source is None:
        return {}
    job.progress.say(f"fetching {source.package}, unless it is here")
    packages = debian.fetch(job.host / _LOCK, source, job.engine, job.work / "packages")
    root = job.work / "root"
    debian.unpack(packages, root)
    libraries = root / debian.LIBRARIES
    own = {path.name: path for path in libraries.glob("libLLVM*")}
    needed = debian.loaded_by(libraries / f"libLLVM-{major}.so", libraries)
    if not needed:
        raise Unavailable(f"{job.engine.id}: its packages lack a library that LLVM loads")
    if not _brings_c_library(job.engine):
        needed = {name: path for name, path in needed.items() if not _OF_C_LIBRARY.fullmatch(name)}
    debian.take({**needed, **own}, job.into / "lib")
    # A folder in which a linker finds nothing else.
    link = job.work / "llvm" / "lib"
    shutil.rmtree(link, ignore_errors=True)
    debian.take(own, link)
    return {prefix: str(link.parent), "COREMARK_LLVM_IS_BESIDE": "1"}


def libraries(engine: Engine) -> list[str]:
    """The shared library of this machine that hosts load."""
    major = _major(engine)
    config = None if major is None else _config(major)
    if config is None:
        return []
    folder = Path(says(config, "--libdir"))
    return sorted({str(path.resolve()) for path in folder.glob(f"libLLVM-{major}*.so*")})


def _why_not(engine: Engine, major: str | None) -> str | None:
    if major is None or _config(major) or _package(engine) is not None:
        return None
    title = f"{engine.manifest.title} {engine.release}"
    return f"{title} wants LLVM {major}; run: apt-get install llvm-{major}-dev"


def _package(engine: Engine) -> debian.Source | None:
    """Debian's package that has it, where the project knows one that this machine can use."""
    usable = platform.machine() == "x86_64" and debian.missing() is None
    return debian.source_of(engine) if usable and (place() / engine.folder / _LOCK).exists() else None


def _brings_c_library(engine: Engine) -> bool:
    """Whether the packages want a newer C library than this machine's, so that a host needs that one."""
    found = _C_LIBRARY.search((place() / engine.folder / _LOCK).read_text(encoding="utf-8"))
    here = (os.confstr("CS_GNU_LIBC_VERSION") or "glibc 0").rpartition(" ")[2]
    return found is not None and number(found[1]) > number(here)


def _major(engine: Engine) -> str | None:
    return engine.family.needs.get("llvm") or engine.family.optional.get("llvm")


def _config(major: str) -> str | None:
    """The program llvm-config of that LLVM."""
    return shutil.which(f"llvm-config-{major}") or shutil.which(f"/usr/lib/llvm-{major}/bin/llvm-config")
