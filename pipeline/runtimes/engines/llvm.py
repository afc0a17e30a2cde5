"""The LLVM that an engine's compiler is made of, as Debian installs it."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.runtimes.engines.build_process import says
from pipeline.runtimes.engines.manifest import Engine

#: The release of the crate llvm-sys by LLVM's: 140 of 14; since 19 it belongs to 19.1, 20.1 and so on.
_CRATES = {major: f"{major}0" for major in ("12", "13", "14", "15", "16", "17", "18")}


def missing(engine: Engine) -> str | None:
    """Why an engine cannot be built: the LLVM that it needs is not here; or None."""
    major = engine.family.needs.get("llvm")
    return None if major is None or _config(major) else _remedy(engine, major)


def left_out(engine: Engine) -> str | None:
    """Why an engine is built without its LLVM: that is not here; or None."""
    major = engine.family.optional.get("llvm")
    return None if major is None or _config(major) else _remedy(engine, major)


def tools(engine: Engine) -> dict[str, str]:
    """{"llvm": its release, or "none" where the engine is built without}; nothing where it has none."""
    if _major(engine) is None:
        return {}
    config = _wanted(engine)
    return {"llvm": "none" if config is None else says(config, "--version")}


def environment(engine: Engine) -> dict[str, str]:
    """Where the crate llvm-sys finds it."""
    config, major = _wanted(engine), _major(engine)
    if config is None or major is None:
        return {}
    return {f"LLVM_SYS_{_CRATES.get(major, major + '1')}_PREFIX": says(config, "--prefix")}


def libraries(engine: Engine) -> list[str]:
    """The shared library that hosts load."""
    config = _wanted(engine)
    if config is None:
        return []
    folder = Path(says(config, "--libdir"))
    return sorted({str(path.resolve()) for path in folder.glob(f"libLLVM-{_major(engine)}*.so*")})


def _remedy(engine: Engine, major: str) -> str:
    return (
        f"{engine.manifest.title} {engine.release} wants LLVM {major}; run: apt-get install llvm-{major}-dev"
    )


def _major(engine: Engine) -> str | None:
    return engine.family.needs.get("llvm") or engine.family.optional.get("llvm")


def _wanted(engine: Engine) -> str | None:
    major = _major(engine)
    return None if major is None else _config(major)


def _config(major: str) -> str | None:
    """The program llvm-config of that LLVM."""
    return shutil.which(f"llvm-config-{major}") or shutil.which(f"/usr/lib/llvm-{major}/bin/llvm-config")
