"""The worker's side of the protocol, for any CPython from 3.7 on; imports nothing of the project.

A worker script calls ``serve(load)``. ``load(path, options)`` returns ``(run, facts)``;
``run(request)`` runs the guest once with the arguments ``request["argv"]``, its standard output on
descriptor 1 and its standard error on descriptor 2, and returns a dictionary of facts, or raises ``Trap`` or
``Exit``. A run in a process of its own adds what that process used as the facts ``child_cpu_seconds``,
``child_system_seconds`` and ``child_page_faults``; a runtime that keeps standard error to itself adds what
the guest wrote to it as the fact ``stderr``. Everything that the guest could reach is out of the way first:
the protocol moves to descriptors of its own.

Descriptor 2 is the file that the parent reads when this process has died. What a guest adds to it is taken
out after its run.

What a guest may read is named by the options, as absolute paths: ``stdin`` is a file, and each run has it, or
the ``stdin`` of its request, as descriptor 0, from its start (/dev/null without); ``files`` is a folder whose
regular files the guest can open as "NAME" and "/NAME", and cannot change: that is ``load``'s affair, see
inputs.py. ``env`` is all of its environment, {name: value}; none without.
"""

import json
import os
import resource
import stat
import tempfile
import time
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

Facts = Dict[str, Any]
Run = Callable[[Facts], Facts]
Load = Callable[[str, Facts], Tuple[Run, Facts]]

#: When this process could first speak: a worker imports this module before its runtime.
_UP = time.monotonic()
#: What a guest may use, as the options of its module say: bytes of output that are passed on, KiB of stack,
#: MiB of memory where this process does not limit it.
LIMITS = {"output_bytes": 1024 * 1024, "stack_kib": 8192, "memory_mib": 0}
#: The same of its standard error.
STDERR_LIMIT = 4096
#: Functions of a trap's backtrace that are passed on.
_MOST_FUNCTIONS = 32
#: How many times as large as the guest's a runtime's own stack is: stack_factor in pipeline/core/model.py.
_STACK_FACTOR = 4


def engine_stack() -> int:
    """How much of this thread's stack a runtime may use for its guest, in bytes."""
    return LIMITS["stack_kib"] * _STACK_FACTOR << 10


class Trap(Exception):
    """The runtime stopped the guest, in the first of these functions, which the others called."""

    def __init__(self, message: str, backtrace: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.backtrace = [name[:200] for name in backtrace[:_MOST_FUNCTIONS]]


class Exit(Exception):
    """The guest ended itself with a status other than 0; ``facts`` as of a run that returned."""

    def __init__(self, code: int, facts: Optional[Facts] = None) -> None:
        super().__init__("exit status %d" % code)
        self.code = code
        self.facts = facts or {}


class Refused(Exception):
    """This runtime cannot load this module, and says why."""


class Unavailable(Exception):
    """This release or build of the runtime has no such compiler or level, and says so."""


def serve(load: Load) -> None:
    """Answer requests until the input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    set_input(os.devnull)
    with tempfile.TemporaryFile(prefix="guest-") as output:
        os.dup2(_memory_file() or output.fileno(), 1)

    def answer(message: Facts) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    answer({"protocol": 1, "monotonic": _UP})
    run, standard_input = None, os.devnull  # type: Optional[Run], str
    for line in iter(requests.readline, b""):
        request = json.loads(line.decode())
        try:
            if request["op"] == "load":
                options = request["options"]
                LIMITS.update((name, options[name]) for name in LIMITS if name in options)
                run, facts = load(request["path"], options)
                standard_input = options.get("stdin", os.devnull)
                answer(facts)
            else:
                assert run is not None, "run before load"
                set_input(request.get("stdin", standard_input))
                answer(_run(run, request))
        except Refused as error:
            answer({"refused": str(error)})
        except Unavailable as error:
            answer({"unavailable": str(error)})
    answers.flush()
    # A runtime's clean-up at exit can abort; all that matters has been said.
    os._exit(0)


def set_input(path: str) -> None:
    """Make a file descriptor 0, from its start; an empty one of /dev/null, which is a device."""
    opened = (_memory_file() if path == os.devnull else None) or os.open(path, os.O_RDONLY)
    os.dup2(opened, 0)
    os.close(opened)


def _memory_file() -> Optional[int]:
    try:
        return os.memfd_create("guest-output", 0)
    except (AttributeError, OSError):  # before Python 3.8 or Linux 3.17
        return None


def _run(run: Run, request: Facts) -> Facts:
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    before = _stderr_bytes()
    facts = {}  # type: Facts
    outcome, code, message = "exit", 0, ""
    backtrace = []  # type: Sequence[str]
    system, faults = system_seconds(), page_faults()
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        facts = run(request)
    except Exit as error:
        code, message, facts = error.code, str(error), error.facts
    except Trap as error:
        outcome, message, backtrace = "trap", str(error), error.backtrace
    wall = time.perf_counter() - wall
    cpu = time.process_time() - cpu + facts.pop("child_cpu_seconds", 0.0)
    system = system_seconds() - system + facts.pop("child_system_seconds", 0.0)
    faults = facts.pop("child_page_faults", page_faults() - faults)
    answer = {
        "outcome": outcome,
        "code": code,
        "message": message[:500],
        # Seconds, monotonic clock, host side.
        "wall_seconds": wall,
        # Below 1 where other processes had the processor.
        "cpu_share": cpu / wall,
        "used": {"cpu_seconds": cpu, "system_seconds": system},
        "page_faults": faults,
        "stdout_bytes": os.fstat(1).st_size,
        # A character a byte.
        "stdout": os.pread(1, LIMITS["output_bytes"], 0).decode("latin-1"),
        "stderr": _take_stderr(before).decode("latin-1"),
        "backtrace": backtrace,
    }
    answer.update(facts)
    return answer


def _stderr_bytes() -> Optional[int]:
    """The size of the file behind descriptor 2; None where that is no file."""
    status = os.fstat(2)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _take_stderr(before: Optional[int]) -> bytes:
    """What was added to standard error since it had this size, up to the limit; it has that size again."""
    if before is None:
        return b""
    added = os.pread(2, STDERR_LIMIT, before)
    os.ftruncate(2, before)
    os.lseek(2, before, os.SEEK_SET)
    return added


def system_seconds() -> float:
    """Of this process so far, in the kernel."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_stime


def page_faults() -> int:
    """How many pages the kernel has given this process so far, at their first use."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_minflt + usage.ru_majflt
