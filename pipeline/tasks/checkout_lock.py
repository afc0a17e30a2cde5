"""One run at a time in a checkout: who has it, who waits, and what a killed run left half-made.

The kernel frees the lock of a process however that ends. The note of who has it is removed by a run that
ends by itself, so one that lies there when the lock is free is of a run that was killed.
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
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.files import NEW
from pipeline.core.processes import end_by_signals
from pipeline.core.text import plain, printable

if TYPE_CHECKING:
    import fasteners

#: doit's commands that change what lies in a checkout; no other waits.
_CHANGING = {"run", "clean", "forget", "ignore", "reset-dep", "strace"}
_OTHERS = {"list", "info", "help", "dumpdb", "tabcompletion"}
#: Tasks that only look. Whoever measures all night still wants to see what was.
_LOOKING = {"history", "compare", "doctor"}
#: Where nothing of ours is written, and what is large.
_NOT_SEARCHED = {"site-packages", "cache", "__pycache__"}

#: As tempfile makes them for store.py.
_HALF_MADE = re.compile(rf"{re.escape(NEW)}(.*\.)?[a-z0-9_]{{8}}", re.DOTALL)

#: Held until this process ends.
_lock: fasteners.InterProcessLock | None = None


def changes(arguments: Sequence[str]) -> bool:
    """Whether a command line of doit, without its first word, asks for what changes the checkout."""
    words = [word for word in arguments if "=" not in word and not word.startswith("-")]
    command = words.pop(0) if words and words[0] in _CHANGING | _OTHERS else "run"
    return command in _CHANGING and not (words and command == "run" and set(words) <= _LOOKING)


def tidy() -> None:
    """Remove what a killed run left, also where nothing else is to be done; not while somebody is at work."""
    if os.path.exists(paths.CHECKOUT_NOTE):
        with contextlib.suppress(BadInput):
            own(wait=False)


def own(*, wait: bool = True) -> bool:
    """Have the checkout until this process ends; False where another had it, so that much may have changed.

    Waits as long as another process has it, and says which; raises BadInput where nothing can be written.
    """
    global _lock
    if _lock is not None:
        return True
    import fasteners

    # A file of its own: closing another handle of it would free the lock.
    lock = fasteners.InterProcessLock(paths.CHECKOUT_LOCK)
    try:
        # Where what follows fails it goes with the last reference to it.
        at_once: bool = lock.acquire(blocking=False)
        if not at_once and not wait:
            return False
        if not at_once:
            print(f"waiting for {_holder()} to end: it has this checkout", file=sys.stderr, flush=True)
            lock.acquire(max_delay=1.0)
        _sweep()
        _sign()
        _lock = lock
    except (OSError, RuntimeError) as error:  # fasteners' own, where a file system has no locks
        said = getattr(error, "strerror", None) or str(error)
        where = os.fsdecode(getattr(error, "filename", None) or paths.CHECKOUT_LOCK)
        raise BadInput(f"{where}: {said}; expected a checkout that can be written to") from None
    return at_once


def _sign() -> None:
    """Say who has the checkout, until this process ends by itself."""
    command = shlex.join(["doit", *sys.argv[1:]])
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    where = f"process {os.getpid()} on {os.uname().nodename}"
    # Not beside its place first: from here on whatever is half-made has a note.
    with open(paths.CHECKOUT_NOTE, "w", encoding="utf-8") as stream:
        # Names of files on a command line need not be text.
        stream.write(printable(f"{command} ({where}, since {since})\n"))
    atexit.register(_leave, os.getpid())


def _leave(pid: int) -> None:
    # All is done: an interruption of Python's own end would be told with a traceback.
    end_by_signals()
    if os.getpid() == pid:
        with contextlib.suppress(OSError):
            os.unlink(paths.CHECKOUT_NOTE)


def _holder() -> str:
    with contextlib.suppress(OSError):
        said = plain(Path(paths.CHECKOUT_NOTE).read_text(encoding="utf-8", errors="replace"))
        if said:
            return said
    return "another doit"


def _sweep() -> None:
    """Remove what a killed run was just writing: nobody else writes here now, but other hosts."""
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
