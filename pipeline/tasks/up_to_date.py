"""A run that had, or left, nothing to do is remembered as a whole, so that the next is told at a glance.

Ten thousand tasks take doit seconds to look through. The stamp of a run names every file that any of
its tasks depends on or makes, with the time and size that doit itself goes by, and it is written only
where doit's memory of each task agrees with what lies on the disk. A run is settled if the stamp of the
same plan is there and no file has another time or size.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from glob import glob
from pathlib import Path
from typing import Any

import msgspec

from pipeline.core import own_code, paths
from pipeline.core.files import digest_of, write_atomic
from pipeline.core.host import fingerprint
from pipeline.experiment.plan import Plan
from pipeline.measure import host_records
from pipeline.runtimes import environments, packages
from toolchain import wasm_opt
from toolchain.model import TARGETS, Toolchain

#: A stamp of ten thousand tasks is a megabyte; only the latest selections are remembered.
_MOST_STAMPS = 8
UP_TO_DATE = "Everything is up to date."
_DOIT = ("doit", "__main__.py")

_State = tuple[int, int]  # mtime in ns, size in bytes
_started = time.time_ns()


class Stamp(msgspec.Struct, frozen=True):
    """The files of a settled run; paths and states are parallel."""

    paths: list[str]
    states: list[_State]


def key(plan: Plan, variables: Mapping[str, str]) -> str | None:
    """What names the stamp of a plan; None where only a real run can tell whether there is work."""
    wrapped = any(b.runtime.programs and not b.runtime.packages for b in plan.backends)
    # Rounds without a fixed number are looked for by a task of their own, as are absent environments.
    if wrapped or plan.protocol.half_width_percent is not None:
        return None
    if not all(environments.present(b.runtime) for b in plan.backends if b.runtime.environment):
        return None
    return digest_of(
        {
            "variables": dict(variables),
            "toolchains": [_of(toolchain) for toolchain in (*plan.toolchains, plan.reference[0])],
            "wasm-opt": wasm_opt.missing() or wasm_opt.files(),
            "variants": repr(plan.variants),
            "prebuilt": repr(plan.prebuilt),
            "backends": repr(plan.backends),
            "protocol": repr(plan.protocol),
            "workloads": repr(plan.workloads),
            "checkouts": dict(plan.checkouts),
            "host": fingerprint(),
            "elsewhere": host_records.state(),
            "sweeps": sorted(glob(paths.sweep("*", "json"))),
            "history": os.path.exists(paths.HISTORY),
            "python": packages.python_version(),
        }
    )


def _of(toolchain: Toolchain) -> list[Any]:
    missing = [toolchain.missing(target) for target in TARGETS]
    return [toolchain.name, toolchain.version(), missing, toolchain.files()]


def holds(key: str) -> bool:
    """Whether the last run of this plan left everything as it still lies there."""
    try:
        stamp = msgspec.json.decode(Path(paths.settled(key)).read_bytes(), type=Stamp)
        stat = os.stat
        for path, (mtime, size) in zip(stamp.paths, stamp.states, strict=True):
            found = stat(path)
            if found.st_mtime_ns != mtime or found.st_size != size:
                return False
    except (OSError, msgspec.DecodeError, ValueError):
        return False
    return True


def settle(key: str, tasks: Iterable[Any], memory: Any) -> None:
    """Write the stamp of a run that ended well, if what doit remembers of each task still lies there.

    ``memory`` is doit's database. Nothing is written where a file changed while the run went on.
    """
    seen: dict[str, _State] = {}
    believed: dict[str, Any] = {}
    for task in tasks:
        values = memory.get(task.name, "_values_:") or {}
        remembered = {path: memory.get(task.name, path) for path in task.file_dep}
        remembered.update(values.get("made", {}))
        missing = set(task.targets) - remembered.keys()
        for path in missing:
            # A target that is only asked to exist.
            remembered[path] = believed.get(path)
        for path, state in remembered.items():
            if path in seen and (state is None or believed.get(path) == state):
                continue
            try:
                found = _state(path)
                if path not in missing and not _agrees(path, state):
                    return
            except OSError:
                return
            seen[path], believed[path] = found, state
        for path, (mtime, size) in values.get("untouched", {}).items():
            try:
                if _state(path) != (mtime, size):
                    return
            except OSError:
                return
            seen[path] = (mtime, size)
            # A file more in a folder of headers is another compiler, too.
            folder = os.path.dirname(path)
            if folder not in seen:
                seen[folder] = _state(folder)
    if code_changed():
        return  # this process may still run what it was before
    seen.update((str(code.relative_to(paths.ROOT)), _state(code)) for code in _code())
    stamp = Stamp(list(seen), list(seen.values()))
    try:
        raw = msgspec.json.encode(stamp)
    except UnicodeEncodeError:
        return  # a file whose name is no text: JSON has no way to say it
    write_atomic(paths.settled(key), raw)
    _prune()


def _code() -> Iterator[Path]:
    """All of ours: what tasks there are and what they depend on."""
    yield paths.ROOT / "dodo.py"
    for package in own_code.PACKAGES:
        for path in sorted((paths.ROOT / package).rglob("*")):
            if path.is_file() and path.parent.name != "__pycache__":
                yield path


def code_changed() -> bool:
    """Whether a file of the program is newer than this process."""
    return any(_state(path)[0] >= _started for path in _code())


def _state(path: str | Path) -> _State:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size


def _agrees(path: str, state: Any) -> bool:
    """Whether doit would say that the file is what it was: by its time, or else by its bytes."""
    from pipeline.tasks.file_checker import Checker

    return state is not None and not Checker().check_modified(path, os.stat(path), state)


def forget() -> None:
    """Let the next run look at every task: doit is told to forget some."""
    shutil.rmtree(paths.SETTLED, ignore_errors=True)


def plain(arguments: list[str]) -> bool:
    """Whether a command line of doit asks for the default run and for nothing else."""
    if os.environ.get(paths.SUMMARY):
        return False  # it wants a summary, whether or not anything is new
    words = [word for word in arguments if "=" not in word or word.startswith("-")]
    return words in ([], ["run"])


def tell_if_settled(plan: Plan, variables: Mapping[str, str]) -> bool:
    """Where a plain run has nothing to do, say so with its table; returns whether that was all."""
    if not plain(sys.argv[1:]) or os.path.basename(sys.argv[0]) not in _DOIT:
        return False
    name = key(plan, variables)
    if name is None or not holds(name):
        return False
    with contextlib.suppress(OSError):
        table = Path(paths.REPORT_TXT).read_text(encoding="utf-8")
        print(f"{UP_TO_DATE}\n\n{table}", end="", flush=True)
        return True
    return False


def _prune() -> None:
    stamps = sorted(Path(paths.SETTLED).glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in stamps[_MOST_STAMPS:]:
        path.unlink(missing_ok=True)
