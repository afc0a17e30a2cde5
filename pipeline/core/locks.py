"""The lock that lets a measurement have the machine for itself."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator

_THREAD_LOCK = threading.Lock()


@contextlib.contextmanager
def machine_lock(*, exclusive: bool) -> Iterator[None]:
    """Builds share the machine, a measurement owns it: across doit's processes and checkouts."""
    import fasteners

    # Not the user's TMPDIR: all checkouts must meet here.
    folder = "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()
    path = os.path.join(folder, f"coremark-wasm-{os.getuid()}.lock")
    lock = fasteners.InterProcessReaderWriterLock(path)
    # The kernel's locks do not tell threads of one process apart (doit -P thread).
    with _THREAD_LOCK, lock.write_lock() if exclusive else lock.read_lock():
        yield
