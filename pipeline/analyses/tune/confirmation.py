"""The winner of a search, measured again beside what it is to beat, in rounds that chose nothing.

Of many candidates the best looking one is lucky too; what it was chosen by says too much of it.
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


def name(tuning: Tuning, variant: Variant, search: str) -> Variant:
    """The matrix's own variant of these flags if there is one, else one with a name that is free."""
    # Without a flag clang does what -O0 says.
    variant = variant if variant.flags else replace(variant, flags=("-O0",))
    taken = {v.name: v for v in (*tuning.start, *tuning.baselines)}
    for known in taken.values():
        if digest(replace(known, needs=variant.needs)) == digest(variant):
            return known
    base = "tuned-" + re.sub(r"[^A-Za-z0-9]+", "-", search).strip("-")
    names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
    return replace(variant, name=next(each for each in names if each not in taken))


def finalists(tuning: Tuning, winner: Variant) -> dict[str, Variant]:
    """{name: variant}: the winner, unless it is one of them, and what it is measured beside."""
    own = [] if winner.name in {v.name for v in tuning.baselines} else [winner]
    return {v.name: v for v in (*own, *tuning.baselines)}


def retest(
    plan: Plan, variants: dict[str, Variant], folder: str, rounds: int, after_round: Callable[[], None]
) -> dict[str, dict[str, list[Sample]]]:
    """{variant: {backend: samples}} of fresh rounds, all variants and backends shuffled in each.

    The samples lie in a folder of their own: those that an interrupted run left there count, no others.
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
            found = sample.read_current(path, inputs[cell.name].key(round_))
            if found is None:
                found = take(replace(specs[cell.name], round=round_), inputs[cell.name])
                sample.write(path, found)
            samples[cell.name].append(found)
        after_round()
    made: dict[str, dict[str, list[Sample]]] = {each: {} for each in variants}
    for cell in cells:
        made[cell.variant.name][cell.backend.name] = samples[cell.name]
    return made
