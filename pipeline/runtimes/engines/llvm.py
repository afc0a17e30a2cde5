"""The LLVM that an engine's compiler is made of, as Debian installs it."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.runtimes.engines.build_process import says
from pipeline.runtimes.engines.manifest import Engine


def missing(engine: Engine) -> str | None:
    """Why the LLVM that it wants is not here, as one line; None where it is, or none is wanted."""
    major = engine.family.needs.get("llvm")
    if major is None or _config(major) is not None:
        return None
    return f"{engine.manifest.title} {engine.release} wants LLVM {major}; run: apt-get install llvm-{major}-dev"


def tools(engine: Engine) -> dict[str, str]:
    """{"llvm": its release}; nothing where none is wanted."""
    config = _wanted(engine)
    return {} if config is None else {"llvm": says(config, "--version")}


def environment(engine: Engine) -> dict[str, str]:
    """Where the crate llvm-sys finds it, whose releases are named after LLVM's: 140 of 14, 221 of 22."""
    config = _wanted(engine)
    if config is None:
        return {}
    prefix, major = says(config, "--prefix"), engine.family.needs["llvm"]
    return {f"LLVM_SYS_{major}{minor}_PREFIX": prefix for minor in (0, 1)}


def libraries(engine: Engine) -> list[str]:
    """The shared library that hosts load."""
    config = _wanted(engine)
    if config is None:
        return []
    folder = Path(says(config, "--libdir"))
    return sorted({str(path.resolve()) for path in folder.glob(f"libLLVM-{engine.family.needs['llvm']}*.so*")})


def _wanted(engine: Engine) -> str | None:
    major = engine.family.needs.get("llvm")
    return None if major is None else _config(major)


def _config(major: str) -> str | None:
    """The program llvm-config of that LLVM."""
    return shutil.which(f"llvm-config-{major}") or shutil.which(f"/usr/lib/llvm-{major}/bin/llvm-config")
