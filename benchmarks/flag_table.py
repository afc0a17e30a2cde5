#!/usr/bin/env python3
"""Measure random points of the space of flags once, for benchmarks/samplers.py to replay searches on.

    .venv/bin/doit run build runtime workloads='coremark,interpreter,json'
    .venv/bin/python benchmarks/flag_table.py [minutes] > benchmarks/flag_table.jsonl

The first line of the table has the lines of the space; each other one is a point: its workload, its lines
that -O3 has not, the log of its ratio to native under each backend by one short round, its bytes, and how
many instructions of wasm it executes for an iteration.
"""

import itertools
import json
import math
import random
import sys
import time
from dataclasses import replace
from statistics import fmean

from pipeline.analyses.tune.candidate_builder import CandidateBuilder
from pipeline.analyses.tune.lines import lines_of
from pipeline.core.artifact import Artifact
from pipeline.core.locks import machine_lock
from pipeline.core.model import Cell, Status
from pipeline.experiment import matrix
from pipeline.experiment.plan import Plan
from pipeline.experiment.search_space import Space
from pipeline.measure.measure_round import take_sample
from pipeline.measure.probes.code_probe import CodeProbe
from pipeline.measure.ratio import machine_speeds
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.stats.undisturbed import undisturbed_ratios
from toolchain.model import WASM, Variant

WORKLOADS = ("coremark", "interpreter", "json")
BACKENDS = ("wasmtime.cranelift", "v8.turbofan")
#: The chance that a dimension is not as -O3 has it: half of the points are near to it.
NEAR, FAR = 0.12, 0.4


class Table:
    """The points of one workload."""

    def __init__(self, workload: str) -> None:
        self.plan: Plan = matrix.load({"backend": ",".join(BACKENDS), "workload": workload})
        self.builder = CandidateBuilder(self.plan.workloads, self.plan.toolchains[0], [WASM])
        assert self.plan.tune is not None
        self.space: Space = self.builder.without_refused(self.plan.tune.space)[0]
        self.origin = self.space.find(Variant("", ("-O3",))) or self.space.first()
        self.lines = lines_of(self.space)
        counter = self.plan.known["wasmtime.cranelift"]
        self.probe = CodeProbe(counter, self.plan.workloads[0], self.plan.protocol)

    def point(self, number: int) -> dict[str, object]:
        """Draw a point, build it, and measure it under each backend."""
        dice = random.Random(number)
        point = self.origin
        chance = (NEAR, FAR)[number % 2]
        for name in self.space.dimensions if number else ():
            others = [x for x in self.lines if x.dimension == name and not x.holds(self.origin)]
            if others and dice.random() < chance:
                point = dice.choice(others).put(point, dice)
        own = [i for i, x in enumerate(self.lines) if x.holds(point) and not x.holds(self.origin)]
        built = self.builder.candidate(self.space.variant(point))
        artifact = Artifact(
            self.plan.workloads[0].name, self.plan.toolchains[0].name, built.variant.name, WASM
        )
        executed = self.probe.instructions(artifact) if built.module else None
        values = [self.measure(built.variant, b.name) if built.module else None for b in self.plan.backends]
        return {
            "workload": self.plan.workloads[0].name,
            "lines": own,
            "values": dict(zip([b.name for b in self.plan.backends], values, strict=True)),
            "instructions": None if executed is None else round(executed),
            "bytes": next(iter(built.bytes.values()), None),
            "module": (built.module or "")[:8],
        }

    def measure(self, variant: Variant, backend: str) -> float | None:
        """Mean log ratio of one short round; None where it fails or is disturbed."""
        plan = self.plan
        chosen = next(each for each in plan.backends if each.name == backend)
        protocol = replace(plan.protocol, pairs=24, undisturbed=16)
        cell = Cell(plan.workloads[0], plan.toolchains[0].name, variant, chosen)
        spec = MeasurementSpec(cell, protocol, plan.reference_name)
        sample = take_sample(spec, spec.read_inputs())
        if sample.status is not Status.OK:
            print(f"{cell.name}: {sample.reason}", file=sys.stderr)
            return None
        (ratios,) = undisturbed_ratios([sample.series()], machine_speeds([sample]))
        return round(fmean(map(math.log, ratios)), 4) if ratios else None


def main() -> None:
    end = time.monotonic() + 60 * float(sys.argv[1] if len(sys.argv) > 1 else "30")
    tables = [Table(name) for name in WORKLOADS]
    lines = [[x.dimension, x.label, x.low, x.high] for x in tables[0].lines]
    print(json.dumps({"lines": lines, "backends": BACKENDS}), flush=True)
    with machine_lock(exclusive=True):
        for number in itertools.count():
            for table in tables:
                if time.monotonic() > end:
                    return
                print(json.dumps(table.point(number)), flush=True)


if __name__ == "__main__":
    main()
