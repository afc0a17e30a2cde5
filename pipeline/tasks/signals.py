"""How a signal ends doit: with one line, and everything that is finished kept."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType, TracebackType

from pipeline.tasks import invocation


class Terminated(KeyboardInterrupt):
    """The process is asked to end (SIGINT, SIGTERM, SIGHUP): it does, by that signal."""

    def __init__(self, number: int | str) -> None:
        super().__init__(number)
        self.number = int(number)


#: How long a process that is asked to end may take for that, s, before it is asked again.
_AGAIN_S = 10.0


def handle() -> None:
    """Let SIGINT, SIGTERM and SIGHUP end this process, also where the first exception is lost.

    Python drops an exception that is raised in a finalizer or in a callback of a library. A parallel run
    whose processes have ended by the same signal would then wait for them for ever.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # nohup ignores one
            signal.signal(number, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    def again(_number: int, _frame: FrameType | None) -> None:
        raise Terminated(number)

    signal.signal(signal.SIGALRM, again)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S, _AGAIN_S)
    raise Terminated(number)


def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C is not an error of the program: one line instead of a traceback."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    with contextlib.suppress(OSError, ValueError):  # standard error may have no reader
        line = invocation.complete("interrupted; what is finished is kept; run: doit run")
        print(line, file=sys.stderr, flush=True)
        sys.stdout.flush()
    # Not by Python's own end, which would wait for processes of a parallel run; they end with this one. The
    # note of who holds the checkout stays: it lets the next run look for what is half-made.
    number = error.number if isinstance(error, Terminated) else signal.SIGINT
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
