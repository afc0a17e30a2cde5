"""Prepare a cell and its reference for chunks that do the same work.

A ratio is one of equal work if both run the same number of iterations. A slow cell may run fewer: only if the
reference's time is proportional to the number, and the cell's own is too, as far down as that.
"""

from __future__ import annotations

import math

from pipeline.measure.session import CLOCK_RUN_S, LONGEST_CHUNK_S, MOST_ITERATIONS, Session
from pipeline.measure.sizes.run_size_record import RunSize

#: A cell whose chunk takes more than this many times the protocol's tries fewer iterations.
_SLOW = 3
#: The time of an iteration with fewer iterations, relative to that with more, differs by this at most.
_SAME_SPEED = 0.03
_TRIES = 3
#: A run that is tried has this many times as many iterations as the one before it.
_RISE = 4


def prepare(subject: Session, reference: Session, size: RunSize) -> None:
    """Warm up both and find the iterations of their chunks; raises Ended."""
    own = _own_iterations(subject, size) if size.proportional else size.iterations
    _prepare(subject, reference, own, size)
    _prepare(reference, reference, max(own, size.iterations), size)


def prepare_alone(subject: Session, reference: Session, size: RunSize) -> None:
    """Warm up a cell whose reference is a different program; raises Ended.

    The size may be that of a run under a slow backend; a fast one runs more if its time is proportional.
    """
    own = size.iterations
    if size.proportional:
        own = _own_iterations(subject, size)
        seconds = min(subject.size_run(own).seconds for _ in range(_TRIES))
        factor = int(subject.protocol.chunk_ms / 1000 / seconds)
        if factor > 1 and own * factor <= MOST_ITERATIONS and _same_speed(subject, own, own * factor):
            own *= factor
    _prepare(subject, reference, own, size)


def _prepare(session: Session, reference: Session, iterations: int, size: RunSize) -> None:
    longer = _longer(session, iterations) if size.known_line else 0
    if longer:
        session.check_clock(iterations, longer)
        session.setup_s = float("inf")
        for _ in range(session.protocol.warmup_chunks):
            session.chunk_s = session.warm_up(iterations).seconds
        session.iterations = iterations
    else:
        session.repeat(iterations)
    session.expect(reference)


def _longer(session: Session, iterations: int) -> int:
    """A number of iterations whose run is long enough to check the clock; 0 where more take no longer."""
    seconds = session.size_run(iterations).seconds
    factor = max(2, math.ceil(CLOCK_RUN_S * len(session.validator.timed) / seconds))
    if iterations * factor > MOST_ITERATIONS or seconds * factor > session.protocol.run_timeout_s / 2:
        return 0
    return iterations * factor if session.size_run(iterations * factor).seconds > factor / 2 * seconds else 0


def _own_iterations(subject: Session, size: RunSize) -> int:
    """The iterations of a cell's chunk: those of the size, unless the cell is slow or starts slowly."""
    aim_s = subject.least_chunk_s(size.step)
    iterations = size.step
    while True:
        seconds = min(subject.size_run(iterations).seconds for _ in range(2))
        if iterations == size.iterations or seconds > _SLOW * aim_s:
            break
        iterations = min(_RISE * iterations, size.iterations)
    if seconds > _SLOW * aim_s:
        fewer = max(size.step, round(iterations * aim_s / seconds / size.step) * size.step)
        return fewer if _same_speed(subject, fewer, iterations) else size.iterations
    if subject.validator.host_timed:
        return iterations * max(1, math.ceil(aim_s / seconds))
    if subject.forks:
        start_s = min(subject.wall_seconds - seconds, LONGEST_CHUNK_S)
        return iterations * max(1, math.ceil(start_s / max(seconds, aim_s)))
    return iterations


def _same_speed(subject: Session, fewer: int, more: int) -> bool:
    """Whether an iteration takes as long in a short run as in a longer one."""
    times = [[subject.size_run(number).seconds / number for number in (fewer, more)] for _ in range(_TRIES)]
    one, other = (min(each) for each in zip(*times, strict=True))
    return abs(math.log(one / other)) <= _SAME_SPEED
