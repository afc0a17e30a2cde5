"""Remember that everything is up to date, so that the next ``doit run`` need not check each task.

Checking ten thousand tasks takes doit seconds. The stamp of a run names every file that any of its tasks
depends on or makes, with the time and size that doit itself goes by. It is written only where doit's
database agrees with the files of every task. A run is up to date if the stamp of the same plan exists and no
file has a different time or size.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.build import artifact_inputs, refusals
from pipeline.core import loaded_code, paths
from pipeline.core.files import digest_of, write_atomic
from pipeline.core.host import fingerprint
from pipeline.experiment.plan import Plan
from pipeline.measure import host_records
from pipeline.runtimes import environments, packages
from pipeline.runtimes.engines import provision
from pipeline.tasks.file_checker import Checker
from toolchain import wasm_opt
from toolchain.model import TARGETS, Toolchain

if TYPE_CHECKING:
    from doit.task import Task

    from pipeline.tasks.doit_db import JournalDB

#: A stamp of ten thousand tasks is a megabyte; only the latest selections are remembered.
_MOST_STAMPS = 8
UP_TO_DATE = "Everything is up to date."

_State = tuple[int, int]  # mtime in ns, size in bytes


class Stamp(msgspec.Struct, frozen=True):
    """The files of a run that left nothing to do; paths and states are parallel."""

    paths: list[str]
    states: list[_State]


def key(plan: Plan, variables: Mapping[str, str]) -> str | None:
    """What names the stamp of a plan; None where only a real run can tell whether there is work."""
    wrapped = any(b.runtime.programs and not b.runtime.packages for b in plan.backends)
    # Missing environments need a real run.
    if wrapped:
        return None
    if not all(environments.present(b.runtime) for b in plan.backends if b.runtime.environment):
        return None
    if not all(provision.present(b.runtime) for b in plan.backends if b.runtime.engine):
        return None
    if any(refusals.is_one(path) for path in _libraries(plan)):
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
            "other hosts": host_records.state(),
            "claims": os.path.exists(paths.CLAIMS),
            "sweeps": sorted(glob(paths.sweep("*", "json"))),
            "python": packages.python_version(),
        }
    )


def _libraries(plan: Plan) -> set[str]:
    """The files of all libraries that its artifacts are linked with."""
    named = {(spec.workload.name, spec.toolchain.name, spec.target): spec for spec in plan.artifacts()}
    return {
        path
        for spec in named.values()
        for path in artifact_inputs.linked(spec.workload, spec.toolchain, spec.target)
    }


def _of(toolchain: Toolchain) -> list[Any]:
    missing = [toolchain.missing(target) for target in TARGETS]
    return [toolchain.name, toolchain.version(), missing, toolchain.files()]


def table(plan: Plan, variables: Mapping[str, str]) -> str | None:
    """What to print where the default tasks are up to date; None where there may be something to do."""
    if os.environ.get(paths.SUMMARY):
        return None  # it wants a summary, whether or not anything is new
    name = key(plan, variables)
    if name is None or not holds(name):
        return None
    with contextlib.suppress(OSError):
        return f"{UP_TO_DATE}\n\n{Path(paths.REPORT_TXT).read_text(encoding='utf-8')}"
    return None


def holds(key: str) -> bool:
    """Whether every file is as the last run of this plan left it."""
    try:
        stamp = msgspec.json.decode(Path(paths.settled(key)).read_bytes(), type=Stamp)
        stat = os.stat
        for path, (mtime, size) in zip(stamp.paths, stamp.states, strict=True):
            status = stat(path)
            if status.st_mtime_ns != mtime or status.st_size != size:
                return False
    except (OSError, msgspec.DecodeError, ValueError):
        return False
    return True


def write_stamp(key: str, tasks: Iterable[Task], database: JournalDB) -> None:
    """Write the stamp of a run that ended well, unless a file changed since its task was done."""
    try:
        states = _Files()
        for task in tasks:
            states.add(task, database)
        for path in loaded_code.files():
            name = str(path.relative_to(paths.ROOT))
            states.now[name] = _state(name)
    except (_Changed, OSError):
        return
    try:
        raw = msgspec.json.encode(Stamp(list(states.now), list(states.now.values())))
    except UnicodeEncodeError:
        return  # the name of a file is not text: JSON cannot express it
    write_atomic(paths.settled(key), raw)
    _prune()


class _Changed(Exception):
    """A file is not what a task used or made."""


class _Files:
    """The files of tasks, each compared with what doit's database says of it."""

    def __init__(self) -> None:
        self.now: dict[str, _State] = {}
        self._agreed: dict[str, Any] = {}  # path -> doit's state of it, that was compared with the file

    def add(self, task: Task, database: JournalDB) -> None:
        """Raises _Changed or OSError where a file is not what doit's database says."""
        values = database.values(task.name)
        states = {path: database.get(task.name, path) for path in task.file_dep}
        states.update(values.get("made", {}))
        for path, state in states.items():
            if path not in self.now or self._agreed.get(path) != state:
                if state is None or Checker().check_modified(path, os.stat(path), state):
                    raise _Changed
                self.now[path], self._agreed[path] = _state(path), state
        for path in task.targets:  # those that are only asked to exist
            if path not in self.now:
                self.now[path] = _state(path)
        for path, (mtime, size) in values.get("untouched", {}).items():
            self._add_untouched(path, (mtime, size))

    def _add_untouched(self, path: str, before: _State) -> None:
        if _state(path) != before:
            raise _Changed
        self.now[path] = before
        # One more file in a folder of headers makes a different compiler, too.
        folder = os.path.dirname(path)
        self.now.setdefault(folder, _state(folder))


def forget() -> None:
    """Let the next run check every task."""
    shutil.rmtree(paths.SETTLED, ignore_errors=True)


def _state(path: str | Path) -> _State:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size


def _prune() -> None:
    stamps = sorted(Path(paths.SETTLED).glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in stamps[_MOST_STAMPS:]:
        path.unlink(missing_ok=True)
