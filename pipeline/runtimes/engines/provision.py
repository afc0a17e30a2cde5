"""Having an engine: found in the cache by all that decides it, or built; and the record that says so."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.core import paths
from pipeline.core.files import write_record
from pipeline.core.model import Runtime
from pipeline.runtimes.engines import record
from pipeline.runtimes.engines.basis import basis_of, key_of
from pipeline.runtimes.engines.build import build, digests
from pipeline.runtimes.engines.build_process import Unavailable
from pipeline.runtimes.engines.languages import builder_of
from pipeline.runtimes.engines.manifest import Engine, command_line, engine
from pipeline.runtimes.engines.progress import Progress, minutes
from pipeline.runtimes.engines.record import EngineRecord
from pipeline.runtimes.engines.unused import note_use, remove_unused


def engine_of(runtime: Runtime) -> Engine:
    """The engine of a runtime that has one."""
    assert runtime.engine is not None
    assert runtime.version is not None
    return engine(runtime.engine, runtime.version)


def provision(runtime: Runtime) -> None:
    """Build the runtime's engine unless it is there, and write its record: or why it cannot be had."""
    wanted = engine_of(runtime)
    try:
        found = _provide(wanted)
    except Unavailable as error:
        found = EngineRecord(present=False, reason=str(error))
    except OSError as error:
        reason = f"{error.strerror or error}; check free disk space and permissions, then run doit again"
        found = EngineRecord(present=False, reason=f"{wanted.id}: {reason}")
    write_record(paths.engine_record(wanted.id), found)
    with contextlib.suppress(OSError):  # there is no cache
        remove_unused()


def _provide(wanted: Engine) -> EngineRecord:
    record.check_root()
    # Without the lock, for which a cache that others share may be read-only.
    if (found := _found(wanted)) is not None:
        return found
    progress = Progress(wanted)
    with record.locked(wanted.id, lambda: progress.say("waiting for a different run, which builds it")):
        if (found := _found(wanted)) is not None:
            return found
        if (reason := builder_of(wanted).missing(wanted)) is not None:
            raise Unavailable(reason)
        folder = _folder(wanted)
        if folder.exists():
            progress.say("its files are not what was built")
            shutil.rmtree(folder)
        try:
            return build(wanted, progress)
        except (Unavailable, OSError) as error:
            progress.say(f"is not built: {error}")
            raise


def _folder(wanted: Engine) -> Path:
    """Where a build of today's parts is, or will be; raises Unavailable."""
    return record.folder(wanted.id, key_of(wanted, basis_of(wanted)))


def _found(wanted: Engine) -> EngineRecord | None:
    """The record of a whole build of today's parts, with the libraries as they are today."""
    folder = _folder(wanted)
    found = record.made(folder)
    if found is None:
        return None
    note_use(folder)
    return msgspec.structs.replace(found, uses=digests(wanted))


def present(runtime: Runtime) -> bool:
    """Whether the last attempt succeeded, of today's parts, and nothing has been taken away since."""
    wanted = engine_of(runtime)
    known = record.load(wanted.id)
    if known is None or not known.present:
        return False
    if not all(map(os.path.exists, record.files(wanted.id))):
        return False
    try:
        return key_of(wanted, basis_of(wanted)) == known.key
    except (Unavailable, OSError):
        return False


def is_built(runtime: Runtime) -> bool:
    """Whether it is in the cache, as today's parts would make it: by this checkout or a different one."""
    wanted = engine_of(runtime)
    try:
        return record.made(_folder(wanted)) is not None
    except (Unavailable, OSError):
        return False


def can_be_had(runtime: Runtime) -> bool:
    """Whether it is built, or what builds it is here, as far as that is seen without starting it."""
    wanted = engine_of(runtime)
    known = record.load(wanted.id)
    return (known is not None and known.present) or builder_of(wanted).missing(wanted) is None


def state(runtime: Runtime) -> tuple[str, str]:
    """ "present", "can be built" or "missing"; and where it is, what it takes, or what is to be done."""
    wanted = engine_of(runtime)
    try:
        folder = _folder(wanted)
    except Unavailable as error:
        return "missing", str(error)
    if record.made(folder) is not None:
        return "present", record.shown(folder)
    cost = f"some {minutes(wanted)} min, {wanted.family.disk_mb} MB meanwhile"
    return "can be built", f"{cost}; run: {how_to_build(runtime)}"


def how_to_build(runtime: Runtime) -> str:
    """The command that builds the runtime's engine and nothing else."""
    wanted = engine_of(runtime)
    version = "" if runtime.name == wanted.name else f"@{wanted.release}"
    pattern = wanted.name if wanted.name in wanted.manifest.backends else f"{wanted.name}.*"
    return f"doit run engine backends='{pattern}{version}'"


def own_files(runtime: Runtime) -> list[str]:
    """The files that decide what its host does: those that were built, and libraries that it loads."""
    wanted = engine_of(runtime)
    found = record.files(wanted.id)
    return [*found, *builder_of(wanted).uses(wanted)] if found else []


def command(runtime: Runtime, arguments: Sequence[str] = ()) -> list[str] | None:
    """The command line that starts the runtime's host with these arguments; None where it is not there."""
    wanted = engine_of(runtime)
    known = record.load(wanted.id)
    if known is None or not known.present or known.key is None:
        return None
    where = record.folder(wanted.id, known.key)
    if not where.is_dir():
        return None
    note_use(where)
    return command_line(wanted, str(where), arguments)
