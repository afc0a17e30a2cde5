"""One run at a time in a checkout: the lock, the note of who holds it, and what a killed run left half-made.

The kernel frees the lock of a process however that ends. The note is removed by a run that ends by itself,
so a note next to a free lock means that the run was killed.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.files import NEW
from pipeline.core.processes import end_by_signals
from pipeline.core.text import duration, for_terminal, printable
from pipeline.tasks.terminal.time_left import TELL_WAIT_S

if TYPE_CHECKING:
    import fasteners

#: Large folders in which this project writes nothing half-made.
_NOT_SEARCHED = {"site-packages", "cache", "__pycache__"}

#: The names that tempfile makes for core/files.py.
_HALF_MADE = re.compile(rf"{re.escape(NEW)}(.*\.)?[a-z0-9_]{{8}}", re.DOTALL)


class CheckoutLock:
    """The lock of the checkout that this process is in; once acquired, held until the process ends."""

    def __init__(self) -> None:
        self._held: fasteners.InterProcessLock | None = None

    def acquire(self, *, wait: bool = True) -> bool:
        """Returns whether the lock was free; where it was not, much may have changed while this waited.

        Waits as long as a different process holds it, and prints which; without ``wait`` returns at once,
        without the lock. Raises BadInput where the checkout cannot be written to.
        """
        if self._held is not None:
            return True
        import fasteners

        # A file of its own: closing a second handle of the file would free the lock.
        lock = fasteners.InterProcessLock(paths.CHECKOUT_LOCK)
        try:
            # If anything below fails, the lock is released when the object is collected.
            free: bool = lock.acquire(blocking=False)
            if not free and not wait:
                return False
            if not free:
                _wait(lock)
            _remove_half_made()
            _sign()
            self._held = lock
        except (OSError, RuntimeError) as error:  # fasteners' own, where a file system has no locks
            message = getattr(error, "strerror", None) or str(error)
            where = os.fsdecode(getattr(error, "filename", None) or paths.CHECKOUT_LOCK)
            raise BadInput(f"{where}: {message}; expected a checkout that can be written to") from None
        return free

    def tidy(self) -> None:
        """Remove what a killed run left, unless a run is at work; also where nothing else is to be done."""
        if os.path.exists(paths.CHECKOUT_NOTE):
            with contextlib.suppress(BadInput):
                self.acquire(wait=False)


def _wait(lock: fasteners.InterProcessLock) -> None:
    """Wait for the process that holds it, and tell now and then which that is."""
    begun = time.monotonic()
    waiting = "waiting"
    while True:
        print(f"{waiting} for {_holder()} to end: it uses this checkout", file=sys.stderr, flush=True)
        if lock.acquire(max_delay=1.0, timeout=TELL_WAIT_S):
            return
        waiting = f"still waiting, after {duration(time.monotonic() - begun)},"


def _sign() -> None:
    """Note which process holds the checkout, until this process ends by itself."""
    command = shlex.join(["doit", *sys.argv[1:]])
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    where = f"process {os.getpid()} on {os.uname().nodename}"
    # Written in place, not via a temporary file: from now on a crash must leave this note.
    with open(paths.CHECKOUT_NOTE, "w", encoding="utf-8") as stream:
        # Names of files on a command line need not be text.
        stream.write(printable(f"{command} ({where}, since {since})\n"))
    atexit.register(_leave, os.getpid())


def _leave(pid: int) -> None:
    # At exit: a signal during interpreter shutdown would print a traceback.
    end_by_signals()
    if os.getpid() == pid:
        with contextlib.suppress(OSError):
            os.unlink(paths.CHECKOUT_NOTE)


def _holder() -> str:
    with contextlib.suppress(OSError):
        note = for_terminal(Path(paths.CHECKOUT_NOTE).read_text(encoding="utf-8", errors="replace"))
        if note:
            return note
    return "a different doit"


def _remove_half_made() -> None:
    """Remove what a killed run was writing. Now only other hosts write here, in folders of their own."""
    if not os.path.exists(paths.CHECKOUT_NOTE):
        return
    for place in (*paths.WRITTEN, f"{paths.RESULTS}/{paths.here()}"):
        for folder, folders, files in os.walk(place):
            for name in filter(_HALF_MADE.fullmatch, folders):
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
            folders[:] = [n for n in folders if n not in _NOT_SEARCHED and not n.startswith(NEW)]
            for name in files:
                if _HALF_MADE.fullmatch(name):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(folder, name))
            if folder == ".":
                break
