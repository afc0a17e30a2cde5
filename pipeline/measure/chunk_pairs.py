"""The chunk pairs of one round: chunks of the cell and of the reference in turn, on one processor."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from statistics import median_low

from pipeline.core.model import Protocol
from pipeline.measure.kernel_share import KernelShare
from pipeline.measure.sample import Chunks, Warmup
from pipeline.measure.session import LONGEST_CHUNK_S, Session
from pipeline.measure.settle import settle
from pipeline.measure.sizes import equal_sizes
from pipeline.measure.sizes.run_size import run_size
from pipeline.measure.sizes.run_size_record import RunSize
from pipeline.stats import undisturbed
from pipeline.stats.trend import LEAST, trend
from pipeline.stats.undisturbed import Series

#: How often a cell that still gets faster is warmed for a round's length more.
_MOST_WARMUPS = 4
#: A run that has to start a slow program gets chunks of more than this many times the protocol's length, and
#: for that fewer pairs: at most, and undisturbed ones after which its round is over.
_LONG_CHUNK = 5
_FEW_PAIRS = (12, 8)
#: Whole runs, which cannot be made shorter: as many as fit into this, s, and never fewer pairs than that.
_WHOLE_RUNS_S = 4.0
_FEWEST_PAIRS = 2
_RECENT_ROUNDS = 100

#: The cache of ``recent_chunks``.
_recent_chunks: dict[str, deque[list[float]]] = {}


def recent_chunks(key: str) -> deque[list[float]]:
    """The speeds of a reference's chunks in the last rounds of this process, iterations/s; append to it.

    ``key`` is a digest of the reference and of how it is run. A round that never saw the machine undisturbed
    learns here what it missed. It is kept within a process only, for some minutes: a laptop may cool or warm.
    """
    return _recent_chunks.setdefault(key, deque(maxlen=_RECENT_ROUNDS))


class ChunkPairs:
    """The chunk pairs of one round."""

    def __init__(self, subject: Session, other: Session, protocol: Protocol, key: str, turn: int) -> None:
        """``key`` is a digest of the reference and of how it is run."""
        self.subject, self.other, self.protocol = subject, other, protocol
        self.recent, self._key = recent_chunks(key), key
        self._speed = 0.0  # the reference's undisturbed speed, as far as it is known
        self.size: RunSize | None = None
        self.warmup: Warmup | None = None
        self.series = Series()
        self.kernel = {id(session): KernelShare() for session in (subject, other)}
        self.processors: list[int] = []
        self._faults: tuple[list[int | None], list[int | None]] = [], []
        self.pairs, self.wanted = protocol.pairs, protocol.undisturbed
        self._usable = sorted(os.sched_getaffinity(0))
        self._turn = turn

    def measure(self) -> Chunks:
        """Calibrate both, then run pairs until enough were undisturbed and the cell is warm."""
        self.prepare()
        self._limit_pairs()
        warmed: list[float] = []
        if not self.recent:
            self._scout()
        self._pin()
        self._learn()
        for attempt in range(1 + _MOST_WARMUPS):
            self._series()
            change = trend(self._ratios())
            if change is None or not change.rising or attempt == _MOST_WARMUPS:
                break
            # It was still being compiled better: what was measured was its warm-up.
            warmed += self.series.scores
        self.recent.append(undisturbed.reference_chunks(self.series))
        self._learn()
        return Chunks(
            iterations=self.subject.iterations,
            reference_iterations=self.other.iterations,
            scores=self.series.scores,
            reference_scores=self.series.references,
            cpu_shares=self.series.shares,
            reference_cpu_shares=self.series.reference_shares,
            page_faults=_median(self._faults[0]),
            reference_page_faults=_median(self._faults[1]),
            processors=self.processors,
            machine_speed=self._speed,
            warmup_scores=warmed,
            warmup=self.warmup,
            trend=None if change is None else (change.change, change.p),
            clock_agreement=self.subject.clock_agreement,
            size=self.size,
            system_share=self.kernel[id(self.subject)].share,
            reference_system_share=self.kernel[id(self.other)].share,
            wasi_calls=self.subject.wasi_calls,
        )

    def prepare(self) -> None:
        """Find the iterations of both chunks, and warm up; raises Ended."""
        sized = not self.subject.whole and not self.subject.validator.proportional
        if sized and self.subject.native:
            self.size = run_size(self.other, self._key)
            self.warmup = settle(self.subject, self.size)
            equal_sizes.prepare(self.subject, self.other, self.size)
            return
        if sized:
            self.size = run_size(self.subject, self._key)
        self.warmup = settle(self.subject, self.size)
        if self.size is not None:
            equal_sizes.prepare_alone(self.subject, self.other, self.size)
        else:
            self.subject.prepare(self.other)
        # A module that runs as long as it likes is no reason to let the reference run as long.
        self.other.prepare(self.other, min(self.subject.chunk_s, LONGEST_CHUNK_S))

    def _limit_pairs(self) -> None:
        """Want fewer pairs where chunks are long."""
        longest = self.subject.chunk_s + self.subject.setup_s
        if longest <= _LONG_CHUNK * self.protocol.chunk_ms / 1000:
            return
        few = _FEW_PAIRS
        if longest > LONGEST_CHUNK_S or self.subject.whole:
            fitting = int(_WHOLE_RUNS_S / (longest + self.other.chunk_s + self.other.setup_s))
            few = (max(_FEWEST_PAIRS, fitting), max(_FEWEST_PAIRS, 2 * fitting // 3))
        self.pairs, self.wanted = min(self.pairs, few[0]), min(self.wanted, few[1])

    def _scout(self) -> None:
        """Before the first round of a process: find out on every processor how fast the machine can be."""
        seen = Series()
        for _ in range(2 * self.pairs):
            self._turn += 1
            self._pin()
            seen.references.append(self.other.chunk().score)
            seen.reference_shares.append(self.other.cpu_share)
        self.recent.append(undisturbed.reference_chunks(seen))

    def _learn(self) -> None:
        """Note the speed that the machine has undisturbed, by all chunks of recent rounds together."""
        self._speed = undisturbed.upper_cluster_speed([x for chunks in self.recent for x in chunks])

    def _series(self) -> None:
        """Pairs in alternating order; a disturbed pair moves both to the next processor."""
        self.series, self.processors = Series(), []
        self._faults = [], []
        series = self.series
        turns = [
            (self.subject, series.scores, series.shares, self._faults[0]),
            (self.other, series.references, series.reference_shares, self._faults[1]),
        ]
        for pair in range(self.pairs):
            self.processors.append(self._usable[self._turn % len(self._usable)])
            for session, scores, shares, faults in turns if pair % 2 == 0 else reversed(turns):
                run = session.chunk()
                self.kernel[id(session)].add(session, run.clock_s or session.wall_seconds)
                scores.append(run.score)
                shares.append(round(session.cpu_share, 3))
                faults.append(session.page_faults)
            if undisturbed.count(series, self._speed) >= self.wanted:
                break
            if not series.calm(pair, self._speed):
                self._turn += 1
                self._pin()

    def _ratios(self) -> list[float]:
        """Of the undisturbed pairs in the order of time; of all where these are too few to show a trend."""
        steady = self.series.steady(self._speed)
        chosen = steady if len(steady) >= LEAST else range(len(self.series.scores))
        return [self.series.scores[i] / self.series.references[i] for i in chosen]

    def _pin(self) -> None:
        """Both on one processor: each processor has its own state, which then affects both equally."""
        processor = self._usable[self._turn % len(self._usable)]
        for session in (self.subject, self.other):
            session.worker.pin(processor)


def _median(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return median_low(known) if known else None
