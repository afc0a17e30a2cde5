"""From artifacts to samples: runtimes and their environments, rounds, refinement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from doit.tools import config_changed

from pipeline.core import own_code, paths
from pipeline.core.model import Runtime
from pipeline.experiment.plan import Plan
from pipeline.measure import sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes import environments, identity, packages
from pipeline.tasks.helpers import Task, act, clean, group, intact, later, meta, untouched


def runtimes_of(plan: Plan) -> list[Runtime]:
    """The runtimes of the plan's backends, each once."""
    named = {b.runtime.name: b.runtime for b in plan.backends}
    return list(named.values())


def provision_environments(plan: Plan) -> Iterator[Task]:
    """An isolated environment for each runtime that needs its own interpreter."""
    yield group("environment", "provide isolated environments, pinned by hashes")
    named = {r.environment: r for r in runtimes_of(plan)}  # a version of its own may be the usual one
    for name, runtime in named.items():
        if name is not None:
            record = paths.environment_record(name)
            shipped = paths.environment_lock(name)
            yield {
                "basename": "environment",
                "name": name,
                "actions": act(environments.provision, runtime, alone=True),
                "file_dep": [
                    *own_code.files_of("pipeline.runtimes.environments"),
                    *([shipped] if os.path.exists(shipped) else []),
                ],
                "targets": [record],
                # Tried again at every run until it is there: the user may have mended the cause.
                "uptodate": [
                    intact,
                    (environments.present, [runtime]),
                    untouched(identity.own_files, runtime, tell=True),
                    config_changed(
                        {
                            "packages": list(runtime.packages),
                            "version": runtime.version,
                            "pythons": list(runtime.pythons),
                            "links": dict(runtime.loader_links),
                        }
                    ),
                ],
                "clean": clean(record, paths.environment(name), paths.resolved_lock(name)),
                "meta": meta("provide environment (downloads some 40 MB)", 15),
            }


def identify_runtimes(plan: Plan) -> Iterator[Task]:
    """What exactly each runtime is."""
    yield group("runtime", "identify each runtime")
    for runtime in runtimes_of(plan):
        record = paths.runtime_identity(runtime.name)
        if runtime.environment is not None:
            files = [paths.environment_record(runtime.environment)]
        else:
            files = packages.records(runtime.packages)
        programs = identity.program_files(runtime)
        # A wrapper's own bytes do not change with what it starts: it is asked each time.
        wrapped = bool(runtime.programs) and not runtime.packages
        yield {
            "basename": "runtime",
            "name": runtime.name,
            "actions": act(identity.identify, runtime),
            "file_dep": [*files, *programs, *own_code.files_of("pipeline.runtimes.identity")],
            "targets": [record],
            "uptodate": [
                intact,
                config_changed(
                    {
                        "packages": list(runtime.packages),
                        "programs": [[p.command, *p.version] for p in runtime.programs],
                        "python": packages.python_version(),
                    }
                ),
                not wrapped,
                untouched(identity.own_files, runtime),
            ],
            "clean": clean(record),
            "meta": meta("identify runtime", 0.2),
        }


def measure_cells(plan: Plan) -> Iterator[Task]:
    """One sample a round and cell, rounds outermost, each after the one before it.

    The chain keeps the order whatever else doit has to wait for, and in parallel runs.
    """
    # Cleaning the group removes every sample, also those that this plan does not have.
    yield {**group("measure", "measure each cell, round by round"), "clean": clean(paths.RESULTS)}
    protocol = plan.protocol
    chunk_s = protocol.chunk_ms / 1000
    seconds = 0.5 + 2.3 * chunk_s * (min(protocol.undisturbed, protocol.pairs) + protocol.warmup_chunks)
    previous: list[str] = []
    for round_, cell in plan.schedule():
        spec = MeasurementSpec(cell, protocol, plan.reference_name, round_)
        path = spec.sample_path
        name = f"{cell.name.replace('/', ':')}:{round_}"
        yield {
            "basename": "measure",
            "name": name,
            "task_dep": previous,
            "actions": act(later("pipeline.measure.measure_round:measure"), spec, alone=True),
            "file_dep": spec.files(),
            "targets": [path],
            "uptodate": [
                (intact, [sample.problem]),
                sample.limits_unchanged,
                config_changed(spec.settings()),
            ],
            "clean": clean(path),
            "meta": meta("measure", seconds),
        }
        previous = [f"measure:{name}"]


def first_samples(plan: Plan) -> list[str]:
    """The samples that the protocol asks of every cell."""
    numbers = range(1, plan.protocol.rounds + 1)
    return [paths.sample(cell.name, number) for cell in plan.cells() for number in numbers]


def ends(plan: Plan) -> dict[str, Any]:
    """When a cell has enough rounds, as JSON."""
    protocol = plan.protocol
    return {"rounds": protocol.rounds, "half_width": protocol.half_width_percent, "budget": protocol.budget_s}


def refine_cells(plan: Plan) -> Iterator[Task]:
    """More rounds, where the protocol asks for precision."""
    yield group("refine", "add rounds until each cell is as precise as the protocol asks")
    if plan.protocol.half_width_percent is None:
        return
    yield {
        "basename": "refine",
        "name": plan.protocol.name,
        "task_dep": ["measure"],
        "actions": act(later("pipeline.measure.refine:refine"), plan, alone=True),
        "file_dep": [*first_samples(plan), *own_code.files_of("pipeline.measure.refine")],
        "targets": [paths.refined()],
        "uptodate": [
            intact,
            (later("pipeline.measure.refine:unchanged"),),
            config_changed({"cells": [c.name for c in plan.cells()], **ends(plan)}),
        ],
        "clean": clean(paths.refined()),
        "verbosity": 2,
        "meta": meta("refine", 10.0 * len(plan.cells())),
    }
