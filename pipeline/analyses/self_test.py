"""The A/A test: every backend is measured against itself under two labels, so any difference is noise."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from pipeline.analyses.self_test_summary import Comparison, Summary, render, sentence, summarise
from pipeline.core import hints, host, paths
from pipeline.core.errors import BadInput, ProjectError
from pipeline.core.files import write_atomic, write_json
from pipeline.core.model import Backend, Cell, Status
from pipeline.experiment.plan import Plan
from pipeline.measure.measure_round import take_sample
from pipeline.measure.sample import Sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.measure.stopping_rule import careful_estimate, reason_to_stop
from pipeline.results.model_cell import ONE_ROUND
from pipeline.stats import estimates

SCHEMA = 2
_LABELS = ("A", "B")


def refuse(plan: Plan) -> None:
    """Raise BadInput where no comparison would have an interval."""
    if plan.protocol.usual_rounds < 2:
        again = hints.command("selftest", given=plan.given, rounds="3")
        raise BadInput(f"a self-test compares intervals, and {ONE_ROUND}; run: {again}")


def selftest(plan: Plan) -> None:
    """Measure, print and write selftest.json; raises ProjectError if the machine is too disturbed.

    Every repeat is measured again, because the question is what the machine is like now.
    """
    comparisons: list[Comparison] = []
    samples: list[Sample] = []
    unavailable: dict[str, str] = {}
    for repeat in range(1, plan.repeats + 1):
        taken = _measure(plan, repeat, unavailable)
        samples += [s for rounds in taken.values() for s in rounds]
        comparisons += _compare(plan, repeat, taken)
        # After each repeat, so that an interrupt loses no finished repeat.
        summary = summarise(comparisons, samples, unavailable)
        _write(plan, repeat, summary)
        print(f"repeat {repeat} of {plan.repeats}: {sentence(summary)}", flush=True)
    if not comparisons:
        raise ProjectError(f"no backend could be measured: {next(iter(unavailable.values()), 'none chosen')}")
    text = render(summary)
    write_atomic(paths.SELFTEST_TXT, text)
    print(text, end="")
    if summary.refused is not None:
        raise ProjectError(f"this machine cannot be measured on: {summary.refused}")


def _write(plan: Plan, repeats: int, summary: Summary) -> None:
    head = {
        "schema": SCHEMA,
        "host": msgspec.to_builtins(host.describe()),
        "protocol": {"rounds": plan.protocol.usual_rounds, **plan.protocol.settings()},
        "repeats": repeats,
    }
    write_json(paths.SELFTEST_JSON, {**head, **msgspec.to_builtins(summary)})


def _cell(plan: Plan, backend: Backend) -> Cell:
    """The reference's variant where it is in the plan, under a backend."""
    chosen = plan.reference[1] if plan.reference[1] in plan.variants else plan.variants[0]
    return Cell(plan.workloads[0], plan.toolchains[0].name, chosen, backend)


def _measure(plan: Plan, repeat: int, unavailable: dict[str, str]) -> dict[tuple[str, str], list[Sample]]:
    """One repeat: every backend under both labels until each has enough, rounds outermost, shuffled."""
    specs = {
        b.name: MeasurementSpec(_cell(plan, b), plan.protocol, plan.reference_name) for b in plan.backends
    }
    inputs = {name: spec.read_inputs() for name, spec in specs.items()}
    taken: dict[tuple[str, str], list[Sample]] = {
        (name, x): [] for name in specs if name not in unavailable for x in _LABELS
    }
    open_ = list(taken)
    round_ = 0
    while open_:
        round_ += 1
        random.Random(f"{plan.protocol.seed}/{repeat}/{round_}").shuffle(open_)
        for name, label in open_:
            if name not in unavailable:
                sample = take_sample(replace(specs[name], round=round_), inputs[name])
                taken[name, label].append(sample)
                if sample.status is not Status.OK:
                    unavailable[name] = f"{sample.status.value}: {sample.reason}"
        open_ = [
            (n, x)
            for n, x in open_
            if n not in unavailable and not reason_to_stop(plan.protocol, taken[n, x])
        ]
    return {key: samples for key, samples in taken.items() if key[0] not in unavailable}


def _compare(plan: Plan, repeat: int, taken: Mapping[tuple[str, str], list[Sample]]) -> list[Comparison]:
    comparisons = []
    for backend in (b for b in plan.backends if (b.name, _LABELS[0]) in taken):
        one, other = (careful_estimate(plan.protocol, taken[backend.name, label]) for label in _LABELS)
        usable = not (one.disturbed or other.disturbed)
        difference = estimates.compare(one, other)
        comparisons.append(Comparison(backend.name, backend.kind, repeat, difference, usable))
    return comparisons
