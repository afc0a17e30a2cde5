#!/usr/bin/env python3
"""Disturb this machine on purpose: processes that burn CPU in random bursts, for a bounded time.

    .venv/bin/python benchmarks/noise.py --seconds 60 --workers 2 --busy 0.3 --idle 0.6

``--idle 0`` burns without a pause.
"""

import argparse
import contextlib
import multiprocessing
import random
import time
from collections.abc import Iterator

BUSY_S, IDLE_S = 0.3, 0.6


def burn(seconds: float, busy: float, idle: float, seed: int) -> None:
    """Burn and pause for exponentially distributed times of these means, in seconds."""
    times = random.Random(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        until = min(end, time.monotonic() + times.expovariate(1 / busy))
        while time.monotonic() < until:
            pass
        if idle:
            time.sleep(times.expovariate(1 / idle))


@contextlib.contextmanager
def burners(
    workers: int, busy: float = BUSY_S, idle: float = IDLE_S, seconds: float = 86400
) -> Iterator[list[multiprocessing.Process]]:
    """Burners that end with the block, or after ``seconds``."""
    started = [
        multiprocessing.Process(target=burn, args=(seconds, busy, idle, seed), daemon=True)
        for seed in range(workers)
    ]
    for process in started:
        process.start()
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
            process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description="Disturb this machine on purpose, for a bounded time.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--busy", type=float, default=BUSY_S, help="mean length of a burst, s")
    parser.add_argument("--idle", type=float, default=IDLE_S, help="mean length of a pause, s")
    chosen = parser.parse_args()
    with burners(chosen.workers, chosen.busy, chosen.idle, chosen.seconds) as processes:
        for process in processes:
            process.join()


if __name__ == "__main__":
    main()
