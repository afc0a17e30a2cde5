"""What each runtime is and where it comes from: what its cells are keyed by, and how its workers start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.files import read_json, sha256, write_json
from pipeline.core.model import Program, Runtime
from pipeline.runtimes.environments import read_record
from pipeline.runtimes.packages import find, identity, python_version, records, site_packages

_VERSION_TIMEOUT_S = 30


def installed(runtime: Runtime) -> bool:
    """Whether the runtime is here or the project fetches it by itself. Starts nothing, reads folders only."""
    own = runtime.packages[1:] if runtime.compiled else runtime.packages
    if runtime.environment is not None and not runtime.compiled:
        own = ()
    if any(find(name) is None for name in own):
        return False
    return all(shutil.which(program.command) for program in runtime.programs)


def site_of(runtime: Runtime) -> str | None:
    """The folder of its packages: None for the project's own environment."""
    if runtime.environment is None:
        return None
    return site_packages(Path(paths.environment(runtime.environment))) or os.devnull


def own_files(runtime: Runtime) -> list[str]:
    """The files of its isolated environment that decide what it does; none where it has no such."""
    site = site_of(runtime)
    return [] if site is None else records(runtime.packages, site)


def identify(runtime: Runtime) -> None:
    """Write what the runtime is: versions and digests of packages and programs, or why it is not there."""
    record: dict[str, Any] = {"name": runtime.name, "present": True, "reason": None, "version": None}
    if runtime.environment is not None:
        made = read_record(runtime.environment)
        missing = f"its environment is not made; type: doit run environment:{runtime.environment}"
        reason = made.get("reason", missing)
        record.update(present=made.get("present", False), reason=reason, python=made.get("python"))
    else:
        record["python"] = python_version()
    if record["present"]:
        _identify_packages(runtime, record)
    for program in runtime.programs:
        if record["present"]:
            _identify_program(program, record)
    write_json(paths.runtime_identity(runtime.name), record)


def _identify_packages(runtime: Runtime, record: dict[str, Any]) -> None:
    packages = identity(runtime.packages, site_of(runtime))
    missing = [name for name in runtime.packages if name not in packages]
    if missing:
        record.update(present=False, reason=absence(runtime, missing[0]))
    record["packages"] = packages
    if runtime.packages and not missing:
        record["version"] = packages[runtime.packages[0]]["version"]
    isolated = record["present"] and runtime.environment is not None
    if isolated and runtime.version not in (None, record["version"]):
        reason = f"{runtime.environment} holds version {record['version']}; type: "
        remedy = f"rm -r {paths.environment(str(runtime.environment))}"
        record.update(present=False, reason=f"the environment {reason}{remedy}")


def absence(runtime: Runtime, package: str) -> str:
    """Why a package of the project's own environment is not there, and what to do."""
    extra = f"'.[{runtime.extra}]'" if runtime.extra else "."
    return f"the package {package} is not installed; type: pip install -e {extra}"


def _identify_program(program: Program, record: dict[str, Any]) -> None:
    path = shutil.which(program.command)
    if path is None:
        record.update(present=False, reason=f"there is no {program.command} on PATH{_then(program.remedy)}")
        return
    said = ask(path, program.version)
    if said is None:
        shown = " ".join([program.command, *program.version])
        record.update(present=False, reason=f"{shown} does not say its version within {_VERSION_TIMEOUT_S} s")
        return
    number = re.search(r"\d+(\.\d+)+[^\s)]*", said)
    found = {"version": number[0] if number else said.splitlines()[0].strip(), "says": said.splitlines()[0]}
    programs = record.setdefault("programs", {})
    programs[os.path.basename(program.command)] = {**found, "sha256": sha256(path)}
    for file in program.files:
        programs[os.path.basename(file)] = {"version": None, "sha256": sha256(file)}
    if record["version"] is None:
        record["version"] = found["version"]


def _then(remedy: str) -> str:
    return f"; {remedy}" if remedy else ""


def ask(path: str, arguments: tuple[str, ...]) -> str | None:
    """What a program prints of its version; None where it fails, hangs or prints nothing."""
    try:
        outcome = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            env={"PATH": f"{os.path.dirname(path)}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            cwd="/",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = (outcome.stdout or outcome.stderr).strip()
    return said if outcome.returncode == 0 and said else None


def found_programs(runtime: Runtime) -> list[str]:
    """The files of those of its programs that are there."""
    found = [shutil.which(program.command) for program in runtime.programs]
    return [path for path in found if path]


def program_files(runtime: Runtime) -> list[str]:
    """The same, and the files that those are given."""
    return [*found_programs(runtime), *(f for p in runtime.programs for f in p.files)]


def read_identity(runtime: Runtime) -> dict[str, Any]:
    """The record that ``identify`` wrote."""
    record = read_json(paths.runtime_identity(runtime.name))
    assert isinstance(record, dict)
    return record
