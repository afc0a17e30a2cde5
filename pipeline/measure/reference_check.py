"""The native build alone, before any backend is compared with it: it ends well and prints the same each time.

A program that prints times, addresses or random numbers contradicts its own native build. Then no output of a
backend is right or wrong, and cells whose output was equal by chance must not count either.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from pipeline.core import own_code, paths
from pipeline.core.files import digest_of, read_record, write_record
from pipeline.core.host import fingerprint
from pipeline.core.model import Protocol, Status
from pipeline.core.processes import children_of
from pipeline.measure.guest import Ended, NotTheRuntime
from pipeline.measure.open_session import open_session
from pipeline.measure.sample_key import Inputs, MeasurementSpec, guest_files, run_settings
from pipeline.measure.session import Session
from pipeline.runtimes.backends import discover
from pipeline.runtimes.launch import start
from pipeline.workloads import validators
from pipeline.workloads.validators.model import Run

_WHO = "the program itself fails, natively as well"
#: How long a run is stopped, s: more than the unit of any printed time.
_PAUSE_S = 1.05
#: After which part of a run, in turn, until one is still running then.
_PAUSED_AFTER = (0.5, 0.25, 0.125)
_POLL_S = 0.001
#: A number of iterations that takes at least this is tried as well, s: times of few digits differ then.
_LONG_S = 0.05
_MOST_ITERATIONS = 2**29
#: A program that runs longer is run twice only, s.
_SHORT_S = 2.0


class _Checked(msgspec.Struct, frozen=True):
    """The file that says which reference was right."""

    key: str


#: {key: what is wrong with a reference}, in this process. Not kept as a file: a later run looks again.
_faults: dict[str, NotTheRuntime] = {}


def check_reference(spec: MeasurementSpec, inputs: Inputs, protocol: Protocol) -> None:
    """Run the reference of a workload until its output is known to be steady; raises NotTheRuntime.

    Once for each reference: what was right is kept in a file.
    """
    workload = spec.cell.workload
    if not workload.native or not validators.validator_of(workload).needs_reference_check:
        return
    key = _key(spec, inputs)
    if key in _faults:
        raise _faults[key]
    path = paths.checked_reference(workload.name)
    with contextlib.suppress(OSError, ValueError):
        if read_record(path, _Checked).key == key:
            return
    try:
        _check(spec, protocol)
    except NotTheRuntime as fault:
        note_fault(spec, inputs, fault)
        raise
    write_record(path, _Checked(key))


def note_fault(spec: MeasurementSpec, inputs: Inputs, fault: NotTheRuntime) -> None:
    """What is wrong with the reference, as a round found: it holds for all later cells of the workload."""
    _faults[_key(spec, inputs)] = fault


def clear_faults() -> None:
    """Forget what was wrong, as a new process would."""
    _faults.clear()


def _key(spec: MeasurementSpec, inputs: Inputs) -> str:
    workload = spec.cell.workload
    files = [
        spec.reference_artifact.path,
        *guest_files(workload),
        *own_code.worker_files("native_worker.py"),
        *own_code.files_of(__name__, "pipeline.runtimes.backends.native", *validators.modules(workload)),
    ]
    found = {path: inputs.files[path] for path in files}
    return digest_of({"files": found, "workload": run_settings(workload), "host": fingerprint()})


def _check(spec: MeasurementSpec, protocol: Protocol) -> None:
    for tries_left in (1, 0):
        try:
            with _loaded(spec, protocol) as session:
                _check_twice(session, protocol)
            return
        except NotTheRuntime:
            raise
        except Ended as error:
            # A second time: a busy machine may have been at fault.
            if tries_left == 0 and error.status in (Status.INVALID, Status.TRAP, Status.TIMEOUT):
                raise NotTheRuntime(error.status, error.reason) from None
            if tries_left == 0:
                raise


def _check_twice(session: Session, protocol: Protocol) -> None:
    """Raises NotTheRuntime where a later run prints something else, and Ended where one goes wrong."""
    session.is_reference = True
    validator = session.validator
    case = validator.timed[0]
    cases = sorted(validator.cases, key=lambda each: each == case)  # that one last
    found = [session.run(case, validator.validation_iterations, watch=True) for case in cases]
    if all(map(validator.knows_result, cases)):
        return
    longest = _longest(session, case, found[-1])
    if longest is None:
        return  # it fails at a size that calibration may need or not: then the round says so
    session.require_same(longest, _paused(session, case, longest.iterations, protocol), case)
    if session.wall_seconds > _SHORT_S:
        return
    # These begin in a different second, which programs take as the seed of random numbers.
    session.require_same(longest, session.run(case, longest.iterations), case)
    for each, run in zip(cases, found, strict=True):
        session.require_same(run, session.run(each, run.iterations), each)


def _longest(session: Session, case: Any, run: Run) -> Run | None:
    """A run that takes some time, as far as the case has a size; None where a larger one fails."""
    while session.validator.iterates and session.wall_seconds * session.cpu_share < _LONG_S:
        if run.iterations > _MOST_ITERATIONS:
            break
        try:
            run = session.run(case, 4 * run.iterations)
        except Ended:
            return None
    return run


def _paused(session: Session, case: Any, iterations: int, protocol: Protocol) -> Run:
    """A run that stands still for a second in its middle: a time that it prints differs then.

    One that is too short or too long for that ends a second before this returns.
    """
    wall_s, cpu_s = session.wall_seconds, session.wall_seconds * session.cpu_share
    parts = _PAUSED_AFTER if 2 * wall_s + _PAUSE_S < protocol.run_timeout_s else ()
    for part in parts:
        run = _stopped(session, case, iterations, part * wall_s, part * cpu_s)
        if session.wall_seconds >= _PAUSE_S:
            return run  # else it had ended before: the run that was timed was slower
    run = session.run(case, iterations)
    time.sleep(_PAUSE_S)
    return run


def _stopped(session: Session, case: Any, iterations: int, wall_s: float, cpu_s: float) -> Run:
    """A run that is stopped for a while, after so much time of the clock and of its processor."""
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        running = pool.submit(session.run, case, iterations)
        pids: list[int] = []
        while not running.done() and (time.monotonic() - began < wall_s or _cpu_s(pids) < cpu_s):
            time.sleep(_POLL_S)
            pids = children_of(session.worker.process.pid)
        if running.done():
            return running.result()
        try:
            _signal(pids, signal.SIGSTOP)
            time.sleep(_PAUSE_S)
        finally:
            _signal(pids, signal.SIGCONT)
        return running.result()


def _cpu_s(pids: list[int]) -> float:
    """The processor time of these processes' first threads; 0 of those that have ended."""
    found = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/schedstat") as stream:
            found += int(stream.read().split()[0]) / 1e9
    return found


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def _loaded(spec: MeasurementSpec, protocol: Protocol) -> Iterator[Session]:
    native = discover()["native"]
    with start(native, protocol) as worker:
        session = open_session(worker, _WHO, protocol, native, spec.cell.workload)
        session.load(spec.reference_artifact.path, native.options)
        yield session
