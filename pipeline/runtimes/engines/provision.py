"""Having an engine: found in the cache by all that decides it, or built there; and the record that says so."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from pipeline.core import own_code, paths
from pipeline.core.files import digest_of, new_folder, sha256, write_atomic, write_record
from pipeline.core.model import Runtime
from pipeline.runtimes.engines import record
from pipeline.runtimes.engines.build_process import Unavailable, says
from pipeline.runtimes.engines.languages import Builder, Job, builder_of
from pipeline.runtimes.engines.manifest import Engine, engine, place
from pipeline.runtimes.engines.progress import Progress
from pipeline.runtimes.engines.record import Basis, EngineRecord

_KEY_DIGITS = 16
#: What is in a folder of sources and decides nothing.
_LEFT_OUT = ("target", "__pycache__")


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


def present(runtime: Runtime) -> bool:
    """Whether the last attempt succeeded, of today's parts, and nothing has been taken away since."""
    wanted = engine_of(runtime)
    known = record.load(wanted.id)
    if known is None or not known.present or known.made_of is None:
        return False
    if not all(map(os.path.exists, record.files(wanted.id))):
        return False
    try:
        basis = _basis(wanted, known.made_of)
    except (Unavailable, OSError):
        return False
    return key_of(wanted, basis) == known.key


def can_be_had(runtime: Runtime) -> bool:
    """Whether it is built, or this machine has what builds it, as far as that is seen without starting any."""
    wanted = engine_of(runtime)
    known = record.load(wanted.id)
    return (known is not None and known.present) or builder_of(wanted).missing(wanted) is None


def key_of(wanted: Engine, basis: Basis) -> str:
    """What names the folder of a build: another key, another build."""
    return digest_of({"engine": wanted.id, "made of": msgspec.to_builtins(basis)})[:_KEY_DIGITS]


def command(runtime: Runtime) -> list[str] | None:
    """The command line that starts the runtime's host; None where it is not there."""
    wanted = engine_of(runtime)
    known = record.load(wanted.id)
    if known is None or not known.present or known.key is None:
        return None
    where = str(record.folder(wanted.id, known.key))
    return [word.replace("{folder}", where) for word in wanted.manifest.command] if os.path.isdir(where) else None


def sources(wanted: Engine) -> Iterator[Path]:
    """The files that its host is made of, below ``place()``."""
    for folder in (*builder_of(wanted).shared, wanted.folder):
        for where, folders, names in os.walk(place() / folder):
            folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
            yield from (Path(where, name) for name in sorted(names) if name != "engine.toml")


def _provide(wanted: Engine) -> EngineRecord:
    builder, known = builder_of(wanted), record.load(wanted.id)
    basis = _basis(wanted, known.made_of if known is not None else None)
    progress = Progress(wanted)
    with record.locked(wanted.id, lambda: progress.say("waiting for a different run, which builds it")):
        folder = record.folder(wanted.id, key_of(wanted, basis))
        found = record.made(folder)
        if found is None:
            if (reason := builder.missing(wanted)) is not None:
                raise Unavailable(reason)
            if folder.exists():
                progress.say("its files are not what was built; building it again")
                shutil.rmtree(folder)
            found = _build(wanted, basis, progress)
    return found


def _basis(wanted: Engine, known: Basis | None) -> Basis:
    """What decides a build today. Where a tool is missing, what an earlier build was made with stands for it."""
    builder = builder_of(wanted)
    missing = builder.missing(wanted)
    if missing is not None and known is None:
        raise Unavailable(missing)
    tools = known.tools if missing is not None and known is not None else _tools(wanted)
    lock = lock_of(wanted)
    return Basis(
        sources=_digest_of_sources(wanted),
        lock=sha256(lock) if lock.exists() else "",
        builder=_digest_of_builder(wanted),
        tools=tools,
    )


@cache
def _tools_of(identifier: str, name: str, release: str) -> dict[str, str]:
    wanted = engine(name, release)
    return builder_of(wanted).tools(wanted)


def _tools(wanted: Engine) -> dict[str, str]:
    return _tools_of(wanted.id, wanted.name, wanted.release)


def _digest_of_sources(wanted: Engine) -> str:
    builder = builder_of(wanted)
    files = {
        str(path.relative_to(place())): sha256(path)
        for path in sources(wanted)
        if path.name != builder.lock or path.parent != place() / wanted.folder
    }
    return digest_of(files)


def _digest_of_builder(wanted: Engine) -> str:
    files = [f"{paths.ENGINES}/{name}.py" for name in builder_of(wanted).code]
    return digest_of({path: own_code.digest(paths.ROOT / path) for path in files})


def lock_of(wanted: Engine) -> Path:
    """Where the lock of an engine is, or will be: with the project, or for other releases in the cache."""
    builder = builder_of(wanted)
    if wanted.shipped:
        return place() / wanted.folder / builder.lock
    return record.root() / f"{wanted.id}-{_digest_of_sources(wanted)[:_KEY_DIGITS]}.lock"


def _build(wanted: Engine, basis: Basis, progress: Progress) -> EngineRecord:
    """Build it in a folder of its own and move that into place."""
    builder, root = builder_of(wanted), record.make_root()
    work = root / f"{wanted.id}.part"
    work.mkdir(mode=0o700, exist_ok=True)
    minutes = wanted.family.cpu_seconds / 60 / (os.cpu_count() or 1)
    progress.say(
        f"building it, once for all checkouts: some {minutes:.0f} min, {wanted.family.disk_mb} MB in {_shown(root)}"
    )
    with new_folder(root) as temporary:
        into = Path(temporary) / "made"
        into.mkdir(mode=0o700)
        job = Job(wanted, work / "sources", work, into, progress)
        _copy_sources(wanted, job, builder)
        basis = _with_lock(wanted, basis, job, builder)
        builder.build(job)
        made = _described(wanted, basis, into, builder)
        write_record(into / record.MADE, made)
        final = record.folder(wanted.id, str(made.key))
        shutil.rmtree(final, ignore_errors=True)
        os.replace(into, final)
    shutil.rmtree(work, ignore_errors=True)
    progress.say("is built")
    return made


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)


def _copy_sources(wanted: Engine, job: Job, builder: Builder) -> None:
    """What is built is a copy: its paths are the same for all checkouts, and no one edits it meanwhile."""
    wanted_files = [job.sources / path.relative_to(place()) for path in sources(wanted)]
    for old in [path for path in job.sources.rglob("*") if path.is_file() and path not in wanted_files]:
        old.unlink()
    for path, copy in zip(sources(wanted), wanted_files, strict=True):
        text = path.read_bytes()
        if not wanted.shipped:
            text = builder.at_release(text.decode("utf-8"), wanted).encode("utf-8")
        if not copy.exists() or copy.read_bytes() != text:  # a new time is a new file to a compiler
            write_atomic(copy, text)


def _with_lock(wanted: Engine, basis: Basis, job: Job, builder: Builder) -> Basis:
    """Put the lock beside the sources; one that is not there yet is made, and kept."""
    kept, used = lock_of(wanted), job.host / builder.lock
    if wanted.shipped:
        return basis
    if kept.exists():
        shutil.copyfile(kept, used)
        return basis
    used.unlink(missing_ok=True)
    job.progress.say("choosing the packages of this release")
    builder.resolve(job)
    write_atomic(kept, used.read_bytes())
    return Basis(basis.sources, sha256(kept), basis.builder, basis.tools)


def _described(wanted: Engine, basis: Basis, into: Path, builder: Builder) -> EngineRecord:
    """The record of what was built; raises Unavailable where it is not the release that was asked for."""
    argv = [word.replace("{folder}", str(into)) for word in wanted.manifest.command]
    said, expected = says(*argv, "--version"), f"{wanted.name} {wanted.release}"
    if said != expected:
        raise Unavailable(f"{wanted.id}: its host says it is {said[:100]!r}, expected {expected!r}")
    names = sorted(str(path.relative_to(into)) for path in into.rglob("*") if path.is_file())
    return EngineRecord(
        present=True,
        key=key_of(wanted, basis),
        says=said,
        made_of=basis,
        files={name: sha256(into / name) for name in names},
        uses={os.path.basename(path): sha256(path) for path in builder.uses(wanted)},
    )
