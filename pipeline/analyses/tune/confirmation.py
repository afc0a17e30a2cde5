"""The winner of a search, measured again together with the baselines, in rounds that chose nothing.

The candidate that looks best of many was lucky too: the rounds that chose it overstate its speed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from pipeline.core.model import Cell
from pipeline.experiment.plan import Plan
from pipeline.experiment.search_space import Tuning
from pipeline.experiment.variants import digest
from pipeline.measure import sample
from pipeline.measure.measure_round import take
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from toolchain.model import Variant


def named(tuning: Tuning, variant: Variant, search: str) -> Variant:
    """The variant of matrix.toml with these flags if there is one, else this one with a name that is free."""
    # Without a flag clang does what -O0 says.
    variant = variant if variant.flags else replace(variant, flags=("-O0",))
    taken = {v.name: v for v in (*tuning.start, *tuning.baselines)}
    for own in taken.values():
        if digest(replace(own, needs=variant.needs)) == digest(variant):
            return own
    base = "tuned-" + re.sub(r"[^A-Za-z0-9]+", "-", search).strip("-")
    names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
    return replace(variant, name=next(each for each in names if each not in taken))


def finalists(tuning: Tuning, winner: Variant) -> dict[str, Variant]:
    """{name: variant}: the winner, unless it is a baseline, and the baselines."""
    first = [] if winner.name in {v.name for v in tuning.baselines} else [winner]
    return {v.name: v for v in (*first, *tuning.baselines)}


def confirm(
    plan: Plan, variants: dict[str, Variant], folder: str, rounds: int, after_round: Callable[[], None]
) -> dict[str, dict[str, list[Sample]]]:
    """{variant: {backend: samples}} of fresh rounds, all variants and backends shuffled in each.

    The samples are in a folder of their own: those that an interrupted run left there count, no others.
    """
    protocol, reference = plan.protocol, plan.reference_name
    workload, toolchain = plan.workloads[0], plan.toolchains[0].name
    cells = [Cell(workload, toolchain, v, b) for v in variants.values() for b in plan.backends]
    specs = {cell.name: MeasurementSpec(cell, protocol, reference) for cell in cells}
    inputs = {name: spec.read_inputs() for name, spec in specs.items()}
    samples: dict[str, list[Sample]] = {cell.name: [] for cell in cells}
    for round_ in range(1, rounds + 1):
        print(f"re-measuring {', '.join(variants)}: round {round_} of {rounds}", flush=True)
        order = list(cells)
        random.Random(f"{protocol.seed}/{folder}/{round_}").shuffle(order)
        for cell in order:
            path = f"{folder}/{cell.variant.name}/{cell.backend.name}/round-{round_:02d}.json"
            taken = sample.read_current(path, inputs[cell.name].key(round_))
            if taken is None:
                taken = take(replace(specs[cell.name], round=round_), inputs[cell.name])
                sample.write(path, taken)
            samples[cell.name].append(taken)
        after_round()
    by_variant: dict[str, dict[str, list[Sample]]] = {each: {} for each in variants}
    for cell in cells:
        by_variant[cell.variant.name][cell.backend.name] = samples[cell.name]
    return by_variant
