"""A worker process as its parent sees it.

The protocol is JSON lines: one request, one answer. The worker says ``{"protocol": 1}`` once it is
up; ``{"op": "load", …}`` and ``{"op": "run", …}`` are answered with objects; end of input ends it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from pipeline.core.errors import ProjectError, WorkerCrash, WorkerError, WorkerTimeout
from pipeline.core.limits import OUTPUT_KIB, OWN_MIB, STACK_KIB
from pipeline.core.processes import die_with_parent, signal_name, starting, without_huge_pages
from pipeline.runtimes.last_words import last_words
from pipeline.runtimes.process_limits import process_limits

#: Bytes of one answer in addition to the guest's output, of which JSON writes six for some.
ANSWER_LIMIT = 2 * 1024 * 1024
_START_TIMEOUT_S = 60.0
#: How often an awaited worker's memory is looked at, s: not within a chunk.
_WATCH_S = 0.25
#: The system has no room for any process: no evidence against the one that was to be started.
_NO_ROOM = {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class Worker:
    """A process in a session of its own that dies with its parent and keeps to its limits.

    ``memory_mib`` and ``reserved_mib`` bound private writable memory (RLIMIT_DATA): a reserved but unused
    address range, which every wasm runtime has, does not count; what a guest really grows does. The second is
    what the runtime needs itself, or maps writable and does not use; that a guest does not grow into it is
    seen in the resident set while an answer is awaited: of that, ``own_mib`` are the runtime's.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        memory_mib: int,
        reserved_mib: int = 0,
        own_mib: int = OWN_MIB,
        stack_kib: int = STACK_KIB,
        output_kib: int = OUTPUT_KIB,
    ) -> None:
        self._memory_mib, self._own_mib = memory_mib, own_mib
        self._most_answer = ANSWER_LIMIT + 6 * output_kib * 1024
        # In memory, for a guest writes to it: a file system would make that slow.
        self._stderr: IO[bytes] = os.fdopen(os.memfd_create("worker-stderr"), "w+b")
        self._buffer = b""
        self._greeted = False
        #: From fork to greeting, as far as the worker's clock tells; None before it has greeted.
        self.start_seconds: float | None = None
        self._started = time.monotonic()
        parent = os.getpid()
        limits = process_limits(memory_mib + reserved_mib, stack_kib, output_kib)

        def limit() -> None:
            die_with_parent(parent)
            without_huge_pages()
            for kind, most in limits:
                resource.setrlimit(kind, (most, most))

        try:
            with starting():
                self.process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._stderr,
                    env=dict(environment),
                    cwd="/",
                    start_new_session=True,
                    preexec_fn=limit,
                )
        except OSError as error:
            self._stderr.close()
            if error.errno in _NO_ROOM:
                room = "room for one process more; see: ulimit -a"
                raise ProjectError(f"cannot start {argv[0]}: {error.strerror}; expected {room}") from None
            raise WorkerCrash(f"cannot start {argv[0]}: {error.strerror}") from None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close(kill=kind is not None)

    def request(self, message: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send one request and return its answer; raises a WorkerError, after which it is dead."""
        # Not before the first request: so two workers that are needed together start together.
        if not self._greeted:
            self._greet()
        assert self.process.stdin is not None
        self._check_silence()
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise self._death() from None
        answer = self._receive(timeout_s)
        if "error" in answer:
            raise WorkerError(str(answer["error"]))
        return answer

    def _greet(self) -> None:
        hello = self._receive(_START_TIMEOUT_S)
        if hello.get("protocol") != 1:
            self.close(kill=True)
            raise WorkerError(f"the worker greeted with {hello!r}, expected protocol 1")
        # Both clocks are the system's CLOCK_MONOTONIC; we may read the greeting much later.
        greeted = hello.get("monotonic")
        if isinstance(greeted, int | float) and self._started <= greeted <= time.monotonic():
            self.start_seconds = round(greeted - self._started, 6)
        self._greeted = True

    def _check_silence(self) -> None:
        """Raises WorkerError for output since its last answer: it would be taken for the next one."""
        assert self.process.stdout is not None
        if not self._buffer and select.select([self.process.stdout], [], [], 0)[0]:
            self._buffer = os.read(self.process.stdout.fileno(), 1 << 16)  # nothing, where it is dead
        if self._buffer:
            self.close(kill=True)
            raise WorkerError(f"the worker spoke without being asked: {self._buffer[:80]!r}")

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        left = timeout_s
        while b"\n" not in self._buffer:
            if left <= 0:
                self.close(kill=True)
                raise WorkerTimeout(f"no answer within {timeout_s:g} s")
            asked, wait = time.monotonic(), min(left, _WATCH_S)
            ready = select.select([descriptor], [], [], wait)[0]
            # Who stops us (Ctrl-Z, a debugger) may have stopped the worker, too: that is no time of its own.
            left -= min(time.monotonic() - asked, wait)
            if not ready:
                self._check_memory()
                # What it started may still hold its output.
                if self.process.poll() is not None and not select.select([descriptor], [], [], 0)[0]:
                    raise self._death()
                continue
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                raise self._death()
            self._buffer += chunk
            if len(self._buffer) > self._most_answer:
                self.close(kill=True)
                raise WorkerError("the worker's answer has no end")
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self.close(kill=True)
            raise WorkerError(f"the worker's answer is not a JSON object: {line[:80]!r}")
        return answer

    def _check_memory(self) -> None:
        resident = _status_bytes(self.process.pid, "VmRSS")
        if resident is not None and resident >> 20 > self._memory_mib + self._own_mib:
            self.close(kill=True)
            used = f"it used {resident >> 20} MiB of memory, expected {self._memory_mib} at most"
            raise WorkerError(f"killed: {used}")

    def _death(self) -> WorkerCrash:
        """Explain why the worker is gone."""
        try:
            status = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.close(kill=True)
            return WorkerCrash("the worker closed its output and went on")
        with contextlib.suppress(OSError, ValueError):
            # A guest may have written much of it.
            self._stderr.seek(max(0, os.fstat(self._stderr.fileno()).st_size - (1 << 16)))
        words = last_words(self._stderr.read().decode("utf-8", "replace"))
        message = f": {words}" if words else ""
        if status < 0:
            return WorkerCrash(f"the worker died of {signal_name(-status)}{message}", -status)
        return WorkerCrash(f"the worker exited with status {status}{message}")

    def peak_rss_bytes(self) -> int | None:
        """Largest resident set so far, from the kernel's own accounting (VmHWM).

        Not getrusage's ru_maxrss: that starts at the size of the process that forked.
        """
        return _status_bytes(self.process.pid, "VmHWM")

    def pin(self, processor: int) -> None:
        """Let all its threads, and what they start, run on one processor only."""
        # It may be dead, or the set of processors may have just changed.
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{self.process.pid}/task"):
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(thread), {processor})

    def cpu_seconds(self) -> float:
        """CPU time of the worker and of the children that it has waited for, so far."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{self.process.pid}/stat", encoding="utf-8", errors="replace") as stream:
                fields = stream.read().rpartition(")")[2].split()
            return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def close(self, *, kill: bool = False) -> None:
        """End the worker and all that it started; with ``kill`` at once."""
        process = self.process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if not kill:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
        # Its session outlives it if the guest left something behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if kill or process.returncode is not None:
            self._close_stderr()

    def _close_stderr(self) -> None:
        with contextlib.suppress(OSError):
            self._stderr.close()


def _status_bytes(pid: int, key: str) -> int | None:
    """A field of a living process's status in bytes (VmRSS, VmHWM), None where the kernel does not tell."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as stream:
            for line in stream:
                if line.startswith(f"{key}:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
