"""The winner of a search, measured again together with the baselines, in rounds that chose nothing.

The candidate that looks best of many was lucky too: the rounds that chose it overstate its speed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from pipeline.analyses.tune.measure_candidate import cell_label, search_cells
from pipeline.analyses.tune.trial_log import Words
from pipeline.experiment.plan import Plan
from pipeline.experiment.search_space import Tuning
from pipeline.experiment.variants_table import digest
from pipeline.measure import sample
from pipeline.measure.measure_round import take_sample
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from toolchain.model import Variant

#: The name of the fastest candidate next to a smaller one.
FASTEST = "tuned-fastest"


def named(tuning: Tuning, variant: Variant, search: str) -> Variant:
    """The variant of matrix.toml with these flags if there is one, else this one with a name that is free."""
    # Without a flag clang does what -O0 says.
    variant = variant if variant.flags else replace(variant, flags=("-O0",))
    taken = {**tuning.taken, **{v.name: v for v in tuning.baselines}}
    for own in taken.values():
        if digest(replace(own, needs=variant.needs)) == digest(variant):
            return own
    base = "tuned-" + re.sub(r"[^A-Za-z0-9]+", "-", search).strip("-")
    names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
    return replace(variant, name=next(each for each in names if each not in taken))


def finalists(tuning: Tuning, winner: Variant, fastest: Words | None = None) -> dict[str, Variant]:
    """{name: variant}: the winner, unless it is a baseline, the fastest if it matters, and the baselines."""
    first = [] if winner.name in {v.name for v in tuning.baselines} else [winner]
    if fastest is not None:
        first.append(fastest.named(FASTEST))
    return {v.name: v for v in (*first, *tuning.baselines)}


def confirm(
    plan: Plan, variants: dict[str, Variant], folder: str, rounds: int, after_round: Callable[[], None]
) -> dict[str, dict[str, list[Sample]]]:
    """{variant: {"workload/backend": samples}} of fresh rounds, all cells of all variants shuffled in each.

    The samples are in a folder of their own: those that an interrupted run left there count, no others.
    """
    protocol, reference = plan.protocol, plan.reference_name
    cells = [cell for variant in variants.values() for cell in search_cells(plan, variant)]
    specs = {cell.name: MeasurementSpec(cell, protocol, reference) for cell in cells}
    inputs = {name: spec.read_inputs() for name, spec in specs.items()}
    samples: dict[str, dict[str, list[Sample]]] = {name: {} for name in variants}
    for round_ in range(1, rounds + 1):
        print(f"re-measuring {', '.join(variants)}: round {round_} of {rounds}", flush=True)
        order = list(cells)
        random.Random(f"{protocol.seed}/{folder}/{round_}").shuffle(order)
        for cell in order:
            place = f"{cell.variant.name}/{cell.workload.name}/{cell.backend.name}"
            path = f"{folder}/{place}/round-{round_:02d}.json"
            taken = sample.read_current(path, inputs[cell.name].key(round_))
            if taken is None:
                taken = take_sample(replace(specs[cell.name], round=round_), inputs[cell.name])
                sample.write(path, taken)
            samples[cell.variant.name].setdefault(cell_label(cell), []).append(taken)
        after_round()
    in_order = [cell_label(cell) for cell in search_cells(plan, next(iter(variants.values())))]
    return {name: {label: own[label] for label in in_order} for name, own in samples.items()}
