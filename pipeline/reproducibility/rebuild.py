"""A build of this project in a copy of it, by a separate doit process.

The process imports the copy's modules, not those of this checkout: PYTHONPATH names the copy.
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
from functools import partial
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
    """What may differ from this build while a copy is built; the defaults change nothing."""

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
    """How a copy is given a workload: the project's by name, the user's by path."""
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
    """Build in a copy; raises BuildError with the message of its doit. It dies with this process."""
    root = folder.resolve()
    process = _start(root, arguments, conditions or Conditions())
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


def _start(root: Path, arguments: Sequence[str], conditions: Conditions) -> subprocess.Popen[str]:
    doit = [conditions.python, "-m", "doit", "run", *conditions.arguments, "build", *arguments]
    command = [*conditions.prefix, *doit]
    # The copy's code comes before that of this checkout, which pip may have installed.
    modules = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {"PYTHONPATH": modules, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        with starting():
            return subprocess.Popen(
                command,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, **ours, **conditions.environment},
                start_new_session=True,
                preexec_fn=partial(_apply, conditions, os.getpid()),
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"cannot start {command[0]} for a build in {root}: {error}") from None


def _apply(conditions: Conditions, parent: int) -> None:
    """In the child process: die with the parent, and change what the conditions ask for."""
    die_with_parent(parent)
    if conditions.umask is not None:
        os.umask(conditions.umask)
    if conditions.cpus is not None:
        os.sched_setaffinity(0, conditions.cpus)
    for what, soft in conditions.limits.items():
        resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))
    if conditions.host:
        _rename_host(conditions.host)


def _rename_host(name: str) -> None:
    """In a child process: set a different host name, for it and its children only."""
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
