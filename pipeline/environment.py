"""Isolated environments: runtimes that need another interpreter, installed by uv with hashes.

An environment is made in a temporary folder and renamed into place, so that it is whole or not
there. What came of it is recorded beside it; where it cannot be had, the record says why and what
to do, and the cells that need it repeat that.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import layout
from pipeline.model import Runtime
from pipeline.packages import base_python, find, identity, python_version, site_packages
from pipeline.process import die_with_parent
from pipeline.store import read_json, sha256, write_json

_UV_TIMEOUT_S = 900


class _Unavailable(Exception):
    """Why there is no environment, for its record."""


def provision(runtime: Runtime) -> None:
    """Make the runtime's environment, or record why it cannot be made."""
    assert runtime.environment is not None
    lock = layout.environment_lock(runtime.environment)
    record: dict[str, Any] = {"present": True, "reason": None, "python": None, "lock": sha256(lock)}
    previous = read_record(runtime.environment)
    if not (_intact(runtime) and previous == {**record, "python": previous.get("python")}):
        try:
            record["python"] = _make(runtime, lock)
        except _Unavailable as error:
            record.update(present=False, reason=str(error))
        write_json(layout.environment_record(runtime.environment), record)


def read_record(name: str) -> dict[str, Any]:
    """The record of an environment; {} where there is none that can be read."""
    try:
        record = read_json(layout.environment_record(name))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _intact(runtime: Runtime) -> bool:
    """Whether its interpreter, its packages and its links are all there."""
    assert runtime.environment is not None
    folder = Path(layout.environment(runtime.environment))
    site = site_packages(folder)
    return (
        layout.python_of(folder).exists()
        and bool(site)
        and all(find(name, site) is not None for name in runtime.packages)
        and all((loader_folder(folder) / name).exists() for name in runtime.loader_links)
    )


def present(runtime: Runtime) -> bool:
    """Whether the last attempt succeeded and nothing has been taken away since."""
    assert runtime.environment is not None
    return bool(read_record(runtime.environment).get("present")) and _intact(runtime)


def _make(runtime: Runtime, lock: str) -> str:
    """Build the environment and return its interpreter's version."""
    assert runtime.environment is not None
    final = Path(layout.environment(runtime.environment))
    final.parent.mkdir(parents=True, exist_ok=True)
    for left in final.parent.glob(f".{glob.escape(final.name)}-*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{final.name}-", dir=final.parent, ignore_cleanup_errors=True
    ) as temporary:
        folder = Path(temporary) / "environment"
        interpreter = find_interpreter(runtime)
        _uv("venv", "--quiet", "--relocatable", "--python", interpreter, str(folder))
        python = str(layout.python_of(folder))
        _uv(
            "pip",
            "install",
            "--quiet",
            "--link-mode=copy",
            "--require-hashes",
            "--only-binary=:all:",
            "--python",
            python,
            "--requirement",
            lock,
        )
        _link(runtime, folder)
        version = _version_of(python)
        if version is None:
            raise _Unavailable(f"{interpreter} does not run in a virtual environment")
        shutil.rmtree(final, ignore_errors=True)
        os.replace(folder, final)
    return version


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


def find_interpreter(runtime: Runtime) -> str:
    """The first interpreter of a fitting version that really runs; raises _Unavailable.

    In this order: the running one, those on PATH, pyenv's (whose shims hide them from uv), uv's own,
    which uv may download.
    """
    for candidate in _candidates(runtime.pythons):
        version = _version_of(candidate)
        if version and version.rsplit(".", 1)[0] in runtime.pythons:
            return candidate
    newest = runtime.pythons[0]
    with contextlib.suppress(_Unavailable):
        _uv("python", "install", "--quiet", newest)
        return newest
    raise _Unavailable(
        f"{runtime.name} needs CPython {' or '.join(runtime.pythons)}, and none was found on PATH, "
        f"in pyenv or through uv; install one (pyenv install {newest}, or uv python install "
        f"{newest}) and type: doit run"
    )


def _candidates(versions: tuple[str, ...]) -> Iterator[str]:
    if ".".join(python_version().split(".")[:2]) in versions:
        yield base_python()
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for version in versions:
        found = shutil.which(f"python{version}")
        if found:
            yield found
        pattern = os.path.join(glob.escape(pyenv), "versions", f"{version}.*", "bin", "python")
        yield from sorted(glob.glob(pattern), reverse=True)


def _version_of(python: str) -> str | None:
    """Version of an interpreter, or None where it does not run or is not CPython."""
    code = "import sys; print('%s %d.%d.%d' % ((sys.implementation.name,) + tuple(sys.version_info[:3])))"
    try:
        outcome = subprocess.run(
            [python, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    name, _, version = outcome.stdout.strip().partition(" ")
    return version if outcome.returncode == 0 and name == "cpython" else None


def _uv(*arguments: str) -> None:
    """Run the pinned uv; raises _Unavailable with its complaint."""
    command = [sys.executable, "-m", "uv", "--no-progress", "--no-config", *arguments]
    try:
        outcome = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **_index_settings()},
            timeout=_UV_TIMEOUT_S,
            check=False,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    except subprocess.TimeoutExpired:
        raise _Unavailable(f"uv {arguments[0]} did not end within {_UV_TIMEOUT_S} s") from None
    if outcome.returncode != 0:
        lines = [line.strip() for line in outcome.stderr.splitlines() if line.strip()]
        # uv prints the chain of causes, the root last.
        said = "; ".join(dict.fromkeys([lines[0], lines[-1]])) if lines else "no message"
        raise _Unavailable(
            f"uv {arguments[0]} failed ({said}); check the route to PyPI and free disk space, "
            "then type: doit run"
        )


def _index_settings() -> dict[str, str]:
    """What pip was told about its index and certificates, in uv's words, unless uv was told too."""
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    if all(os.environ.get(value) for value in names.values()):
        return {}
    outcome = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    settings = {}
    for line in outcome.stdout.splitlines():
        key, _, value = line.partition("=")
        name = names.get(key.rpartition(".")[2])
        if name and not os.environ.get(name):
            settings[name] = value.strip("'\"")
    return settings


def identify(runtime: Runtime) -> None:
    """Write what the runtime is: versions and digests of its packages, or why it is not there."""
    record: dict[str, Any] = {"name": runtime.name, "present": True, "reason": None}
    site: str | None = None
    if runtime.environment is not None:
        made = read_record(runtime.environment)
        record.update(present=made["present"], reason=made["reason"], python=made["python"])
        site = site_packages(Path(layout.environment(runtime.environment))) or os.devnull
    else:
        record["python"] = python_version()
    if record["present"]:
        packages = identity(runtime.packages, site)
        missing = [name for name in runtime.packages if name not in packages]
        if missing:
            record.update(
                present=False,
                reason=f"the package {missing[0]} is not installed; type: pip install -e .",
            )
        record["packages"] = packages
        if runtime.packages and not missing:
            record["version"] = packages[runtime.packages[0]]["version"]
    write_json(layout.runtime_identity(runtime.name), record)
