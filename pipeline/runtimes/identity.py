"""What each runtime is and where it comes from: what its cells are keyed by, and how its workers start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from pipeline.core import paths
from pipeline.core.files import read_record, sha256, write_record
from pipeline.core.model import Program, Runtime
from pipeline.runtimes import program_version
from pipeline.runtimes.engines import provision
from pipeline.runtimes.engines.record import load as load_engine
from pipeline.runtimes.environments import load_environment
from pipeline.runtimes.packages import PackageIdentity, find, identity, python_version, records, site_packages


def installed(runtime: Runtime) -> bool:
    """Whether the runtime is here or the project fetches it by itself. Starts nothing, reads folders only."""
    if runtime.engine is not None:
        return False  # it is built for those who name it
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
    """The files outside the project's environment that decide what it does; none where there are none."""
    if runtime.engine is not None:
        return provision.own_files(runtime)
    site = site_of(runtime)
    return [] if site is None else records(runtime.packages, site)


class ProgramIdentity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program on PATH, or a file that it is given: what it says of itself, and the digest of its bytes."""

    version: str | None
    says: str | None = None  # the line in which it prints its version
    sha256: str


class RuntimeIdentity(msgspec.Struct, kw_only=True):
    """What a runtime is, as recorded in build/runtimes/."""

    name: str
    present: bool = True
    reason: str | None = None  # why it is not present
    version: str | None = None
    python: str | None = None
    packages: dict[str, PackageIdentity] = {}
    programs: dict[str, ProgramIdentity] = {}

    def set_absent(self, reason: str) -> None:
        self.present, self.reason = False, reason


def load_identity(runtime: Runtime) -> RuntimeIdentity:
    """The record that ``identify`` wrote; raises OSError or ValueError."""
    return read_record(paths.runtime_identity(runtime.name), RuntimeIdentity)


def identify(runtime: Runtime) -> None:
    """Write what the runtime is: versions and digests of packages and programs, or why it is not there."""
    record = RuntimeIdentity(name=runtime.name, python=python_version())
    if runtime.environment is not None:
        made = load_environment(runtime.environment)
        record.python = None if made is None else made.python
        if made is None:
            record.set_absent(f"its environment is not made; run: doit run environment:{runtime.environment}")
        elif not made.present:
            record.set_absent(str(made.reason))
    if record.present:
        _identify_packages(runtime, record)
    if runtime.engine is not None:
        _identify_engine(runtime, record)
    for program in runtime.programs:
        if record.present:
            _identify_program(program, record)
    for file in runtime.files:
        record.version = None  # that of the package, which it takes the place of
        record.programs[os.path.basename(file)] = ProgramIdentity(version=None, sha256=sha256(file))
    write_record(paths.runtime_identity(runtime.name), record)


def _identify_packages(runtime: Runtime, record: RuntimeIdentity) -> None:
    record.packages = identity(runtime.packages, site_of(runtime))
    missing = [name for name in runtime.packages if name not in record.packages]
    if missing:
        record.set_absent(absence(runtime, missing[0]))
        return
    if runtime.packages:
        record.version = record.packages[runtime.packages[0]].version
    if runtime.environment is not None and runtime.version not in (None, record.version):
        remedy = f"run: rm -r {paths.environment(runtime.environment)}"
        holds = f"{runtime.environment} holds version {record.version}"
        record.set_absent(f"the environment {holds}; {remedy}")


#: Of an engine that is built, the file that is its host: a program, or the class that a JVM starts with.
_HOSTS = ("host", "classes/Host.class")


def _identify_engine(runtime: Runtime, record: RuntimeIdentity) -> None:
    """What its host says of itself, and the digests of what was built and of what that loads."""
    wanted = provision.engine_of(runtime)
    made = load_engine(wanted.id)
    if made is None:
        record.set_absent(f"its engine is not built; run: {provision.how_to_build(runtime)}")
    elif not made.present:
        record.set_absent(str(made.reason))
    else:
        record.version = wanted.release
        for name, digest in {**made.files, **made.uses}.items():
            says = made.says if name in _HOSTS else None
            record.programs[name] = ProgramIdentity(
                version=wanted.release if says else None, says=says, sha256=digest
            )


def absence(runtime: Runtime, package: str) -> str:
    """Why a package of the project's own environment is not there, and what to do."""
    extra = f"'.[{runtime.extra}]'" if runtime.extra else "."
    return f"the package {package} is not installed; run: pip install -e {extra}"


def _identify_program(program: Program, record: RuntimeIdentity) -> None:
    path = shutil.which(program.command)
    if path is None:
        record.set_absent(f"there is no {program.command} on PATH{_then(program.remedy)}")
        return
    try:
        version = program_version.ask(path, program)
    except program_version.Unknown as error:
        record.set_absent(str(error))
        return
    name = os.path.basename(program.command)
    record.programs[name] = ProgramIdentity(version=version.number, says=version.line, sha256=sha256(path))
    for file in program.files:
        record.programs[os.path.basename(file)] = ProgramIdentity(version=None, sha256=sha256(file))
    if record.version is None:
        record.version = version.number


def _then(remedy: str) -> str:
    return f"; {remedy}" if remedy else ""


def found_programs(runtime: Runtime) -> list[str]:
    """The files of those of its programs that are there."""
    found = [shutil.which(program.command) for program in runtime.programs]
    return [path for path in found if path]


def program_files(runtime: Runtime) -> list[str]:
    """The same, and the files that those or its workers are given."""
    return [*found_programs(runtime), *(f for p in runtime.programs for f in p.files), *runtime.files]
