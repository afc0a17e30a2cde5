"""Runs of programs: a fresh process for each, with nothing of our environment, its output on descriptor 1."""

import ctypes
import os
import signal
import time
from typing import Dict, List, Optional

import serve

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def spawn(
    path: str, argv: List[str], environment: Dict[str, str], watch: bool = False, folder: Optional[str] = None
) -> serve.Facts:
    """Run a program to its end; returns facts for the answer, raises serve.Trap and serve.Exit.

    It starts in ``folder``, or where the worker is. With ``watch`` also its peak memory, at the price of
    looking every millisecond.
    """
    errors = os.memfd_create("guest-errors", os.MFD_CLOEXEC)
    try:
        return _spawn(path, argv, environment, watch, folder, errors)
    finally:
        os.close(errors)


def _spawn(
    path: str, argv: List[str], environment: Dict[str, str], watch: bool, folder: Optional[str], errors: int
) -> serve.Facts:
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.dup2(errors, 2)
            if folder:
                os.chdir(folder)
            os.execve(path, argv, environment)
        except OSError as error:
            os.write(2, ("%s: %s" % (path, error.strerror)).encode())
        finally:
            os._exit(127)
    peak = None
    done = 0
    while not done:
        # Its peak memory can be read only while it lives, and ru_maxrss would be this process's.
        done, status, usage = os.wait4(pid, os.WNOHANG if watch else 0)
        if not done:
            peak = _peak_rss_bytes(pid) or peak
            time.sleep(0.001)
    wall = time.perf_counter() - started
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise serve.Trap("killed by %s%s" % (name, _last_line(errors)))
    if os.WEXITSTATUS(status):
        ended = serve.Exit(os.WEXITSTATUS(status))
        ended.args = ("%s%s" % (ended, _last_line(errors)),)
        raise ended
    return {
        "wall_seconds": wall,
        "child_used": serve.used(usage),
        "peak_rss_bytes": peak,
    }


def _last_line(errors: int) -> str:
    """The last line of its standard error, as ": …"; "" where there is none."""
    size = os.fstat(errors).st_size
    lines = os.pread(errors, 4096, max(0, size - 4096)).decode("utf-8", "replace").split("\n")
    printed = [line.strip() for line in lines if line.strip()]
    return ": %s" % printed[-1][:300] if printed else ""


def _peak_rss_bytes(pid: int) -> Optional[int]:
    try:
        with open("/proc/%d/status" % pid) as stream:
            for line in stream:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
