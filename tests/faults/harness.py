"""doit runs that things are done to, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from pipeline.core import paths
from pipeline.core.files import NEW, sha256
from pipeline.measure import sample
from tests.conftest import Workspace, environment, executed

_PR_SET_CHILD_SUBREAPER = 36
#: For the kernel to end what was killed, s.
_PATIENCE_S = 15


class Run:
    """A doit process in a session of its own; what it leaves behind becomes a child of this process.

    ``before`` is a command that starts it, as in ("taskset", "1"); ``preexec`` is called in the new process.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        before: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        preexec: Callable[[], None] | None = None,
        output: Path | None = None,
    ) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._before = {p.pid for p in psutil.Process().children(recursive=True)}
        # A file, not a pipe: it is not read while it runs. Not in the folder, which may be full or read-only.
        self._output = output or Path(f"{folder}.printed")
        self._begun = time.monotonic()

        def prepare() -> None:
            # A shell starts what runs in its background with SIGINT ignored, nohup with SIGHUP.
            for number in (signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            if preexec is not None:
                preexec()

        with open(self._output, "wb") as stream:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "doit", *arguments],
                cwd=folder,
                env=dict(environment(folder) if env is None else env),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare,
            )

    @property
    def printed(self) -> str:
        """Standard output and standard error so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str, timeout: float = 120) -> bool:
        """Wait until it has printed something; whether it did before it ended."""
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.printed, re.MULTILINE):
            if self.process.poll() is not None:
                return bool(re.search(pattern, self.printed, re.MULTILINE))
            assert time.monotonic() < deadline, f"never printed {pattern}:\n{self.printed}"
            time.sleep(0.005)
        return True

    def kill(self, number: int = signal.SIGKILL, *, group: bool = False) -> None:
        """A signal to doit alone, or to its process group."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self, timeout: float = 300) -> int:
        """Wait for its end; returns its exit status as subprocess does."""
        return self.process.wait(timeout=timeout)

    def lives(self, timeout: float = 120) -> bool:
        """After a moment: whether it still runs. An assertion fails where it does so after that time."""
        time.sleep(0.01)
        assert time.monotonic() < self._begun + timeout, f"it does not end:\n{self.printed}"
        return self.process.poll() is None

    def children(self) -> list[psutil.Process]:
        """All that it started, as far as it lives."""
        found = []
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                # What was here before it may have new processes, too: a browser of other tests.
                if child.pid not in self._before:
                    found += [child, *child.children(recursive=True)]
        return [each for each in found if each.pid != self.process.pid]

    def orphans(self) -> list[str]:
        """After its end: what lives on that it started, after the kernel had time to end it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            living = []
            for each in self.children():
                with contextlib.suppress(psutil.Error):
                    if each.status() == psutil.STATUS_ZOMBIE:
                        with contextlib.suppress(ChildProcessError):
                            os.waitpid(each.pid, os.WNOHANG)
                    else:
                        living.append(f"{each.pid} {' '.join(each.cmdline())}")
            if not living or time.monotonic() > deadline:
                return living
            time.sleep(0.02)


def finished(workspace: Workspace) -> dict[Path, bytes]:
    """The bytes of every sample that is whole, by its path."""
    found = (workspace.path / paths.RESULTS).rglob("round-*.json")
    return {path: path.read_bytes() for path in found if sample.read(path) is not None}


def cells(workspace: Workspace) -> dict[str, str]:
    """{cell: status} of the report."""
    found = json.loads((workspace.path / paths.RESULTS_JSON).read_text(encoding="utf-8"))["cells"]
    return {f"{c['workload']}/{c['toolchain']}/{c['variant']}/{c['backend']}": c["status"] for c in found}


def scores(workspace: Workspace) -> dict[str, Any]:
    """{cell: (score and rounds, digest of the module)} of the report: what must not depend on any fault."""
    found = json.loads((workspace.path / paths.RESULTS_JSON).read_text(encoding="utf-8"))["cells"]
    return {
        f"{c['workload']}/{c['toolchain']}/{c['variant']}/{c['backend']}": (
            c["measurement"] and (c["measurement"]["score"], c["measurement"]["rounds"]),
            c["wasm_sha256"] or c["native_sha256"],
        )
        for c in found
    }


def modules(workspace: Workspace) -> dict[str, str]:
    """{file: digest of its bytes}, of all that was compiled: what must be the same after any fault."""
    folder = workspace.path / paths.BUILD
    files = [*folder.glob("artifacts/coremark/*/O[23]/**/*"), *folder.glob("toolchains/*/libc/**/*")]
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(files) if p.is_file()}


def litter(folder: Path) -> list[str]:
    """Temporary files and folders of ours that are there."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob(f"{NEW}*"))


def settles(workspace: Workspace, *arguments: str, before: Iterable[Path] = ()) -> list[str]:
    """The next run: it ends well with the right report, and the one after it has nothing to do.

    Returns the names of the tasks that were executed. ``before`` are samples that must not be made again.
    """
    kept = {path: path.read_bytes() for path in before}
    outcome = workspace.doit("run", *arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stderr, outcome.stderr
    for path, content in kept.items():
        assert path.read_bytes() == content, f"{path} was measured again"
    assert set(cells(workspace).values()) == {"ok"}, cells(workspace)
    unreadable = [
        path for path in (workspace.path / paths.RESULTS).rglob("round-*.json") if sample.read(path) is None
    ]
    assert not unreadable, "what is no sample is where samples are"
    assert litter(workspace.path) == []
    assert workspace.run(*arguments) == [], "it was not the last run that was needed"
    return executed(outcome.stdout)


def one_error(printed: str) -> str:
    """The one line of error that a user reads; an assertion fails where there is none, or more."""
    assert "Traceback" not in printed, printed
    lines = [line for line in printed.splitlines() if line.startswith("error")]
    assert len(lines) == 1, printed
    return lines[0]
