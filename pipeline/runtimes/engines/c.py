"""Hosts in C, of engines that are a library of Debian's: the bundled compiler makes them."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib import metadata
from pathlib import Path

from pipeline.core.files import write_atomic
from pipeline.runtimes.engines import debian
from pipeline.runtimes.engines.build_process import Failed, Unavailable, run
from pipeline.runtimes.engines.languages import Job
from pipeline.runtimes.engines.manifest import Engine

#: The oldest C library that packages may bring. A host runs with that one, not with this machine's.
_TARGET = "x86_64-linux-gnu.2.38"
#: -rdynamic: a host's function may take the place of one that the engine calls. Stripped: no path gets in.
_FLAGS = ("-std=gnu17", "-O2", "-s", "-rdynamic", "-fno-sanitize=undefined", "-Wl,--allow-shlib-undefined")
_KEPT = "(building {}; what was fetched is kept)"


class _C:
    lock = "packages.lock"
    code = ("c", "debian")
    shared = ("hosts/c",)

    def missing(self, engine: Engine) -> str | None:
        title = engine.manifest.title
        if platform.machine() != "x86_64":
            return f"{title} is taken from Debian's packages for x86-64, and this is {platform.machine()}"
        if importlib.util.find_spec("ziglang") is None:
            return f"{title}'s host is compiled by ziglang, which is not here; run: pip install -e ."
        lacking = debian.missing()
        return None if lacking is None else f"{title} is taken from Debian's packages, {lacking}"

    def tools(self, engine: Engine) -> dict[str, str]:
        return {"zig": metadata.version("ziglang"), "target": _TARGET, "flags": " ".join(_FLAGS)}

    def at_release(self, text: str, engine: Engine) -> str:
        return text

    def resolve(self, job: Job) -> None:
        try:
            lock = debian.choose(debian.source_of(job.engine), job.engine.release, job.work)
        except Failed as error:
            raise Unavailable(f"{error}; {debian.NO_ROUTE}") from None
        write_atomic(job.host / self.lock, lock)

    def build(self, job: Job) -> None:
        job.progress.say("fetching its packages, unless they are here")
        packages = debian.fetch(
            job.host / self.lock, debian.source_of(job.engine), job.engine, job.work / "packages"
        )
        job.progress.begin()
        root = job.work / "root"
        try:
            debian.unpack(packages, root)
            run(_compiler(job, root), folder=job.sources, environment=_environment(job))
        except Failed as error:
            raise Unavailable(f"{error} {_KEPT.format(job.engine.id)}") from None
        needed = debian.loaded_by(job.into / "host", root / debian.LIBRARIES)
        if not needed:
            raise Unavailable(f"{job.engine.id}: its packages lack a library that its host loads")
        debian.take(needed, job.into / "lib")

    def uses(self, engine: Engine) -> list[str]:
        return []


BUILDER = _C()


def _compiler(job: Job, root: Path) -> list[str]:
    """The command that makes the host, in the folder of all sources."""
    spec = importlib.util.find_spec("ziglang")
    assert spec is not None
    assert spec.submodule_search_locations
    folders = ("hosts/c", job.engine.name)
    sources = [f"{folder}/{name}" for folder in folders for name in sorted(os.listdir(job.sources / folder))]
    return [
        *(os.path.join(next(iter(spec.submodule_search_locations)), "zig"), "cc", "-target", _TARGET),
        *(*_FLAGS, "-I", "hosts/c", "-isystem", str(root / "usr/include")),
        *(path for path in sources if path.endswith(".c")),
        *("-L", str(root / debian.LIBRARIES), f"-l{job.engine.name}", "-o", str(job.into / "host")),
    ]


def _environment(job: Job) -> dict[str, str]:
    cache = str(job.work / "zig")
    names = ("HOME", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **dict.fromkeys(names, cache)}
