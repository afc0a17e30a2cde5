"""A CPython of a fitting version, found or fetched."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.model import Runtime
from pipeline.runtimes.packages import base_python, python_version
from pipeline.runtimes.uv import Unavailable, uv


def find_interpreter(runtime: Runtime) -> str:
    """The first interpreter of a fitting version that really runs; raises Unavailable.

    In this order: the running one, those on PATH, pyenv's (whose shims hide them from uv), uv's own,
    which uv may download. A runtime that names no versions takes the running one.
    """
    if not runtime.pythons:
        return base_python()
    for candidate in candidates(runtime.pythons):
        version = version_of(candidate)
        if version and version.rsplit(".", 1)[0] in runtime.pythons:
            return candidate
    newest = runtime.pythons[0]
    with contextlib.suppress(Unavailable):
        uv("python", "install", "--quiet", newest)
        return newest
    raise Unavailable(
        f"{runtime.name} needs CPython {' or '.join(runtime.pythons)}, and none was found on PATH, "
        f"in pyenv or through uv; install one (pyenv install {newest}, or uv python install "
        f"{newest}) and run doit again"
    )


def candidates(versions: tuple[str, ...]) -> Iterator[str]:
    """Interpreters that may have these versions, the best first."""
    if ".".join(python_version().split(".")[:2]) in versions:
        yield base_python()
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for version in versions:
        found = shutil.which(f"python{version}")
        if found:
            yield found
        pattern = os.path.join(glob.escape(pyenv), "versions", f"{version}.*", "bin", "python")
        yield from sorted(glob.glob(pattern), reverse=True)


def version_of(python: str | Path) -> str | None:
    """Version of an interpreter, or None where it does not run or is not CPython."""
    code = "import sys; print('%s %d.%d.%d' % ((sys.implementation.name,) + tuple(sys.version_info[:3])))"
    try:
        outcome = subprocess.run(
            [str(python), "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    name, _, version = outcome.stdout.strip().partition(" ")
    return version if outcome.returncode == 0 and name == "cpython" else None
