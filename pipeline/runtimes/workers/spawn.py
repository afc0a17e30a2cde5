"""Runs of programs: a fresh process for each, with nothing of our environment.

Its input, output and standard error are this process's: the guest's, while it runs.
"""

import ctypes
import os
import resource
import signal
import time
from typing import Dict, List, Optional

import scratch
import serve

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def spawn(
    path: str,
    argv: List[str],
    environment: Dict[str, str],
    watch: bool = False,
    folder: Optional[str] = None,
    limits: Optional[Dict[int, int]] = None,
) -> serve.Facts:
    """Run a program to its end; returns facts for the answer, raises serve.Trap and serve.Exit.

    It starts in ``folder``, or where the worker is, with ``limits`` as {resource: bytes}. With ``watch`` also
    its peak memory, at the price of looking every millisecond.
    """
    # What a program leaves behind becomes a child of this process.
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if folder:
                os.chdir(folder)
            for kind, most in (limits or {}).items():
                resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
            os.execve(path, argv, environment)
        except (OSError, ValueError) as error:
            os.write(2, ("%s: %s" % (path, error)).encode())
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
    _end_others()
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise serve.Trap("killed by %s" % name)
    facts = {
        "wall_seconds": wall,
        "child_cpu_seconds": usage.ru_utime + usage.ru_stime,
        "child_system_seconds": usage.ru_stime,
        "child_page_faults": usage.ru_minflt + usage.ru_majflt,
        "peak_rss_bytes": peak,
    }
    if os.WEXITSTATUS(status):
        raise serve.Exit(os.WEXITSTATUS(status), facts)
    return facts


def _end_others() -> None:
    """End what a run left behind: it would disturb the next one, and write to its output."""
    while True:
        try:
            with open("/proc/self/task/%d/children" % os.getpid()) as stream:
                children = {int(word) for word in stream.read().split()} - scratch.KEEPERS
        except OSError:
            return
        if not children:
            return
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            except OSError:
                pass


def _peak_rss_bytes(pid: int) -> Optional[int]:
    try:
        with open("/proc/%d/status" % pid) as stream:
            for line in stream:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
