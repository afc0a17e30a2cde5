"""The lock that lets a measurement have the machine for itself, and who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.core.text import for_terminal

_THREAD_LOCK = threading.Lock()
#: struct flock of Linux on 64-bit machines: type, whence, start, length, process.
_FLOCK = "hhqqi0q"
#: How often a lock that is held is tried, s.
_POLL_S = 0.05


@dataclass(frozen=True)
class Holder:
    """A process that holds the lock; 0 where the kernel does not tell which."""

    pid: int

    def __str__(self) -> str:
        """ "process 4711 in FOLDER (doit run variants=O2, since 22:01:07)", as far as it is known."""
        known = [_command(self.pid), _since(self.pid)]
        folder = ""
        with contextlib.suppress(OSError):
            folder = f" in {for_terminal(os.readlink(f'/proc/{self.pid}/cwd'))}"
        more = ", ".join(filter(None, known))
        who = f"process {self.pid}" if self.pid else "a process of a different container"
        return f"{who}{folder}" + (f" ({more})" if more else "")


#: Called again and again while the lock is held by others: with a holder, and how long it has lasted, s. With
#: None when that is over.
OnWait = Callable[[Holder | None, float], None]


def _ignore(holder: Holder | None, waited_s: float) -> None:
    """For those who say nothing."""


@contextlib.contextmanager
def machine_lock(*, exclusive: bool, on_wait: OnWait = _ignore) -> Iterator[float]:
    """Builds share the machine, a measurement owns it: across doit's processes and checkouts.

    Gives how long it had to be waited for, s: much may have changed meanwhile.
    """
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    # The kernel's locks do not tell threads of one process apart (doit -P thread).
    with _THREAD_LOCK, _opened() as stream:
        begun, waited = time.monotonic(), 0.0
        while not _try(stream, kind):
            waited = time.monotonic() - begun
            on_wait(_holder(stream, exclusive) or Holder(0), waited)
            time.sleep(_POLL_S)
        if waited:
            on_wait(None, waited)
        yield waited


def blocker(*, exclusive: bool) -> Holder | None:
    """Who would have to be waited for, now; None where the lock is free."""
    # Closing the file would free the lock that a thread of this process holds.
    if not _THREAD_LOCK.acquire(blocking=False):
        return None
    try:
        with contextlib.suppress(OSError), _opened() as stream:
            return _holder(stream, exclusive)
        return None
    finally:
        _THREAD_LOCK.release()


def lock_file() -> str:
    """Where all checkouts of a user meet: not below the user's TMPDIR."""
    folder = "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()
    return os.path.join(folder, f"coremark-wasm-{os.getuid()}.lock")


def _opened() -> IO[bytes]:
    return open(lock_file(), "ab+")


def _try(stream: IO[bytes], kind: int) -> bool:
    try:
        fcntl.lockf(stream, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # as POSIX allows
        return False
    return True


def _holder(stream: IO[bytes], exclusive: bool) -> Holder | None:
    kind = fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK
    try:
        found = fcntl.fcntl(stream, fcntl.F_GETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return None
    kind, _, _, _, pid = struct.unpack(_FLOCK, found)
    return None if kind == fcntl.F_UNLCK else Holder(max(0, pid))


def _command(pid: int) -> str:
    """The command line of a process, from the word ``doit`` on."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return ""
    at = next((i for i, word in enumerate(words) if os.path.basename(word) == "doit"), None)
    if at is not None:
        words = ["doit", *words[at + 1 :]]
    return for_terminal(shlex.join(words), 120)


def _since(pid: int) -> str:
    """When a process was started, by this machine's clock."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return ""
    started = time.time() - up + ticks / os.sysconf("SC_CLK_TCK")
    return f"since {time.strftime('%H:%M:%S', time.localtime(started))}"
