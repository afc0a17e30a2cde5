"""Building an engine, in a folder of its own that is moved into place when it is complete."""

from __future__ import annotations

import os
import shutil

import msgspec

from pipeline.core.files import sha256, write_atomic, write_record
from pipeline.runtimes.engines import record
from pipeline.runtimes.engines.basis import basis_of, key_of, lock_of, sources
from pipeline.runtimes.engines.build_process import Unavailable, says
from pipeline.runtimes.engines.languages import Builder, Job, builder_of
from pipeline.runtimes.engines.manifest import Engine, command_line, place
from pipeline.runtimes.engines.progress import Progress, minutes
from pipeline.runtimes.engines.record import Basis, EngineRecord


def build(wanted: Engine, progress: Progress) -> EngineRecord:
    """Build an engine into the cache and return its record; raises Unavailable or OSError.

    What is half made stays for the next try.
    """
    builder, root = builder_of(wanted), record.make_root()
    work = root / f"{wanted.id}.part"
    work.mkdir(mode=0o700, exist_ok=True)
    cost = f"some {minutes(wanted)} min, {wanted.family.disk_mb} MB meanwhile in {record.shown(root)}"
    progress.say(f"building it, once for all checkouts: {cost}")
    job = Job(wanted, work / "sources", work, work / "made", progress)
    shutil.rmtree(job.into, ignore_errors=True)
    job.into.mkdir(mode=0o700)
    before = basis_of(wanted, building=True)
    copy_sources(job)
    _have_lock(job, builder)
    builder.build(job)
    made = describe(job, builder)
    if made.made_of != _with_lock(before, wanted):
        what = "its sources, its lock or what builds it"
        raise Unavailable(f"{wanted.id}: {what} changed while it was built; run doit again")
    write_record(job.into / record.MADE, made)
    final = record.folder(wanted.id, str(made.key))
    shutil.rmtree(final, ignore_errors=True)
    os.replace(job.into, final)
    shutil.rmtree(work, ignore_errors=True)
    progress.say("is built")
    return made


def _with_lock(before: Basis, wanted: Engine) -> Basis:
    """The same with the lock that the build made, where there was none."""
    made_now = not wanted.shipped and not before.lock
    return msgspec.structs.replace(before, lock=sha256(lock_of(wanted))) if made_now else before


def copy_sources(job: Job) -> None:
    """What is built is a copy: its paths are the same for all checkouts, and no one edits it meanwhile."""
    wanted, builder = job.engine, builder_of(job.engine)
    copies = {path: job.sources / path.relative_to(place()) for path in sources(wanted)}
    lock = job.host / builder.lock
    for old in [path for path in job.sources.rglob("*") if path.is_file()]:
        if old not in copies.values() and old != lock:
            old.unlink()
    for path, copy in copies.items():
        if copy == lock and not wanted.shipped:
            continue
        content = path.read_bytes()
        if not wanted.shipped:
            content = builder.at_release(content.decode("utf-8"), wanted).encode("utf-8")
        if not copy.exists() or copy.read_bytes() != content:  # a new time is a new file to a compiler
            write_atomic(copy, content)


def _have_lock(job: Job, builder: Builder) -> None:
    """Put the lock of a release that the project has none of next to the sources; made once, and kept."""
    if job.engine.shipped:
        return
    kept, used = lock_of(job.engine), job.host / builder.lock
    if kept.exists():
        write_atomic(used, kept.read_bytes())
        return
    used.unlink(missing_ok=True)
    job.progress.say("choosing the packages of this release")
    builder.resolve(job)
    write_atomic(kept, used.read_bytes())


def describe(job: Job, builder: Builder) -> EngineRecord:
    """The record of what was built; raises Unavailable where it is not the release that was asked for."""
    wanted, into = job.engine, job.into
    argv = command_line(wanted, str(into), ())
    printed, expected = says(*argv, "--version"), f"{wanted.name} {wanted.release}"
    if printed != expected:
        raise Unavailable(f"{wanted.id}: its host says it is {printed[:100]!r}, expected {expected!r}")
    names = sorted(str(path.relative_to(into)) for path in into.rglob("*") if path.is_file())
    basis = basis_of(wanted, building=True)
    return EngineRecord(
        present=True,
        key=key_of(wanted, basis),
        says=printed,
        made_of=basis,
        files={name: sha256(into / name) for name in names},
        uses=digests(wanted),
    )


def digests(wanted: Engine) -> dict[str, str]:
    """{file of this machine that its host loads: SHA-256}."""
    return {os.path.basename(path): sha256(path) for path in builder_of(wanted).uses(wanted)}
