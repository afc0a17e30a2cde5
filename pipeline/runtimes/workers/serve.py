"""The worker's side of the protocol, for any CPython from 3.7 on; imports nothing of the project.

A worker script calls ``serve(load)``. ``load(path, options)`` returns ``(run, facts)``;
``run(request)`` runs the guest once with the arguments ``request["argv"]`` and its standard output on
descriptor 1, and returns a dictionary of facts, or raises ``Trap`` or ``Exit``. A run in a process of its
own adds what that process used as the fact ``child_used``: see ``used``. Everything that the
guest could reach is out of the way first: the protocol moves to descriptors of its own.

What a guest may read is named by the options, as absolute paths: ``stdin`` is a file, and each run has it as
descriptor 0, from its start (/dev/null without); ``files`` is a folder whose regular files the guest can open
as "NAME" and "/NAME", and cannot change: that is ``load``'s affair, see inputs.py.
"""

import json
import os
import resource
import tempfile
import time
from typing import Any, Callable, Dict, Optional, Tuple

Facts = Dict[str, Any]
Run = Callable[[Facts], Facts]
Load = Callable[[str, Facts], Tuple[Run, Facts]]

#: When this process could first speak: a worker imports this module before its runtime.
_UP = time.monotonic()
#: Bytes of guest output that are passed on.
OUTPUT_LIMIT = 1024 * 1024


class Trap(Exception):
    """The runtime stopped the guest."""


class Exit(Exception):
    """The guest ended itself with a status other than 0."""

    def __init__(self, code: int) -> None:
        super().__init__("exit status %d" % code)
        self.code = code


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
                run, facts = load(request["path"], request["options"])
                standard_input = request["options"].get("stdin", os.devnull)
                answer(facts)
            else:
                assert run is not None, "run before load"
                set_input(standard_input)
                answer(_run(run, request))
        except Refused as error:
            answer({"refused": str(error)})
        except Unavailable as error:
            answer({"unavailable": str(error)})
    answers.flush()
    # A runtime's clean-up at exit can abort; all that matters has been said.
    os._exit(0)


def set_input(path: str) -> None:
    """Make a file descriptor 0, from its start."""
    opened = os.open(path, os.O_RDONLY)
    os.dup2(opened, 0)
    os.close(opened)


def _memory_file() -> Optional[int]:
    try:
        return os.memfd_create("guest-output", 0)
    except (AttributeError, OSError):  # before Python 3.8 or Linux 3.17
        return None


def used(usage: Any) -> Facts:
    """What getrusage or wait4 says of a process: CPU seconds, and those of them in the kernel."""
    return {"cpu_seconds": usage.ru_utime + usage.ru_stime, "system_seconds": usage.ru_stime}


def _run(run: Run, request: Facts) -> Facts:
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    facts = {}  # type: Facts
    outcome, code, message = "exit", 0, ""
    before = used(resource.getrusage(resource.RUSAGE_SELF))
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        facts = run(request)
    except Exit as error:
        code, message = error.code, str(error)
    except Trap as error:
        outcome, message = "trap", str(error)
    wall = time.perf_counter() - wall
    child = facts.pop("child_used", dict.fromkeys(before, 0))
    cpu = time.process_time() - cpu + child["cpu_seconds"]
    after = used(resource.getrusage(resource.RUSAGE_SELF))
    answer = {
        "outcome": outcome,
        "code": code,
        "message": message[:500],
        # Seconds, monotonic clock, host side.
        "wall_seconds": wall,
        # Below 1 where other processes had the processor.
        "cpu_share": cpu / wall,
        # For all of the run, its start included.
        "used": {name: after[name] - before[name] + child[name] for name in before},
        "stdout_bytes": os.fstat(1).st_size,
        # A character a byte.
        "stdout": os.pread(1, OUTPUT_LIMIT, 0).decode("latin-1"),
    }
    answer.update(facts)
    return answer
