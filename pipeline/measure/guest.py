"""One open guest program in a worker, as the parent process sees it: load it, run it, read its answers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from pipeline.core.errors import WorkerError, WorkerTimeout
from pipeline.core.model import Backend, Protocol, Status
from pipeline.core.text import for_terminal
from pipeline.measure import limits
from pipeline.measure.probes.own_output import NOTHING, OwnOutput
from pipeline.measure.worker_messages import Loaded, Ran, Used
from pipeline.runtimes.worker_process import Worker
from pipeline.workloads.output_difference import OutputDifference

T = TypeVar("T")

_MOST_REASON = 600

#: Of standard error in a reason: lines, and characters of each.
_LINES, _LINE = 4, 160
_FUNCTIONS = 6
#: What C libraries and runtimes do between a program's fault and its end: of no use to a reader.
_LATE = {"abort", "raise", "_Exit", "__assert_fail", "__assert", "exit", "_exit"}
_EARLY = {"_start", "__main_void", "__original_main", "main.command_export", "_start.command_export"}


class Ended(Exception):
    """The round ended early with a status and the reason for it.

    ``difference`` is that of its output from the native build's, ``exit_code`` what the guest ended with: in
    the report they are compared with those of other cells.
    """

    difference: OutputDifference | None = None
    exit_code: int | None = None

    def __init__(self, status: Status, reason: str) -> None:
        # What a guest or a runtime printed goes to terminals, tables and pages.
        self.reason = for_terminal(reason, _MOST_REASON)
        super().__init__(self.reason)
        self.status = status

    def restated(self, status: Status, reason: str) -> Ended:
        """The same end, in other words."""
        ended = Ended(status, reason)
        ended.difference, ended.exit_code = self.difference, self.exit_code
        return ended


class NotTheRuntime(Ended):
    """The native build fails, or contradicts itself: no cell of the workload can be right."""

    unsteady = False


def prove(backend: Backend, loaded: Loaded, version: str | None) -> None:
    """Check that the runtime has the version, and is the compiler, of its label; raises Ended."""
    # A command-line program was asked for its version by identify(), not by its worker.
    if loaded.version != version and (backend.runtime.packages or loaded.version is not None):
        raise Ended(Status.INVALID, f"the runtime says it is {loaded.version}, expected {version}")
    for name, value in backend.proof.items():
        found = loaded.proof.get(name)
        if found != value:
            raise Ended(Status.INVALID, f"it should prove {name} {value!r}, but its {name} is {found!r}")


@dataclass(eq=False)
class Guest:
    """A loaded guest that runs again and again in one worker."""

    worker: Worker
    who: str
    protocol: Protocol
    forks: bool = False  # whether each run is a process of its own
    #: What it may read, as load's options: {"stdin": path, "files": folder}, absolute, {"env": variables}.
    inputs: Mapping[str, Any] = field(default_factory=dict)
    capped: bool = False  # whether its module is given a limit to its memory's growth
    peak_rss_bytes: int | None = None
    cpu_share: float = 1.0  # CPU over wall seconds of the last run
    wall_seconds: float = 0.0  # of the last run, host side
    used: Used | None = None  # for the last run, where the worker can tell
    page_faults: int | None = None  # of the last run; None where the worker does not tell
    wasi_calls: int | None = None  # the same
    instructions: int | None = None  # of the last run; None unless they are counted
    output: bytes = b""  # of the last run
    first_run_seconds: float | None = None  # host side, of the first run that was valid
    instantiate_seconds: float | None = None  # of the same
    exit_status: int = 0  # of the last run
    own: OwnOutput = NOTHING  # what its runtime prints around its output
    longest_run_s: float = 0.0  # that a run may take, where this is more than the protocol says
    has_ended_well: bool = False  # a run of it: until then its worker looks at the clocks that it asks for
    gives_clocks: bool = False  # whether its worker can give a command clocks of ours
    says_its_time: bool = False  # whether the module says which part of its run is timed
    timed_seconds: float = 0.0  # host side, of the last run: all of it, or that part

    def load(self, path: str, options: Mapping[str, Any]) -> Loaded:
        """Compile the artifact; raises Ended where the runtime refuses it or lacks the compiler."""
        given = {**options, **self.inputs, **limits.options(self.protocol)}
        with limits.capped(path, self.protocol.memory_mib) if self.capped else nullcontext(path) as module:
            request = {"op": "load", "path": os.path.abspath(module), "options": given}
            answer = self._ask(request, self.protocol.load_timeout_s, "load_timeout_s")
        if "refused" in answer:
            raise Ended(Status.INVALID, f"{self.who} refuses the module: {answer['refused']}")
        if "unavailable" in answer:
            raise Ended(Status.UNAVAILABLE, str(answer["unavailable"]))
        return self._typed(answer, Loaded)

    def _ask(
        self, request: Mapping[str, Any], timeout_s: float, limit: str = "run_timeout_s"
    ) -> dict[str, Any]:
        try:
            return self.worker.request(request, timeout_s)
        except WorkerTimeout as error:
            reason = f"{self.who}: killed: {error}; {limits.remedy(limit)}"
            raise Ended(Status.TIMEOUT, reason) from None
        except WorkerError as error:
            reason = f"{self.who}: {error}{limits.of_crash(str(error), self.protocol)}"
            raise Ended(Status.CRASH, reason) from None

    def _typed(self, answer: Mapping[str, Any], kind: type[T]) -> T:
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            reason = f"{self.who}: the worker's answer is not what the protocol says: {error}"
            raise Ended(Status.CRASH, reason) from None

    def output_of(self, argv: Sequence[str]) -> bytes:
        """What a run with these arguments prints; raises Ended unless it ends well."""
        self._answer({"argv": list(argv)}, watch=False)
        return self.output

    def ends_well(self) -> bool:
        """Whether a run ends well, without validating its output; raises Ended where the worker fails."""
        request = {"op": "run", "argv": ["probe"], "watch": False}
        answer = self._typed(self._ask(request, self.protocol.run_timeout_s), Ran)
        return answer.outcome == "exit" and answer.code == 0

    def _answer(self, request: Mapping[str, Any], watch: bool, status: int = 0) -> Ran:
        """Run as the request says; raises Ended unless it ended by itself with that exit status."""
        whole: dict[str, Any] = {"op": "run", "watch": watch, **request}
        if not self.has_ended_well:
            whole["watch_clocks"] = True
        reply = self._ask(whole, max(self.protocol.run_timeout_s, self.longest_run_s))
        if "unavailable" in reply:
            raise Ended(Status.UNAVAILABLE, str(reply["unavailable"]))
        answer = self._typed(reply, Ran)
        self.exit_status = answer.code
        if answer.outcome == "trap":
            more = limits.of_trap(answer.message, self.protocol)
            raise Ended(Status.TRAP, f"{self.who}: {explained(answer.message, answer)}{more}")
        if answer.code != status:
            expected = f", expected {status} (proof.status)" if status else ""
            what = explained(f"the guest exited with {answer.code}{expected}", answer)
            ended = Ended(Status.INVALID, f"{self.who}: {what}")
            ended.exit_code = answer.code
            raise ended
        most = self.protocol.output_kib * 1024
        if answer.stdout_bytes > most:
            found = f"it printed {answer.stdout_bytes} bytes, expected at most {most}"
            raise Ended(Status.INVALID, f"{self.who}: {found}; {limits.remedy('output_kib')}")
        self.has_ended_well = True
        self.wall_seconds = self.timed_seconds = answer.wall_seconds
        if self.says_its_time:
            if answer.bench_seconds is None:
                reason = "it did not call bench.start and then bench.end, each once"
                raise Ended(Status.INVALID, f"{self.who}: {reason}")
            self.timed_seconds = answer.bench_seconds
        if self.first_run_seconds is None:
            self.first_run_seconds = answer.wall_seconds
            self.instantiate_seconds = answer.instantiate_seconds
        self.cpu_share, self.used = answer.cpu_share, answer.used
        self.page_faults, self.wasi_calls = answer.page_faults, answer.wasi_calls
        self.instructions = answer.instructions
        try:
            self.output = self.own.without(answer.stdout.encode("latin-1"))  # a character a byte
        except UnicodeEncodeError:
            raise Ended(Status.CRASH, f"{self.who}: the worker's answer has no bytes as output") from None
        if watch:
            own = self.forks or answer.peak_rss_bytes is not None
            self.peak_rss_bytes = answer.peak_rss_bytes if own else self.worker.peak_rss_bytes()
        return answer


def explained(what: str, answer: Ran) -> str:
    """What happened, the first lines of standard error, and the functions from the innermost outwards."""
    lines = _printed(answer.stderr)
    shown = " | ".join(line[:_LINE] for line in lines[:_LINES])
    if len(lines) > _LINES:
        shown += (
            f" | and {len(lines) - _LINES} lines more" if len(lines) > _LINES + 1 else " | and a line more"
        )
    parts = [what] if what else []
    if shown:
        parts.append(f"standard error: {shown}")
    if functions := _functions(answer.backtrace):
        parts.append(f"in {', called by '.join(functions)}")
    return "; ".join(parts)


def _printed(stderr: str) -> list[str]:
    # A character a byte; a worker that says anything else is read all the same.
    text = stderr.encode("latin-1", "replace").decode("utf-8", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _functions(backtrace: list[str]) -> list[str]:
    """The program's own functions of a backtrace; all of it where there are none."""
    own = [name for name in backtrace if name not in _LATE | _EARLY]
    return (own or backtrace)[:_FUNCTIONS]
