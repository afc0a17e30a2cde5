#!/usr/bin/env python3
"""Which length of chunks gives answers to one question that differ least, in the same time?

    .venv/bin/python benchmarks/chunk_lengths.py [answers] [seconds] [ms/pairs/undisturbed ...]

Asks for the ratio of each of two optimising backends at -O3 again and again, each time for so many seconds,
with each length of chunks in turn, and prints how far the answers lie apart. Needs the artifacts and
runtimes: doit run build runtime.
"""

import statistics
import sys
import time
from dataclasses import replace

from pipeline.core.locks import machine_lock
from pipeline.core.model import Cell, Protocol, Status
from pipeline.experiment import matrix
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import take_sample
from pipeline.measure.ratio import estimate
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.stats.estimates import Estimate

BACKENDS = ("wasmtime.cranelift", "v8.turbofan")
LENGTHS = ("10/40/30", "5/80/60", "5/40/30", "3/130/100")


def with_length(protocol: Protocol, words: str) -> Protocol:
    length, pairs, undisturbed = words.split("/")
    return replace(protocol, chunk_ms=float(length), pairs=int(pairs), undisturbed=int(undisturbed))


def ask_for(plan: Plan, cell: Cell, protocol: Protocol, seconds: float) -> tuple[Estimate, list[Sample]]:
    """The ratio of a cell by as many rounds as fit into the time, two at least; exits if one fails."""
    started = time.monotonic()
    spec = MeasurementSpec(cell, protocol, plan.reference_name)
    inputs = spec.read_inputs()
    rounds: list[Sample] = []
    longest = 0.0  # rounds differ in length: the last one must end in time too
    while len(rounds) < 2 or time.monotonic() - started + 1.2 * longest <= seconds:
        rounds.append(take_sample(replace(spec, round=len(rounds) + 1), inputs))
        if rounds[-1].status is not Status.OK:
            sys.exit(f"{cell.name}: {rounds[-1].status.value}: {rounds[-1].reason}")
        longest = max(longest, rounds[-1].seconds or 0.0)
    return estimate(rounds), rounds


def main() -> None:
    words = sys.argv[1:]
    lengths = [w for w in words if "/" in w] or list(LENGTHS)
    numbers = [float(w) for w in words if "/" not in w]
    answers, seconds = int(numbers[0]) if numbers else 8, numbers[1] if len(numbers) > 1 else 8.0
    plan = matrix.load({"variants": "O3", "backends": ",".join(BACKENDS)})
    found: dict[tuple[str, str], list[tuple[Estimate, list[Sample]]]] = {}
    with machine_lock(exclusive=True):
        for number in range(answers):
            for cell in plan.cells():
                for length in lengths:
                    answer = ask_for(plan, cell, with_length(plan.protocol, length), seconds)
                    found.setdefault((cell.backend.name, length), []).append(answer)
                    print(
                        f"  {number + 1}/{answers} {cell.backend.name} {length}: {answer[0].value:.4f}",
                        flush=True,
                    )
    print(
        "\n| backend | chunks | answers, ? | range | sd | ± median | rounds, used | pairs used | s a round |"
    )
    print("|---|---|---:|---|---:|---:|---:|---:|---:|")
    for (backend, length), each in found.items():
        sure = [e for e, _ in each if not e.disturbed]
        values = [e.value for e in sure] or [0.0]
        rounds = f"{sum(len(samples) for _, samples in each)}, {sum(e.rounds for e in sure)}"
        pairs = sum(len(s.scores) for _, samples in each for s in samples)
        sd = statistics.stdev(values) / statistics.mean(values) if len(values) > 1 else 0.0
        width = statistics.median([e.half_width for e in sure]) if sure else 0.0
        cost = statistics.median([s.seconds or 0.0 for _, samples in each for s in samples])
        print(
            f"| {backend} | {length} | {len(each)}, {len(each) - len(sure)} "
            f"| {min(values):.4f} – {max(values):.4f} | {sd:.2%} | {width:.2%} | {rounds} "
            f"| {sum(e.pairs for e in sure) / pairs:.0%} | {cost:.2f} |"
        )


if __name__ == "__main__":
    main()
