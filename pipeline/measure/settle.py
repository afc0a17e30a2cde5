"""The warm-up of a cell whose runtime compiles while it runs: as long as its runs show a change."""

from __future__ import annotations

import time

from pipeline.measure.sample import Warmup
from pipeline.measure.session import MOST_ITERATIONS, Session
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.stats.steady import steady

#: Seconds after which a cell that is not steady is measured all the same.
MOST_S = 90.0
#: Of the processor, that a run had: with less the kernel's account of it is too rough to divide by.
_LEAST_SHARE = 0.05
#: Seconds after which it is asked again whether they are steady.
_ASK_S = 0.1


def settle(session: Session, size: RunSize | None) -> Warmup | None:
    """Run a guest until its speed is steady, or for MOST_S; None for a runtime that compiles before it runs.

    ``size`` is that of its chunks, where their work may not be proportional to it. Time and speed are by the
    processor's time, as far as a run was preempted: a busy machine is no slow compiler. What it takes to ask
    for a run counts as its time: it is nearly all where a run takes microseconds, and the runtime may
    compile meanwhile. Raises Ended.
    """
    if not session.steady_s:
        return None
    aim_s = session.protocol.chunk_ms / 1000
    step, most = (1, MOST_ITERATIONS) if size is None else (size.step, size.iterations)
    iterations = step if size is None or size.proportional else most
    seconds: list[float] = []
    speeds: list[float] = []
    settled, spent, asked = False, 0.0, 0.0
    begun = time.monotonic()
    while not settled and spent < MOST_S:
        run = session.settling_run(iterations)
        share = min(1.0, max(session.cpu_share, _LEAST_SHARE))
        before, spent = spent, time.monotonic() - begun
        seconds.append((spent - before) * share)
        speeds.append(run.score / share)
        if iterations != most:  # its speed is known better with each run
            iterations = min(most, max(step, round(run.score * aim_s / step) * step))
        if spent - asked >= _ASK_S:
            asked, settled = spent, steady(seconds, speeds, session.steady_s)
    return Warmup(seconds=round(spent, 3), runs=len(seconds), settled=settled)
