"""Runs a native executable: a fresh process for each run, so "load" has nothing to compile."""

import ctypes
import os
import signal
import time
from typing import List, Optional, Tuple

import elf
import serve

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    def run(request: serve.Facts) -> serve.Facts:
        return _spawn(path, request["argv"], request.get("watch", False))

    with open(path, "rb") as stream:
        data = stream.read()
    return run, {
        "compile_seconds": None,
        "code_bytes": len(elf.section(data, ".text")),
        "version": None,
        "proof": {"machine": elf.machine(data), "build": "static executable, no runtime"},
    }


def _spawn(path: str, argv: List[str], watch: bool) -> serve.Facts:
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.execve(path, argv, {})
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
        raise serve.Trap("killed by %s" % signal.Signals(os.WTERMSIG(status)).name)
    if os.WEXITSTATUS(status):
        raise serve.Exit(os.WEXITSTATUS(status))
    return {
        "wall_seconds": wall,
        "child_cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss_bytes": peak,
    }


def _peak_rss_bytes(pid: int) -> Optional[int]:
    try:
        with open("/proc/%d/status" % pid) as stream:
            for line in stream:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


if __name__ == "__main__":
    serve.serve(load)
