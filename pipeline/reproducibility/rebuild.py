"""A build of this project in a copy of it somewhere else, by a doit process of its own.

Nothing of ours is imported there from here: ROOT is where a module's file lies, so PYTHONPATH names the copy.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import BuildError
from pipeline.core.files import NEW
from pipeline.core.model import Workload
from pipeline.core.processes import die_with_parent, starting
from pipeline.experiment.plan import Plan

#: What a build needs of the project; nothing that a run made.
PARTS = ("dodo.py", "matrix.toml", "pyproject.toml", "pipeline", "toolchain", "third_party", "workloads")
#: The command line's choices that decide what is built. Which backends there are is passed on by name.
_CHOICES = ("toolchains", "variants", "flags")
_TIMEOUT_S = 1800


@dataclass(frozen=True)
class Conditions:
    """What may be another than here while a copy is built; the defaults change nothing."""

    environment: Mapping[str, str] = field(default_factory=dict)  # added to ours
    arguments: tuple[str, ...] = ()  # of doit run: ("-n", "2")
    python: str = sys.executable
    prefix: tuple[str, ...] = ()  # the program that starts it all, with arguments
    umask: int | None = None
    cpus: frozenset[int] | None = None
    limits: Mapping[int, int] = field(default_factory=dict)  # RLIMIT_… -> soft limit
    host: str = ""  # the host's name, in a namespace of its own


def arguments(plan: Plan) -> list[str]:
    """What makes a copy build what this plan does, whichever runtimes its interpreter finds."""
    chosen = {name: value for name, value in plan.given.items() if name in _CHOICES}
    chosen |= {name: os.path.abspath(path) for name, path in plan.checkouts.items()}
    chosen["workload"] = ",".join(_place(workload) for workload in plan.workloads)
    kinds = {backend.native: backend.name for backend in reversed(plan.backends)}
    chosen["backends"] = ",".join(kinds[native] for native in sorted(kinds, reverse=True))
    return [f"{name}={value}" for name, value in chosen.items()]


def _place(workload: Workload) -> str:
    """By what a copy finds a workload: its own by their names, others where they lie."""
    own = workload.folder == f"{paths.WORKLOADS}/{workload.name}"
    return workload.name if own else os.path.abspath(workload.folder)


def copy(folder: Path, warm: bool, *, reverse: bool = False) -> None:
    """Copy what a build needs into a folder; ``reverse``: its files are made in the opposite order.

    ``warm`` shares the compilers' caches, so that no C library is compiled again; everything else is.
    """
    target = folder.resolve()
    for relative in sorted(_files(), reverse=reverse):
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(paths.ROOT / relative, target / relative)
    if warm:
        for cache in paths.ROOT.glob(paths.toolchain_cache("*")):
            link = target / cache.relative_to(paths.ROOT)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(cache)


def _files() -> Iterator[Path]:
    for part in PARTS:
        path = paths.ROOT / part
        for file in [path] if path.is_file() else path.rglob("*"):
            hidden = any(name == "__pycache__" or name.startswith(NEW) for name in file.parts)
            if file.is_file() and not hidden:
                yield file.relative_to(paths.ROOT)


def build(folder: Path, arguments: Sequence[str], conditions: Conditions | None = None) -> None:
    """Build in a copy; raises BuildError with what its doit said. It ends with us, however that is."""
    chosen = conditions or Conditions()
    root = folder.resolve()
    command = [*chosen.prefix, chosen.python, "-m", "doit", "run", *chosen.arguments, "build", *arguments]
    # The copy's code comes before that of this checkout, which pip may have installed.
    modules_of = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {"PYTHONPATH": modules_of, "PYTHONDONTWRITEBYTECODE": "1"}
    parent = os.getpid()

    def begin() -> None:
        die_with_parent(parent)
        if chosen.umask is not None:
            os.umask(chosen.umask)
        if chosen.cpus is not None:
            os.sched_setaffinity(0, chosen.cpus)
        for what, soft in chosen.limits.items():
            resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))
        if chosen.host:
            _rename_host(chosen.host)

    try:
        with starting():
            process = subprocess.Popen(
                command,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, **ours, **chosen.environment},
                start_new_session=True,
                preexec_fn=begin,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"cannot start {command[0]} for a build in {root}: {error}") from None
    try:
        stdout, stderr = process.communicate(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise BuildError(f"the build in {root} did not end within {_TIMEOUT_S} s") from None
    finally:
        # doit's own processes and compilers are in its session.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode != 0:
        raise BuildError(f"the build in {root} failed: {_reason(stderr, stdout, process.returncode)}")


def _rename_host(name: str) -> None:
    """In a child: another host name, for it and its children only."""
    import ctypes

    clone_newuts = 0x04000000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(clone_newuts) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    socket.sethostname(name)


def _reason(stderr: str, stdout: str, status: int) -> str:
    """The line in which doit says what went wrong."""
    for text in (stderr, stdout):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]
        if errors or lines:
            return (errors or lines)[-1]
    return f"status {status}, no message"
