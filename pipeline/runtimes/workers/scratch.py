"""A temporary folder that goes with its worker, however that ends."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from typing import Iterator, Set

#: Processes that remove the folders of this one after it: to be left alone.
KEEPERS: Set[int] = set()
_KEPT = contextlib.ExitStack()


def lasting_folder() -> str:
    """A folder that stays as long as this process does."""
    return _KEPT.enter_context(folder())


@contextlib.contextmanager
def folder() -> Iterator[str]:
    """A temporary folder that is removed also when this process is killed, and with it what runs in it.

    A process in a session of its own waits for the end of a pipe, which is the end of this process.
    """
    path = os.path.join(tempfile.gettempdir(), "coremark-wasm-" + os.urandom(8).hex())
    parent, group, (reading, writing) = os.getpid(), os.getpgrp(), os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            os.setsid()
            os.dup2(reading, 0)
            os.closerange(1, os.sysconf("SC_OPEN_MAX"))
            if not os.read(0, 1) and group == parent:
                with contextlib.suppress(OSError):
                    os.killpg(group, signal.SIGKILL)
            for _ in range(100):  # what was killed may just be writing there
                shutil.rmtree(path, ignore_errors=True)
                if not os.path.exists(path):
                    break
                time.sleep(0.01)
        finally:
            os._exit(0)
    KEEPERS.add(keeper)
    os.close(reading)
    try:
        os.mkdir(path, 0o700)
        yield path
    finally:
        os.write(writing, b".")
        os.close(writing)
        os.waitpid(keeper, 0)
        KEEPERS.remove(keeper)
