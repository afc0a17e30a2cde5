"""Starting and ending processes, with their signals."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial

_PR_SET_PDEATHSIG = 1
_PR_SET_THP_DISABLE = 41
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Block SIGINT, SIGTERM and SIGHUP while forking.

    Python would only print an interrupt that it raises in fork hooks or in the child.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_by_signals() -> None:
    """Let a signal end this process without a message, unless it is ignored here."""
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """In a child of the process ``parent``: get this signal when it ends, however it ends; survives exec."""
    end_by_signals()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before prctl
        os._exit(1)


def without_huge_pages() -> None:
    """Give this process, and what it will start and become, memory in pages of the usual size only.

    Which mappings would get huge ones depends on where they lie, and on what ran before.
    """
    ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that are there; [] where the kernel does not tell."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as stream:
                found += map(int, stream.read().split())
    return found


def run_to_end(
    command: Sequence[str],
    environment: dict[str, str],
    text: str = "",
    folder: str | None = None,
    *,
    stdin: str | None = None,
    timeout_s: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program with a text or a file on standard input, in a folder or in this one.

    It is killed when this process ends, however it ends. Raises subprocess.TimeoutExpired when it has run for
    ``timeout_s``, and is killed.
    """
    with contextlib.ExitStack() as opened, starting():
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if stdin is None else opened.enter_context(open(stdin, "rb")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            cwd=folder,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    with process:
        try:
            stdout, stderr = process.communicate(text if stdin is None else None, timeout=timeout_s)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11; ``signal 99`` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
