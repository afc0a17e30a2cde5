"""From artifacts to samples: runtimes and their environments, rounds, refinement."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import ProjectError
from pipeline.core.model import Backend, Runtime
from pipeline.experiment.plan import Plan
from pipeline.measure import sample
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.runtimes import environments, identity, packages
from pipeline.runtimes.engines import provision
from pipeline.runtimes.engines.basis import sources
from pipeline.tasks import invocation
from pipeline.tasks.actions import Later
from pipeline.tasks.checks import intact, same_limits, untouched
from pipeline.tasks.steps import Task, clean, group, step, within_a_task

#: The task that writes a rough report after one round of every cell.
FIRST_TABLE = "measure:first-table"
#: For the guess of how long a run takes: what a chunk takes in addition to its length, ms, and rounds of a
#: cell beyond those that all cells have.
_START_MS, _MORE_ROUNDS = 1.5, 1.5
#: Of a run that goes on for less time than this after one round of every cell there is no rough report, s.
_LONG_S = 60.0


def runtimes_of(plan: Plan) -> list[Runtime]:
    """The runtimes of the plan's backends, each once."""
    named = {b.runtime.name: b.runtime for b in plan.backends}
    return list(named.values())


def provision_environments(plan: Plan) -> Iterator[Task]:
    """An isolated environment for each runtime that needs its own interpreter."""
    yield group("environment", "provide isolated environments, pinned by hashes")
    named = {r.environment: r for r in runtimes_of(plan)}  # a version of its own may be the usual one
    for name, runtime in named.items():
        if name is None:
            continue
        record = paths.environment_record(name)
        shipped = paths.environment_lock(name)
        yield step(
            f"environment:{name}",
            (environments.provision, runtime),
            alone=True,
            reads=[path for path in _pins(runtime, shipped) if os.path.exists(path)],
            makes=[record],
            # Tried again at every run until it is there: the user may have removed the cause.
            checks=[
                intact,
                (environments.present, [runtime]),
                untouched(identity.own_files, runtime, report=True),
            ],
            decides={
                "packages": list(runtime.packages),
                "version": runtime.version,
                "pythons": list(runtime.pythons),
                "links": dict(runtime.loader_links),
                "compiler": packages.versions(["ziglang"]) if runtime.compiled else [],
            },
            cleans=[record, paths.environment(name), paths.resolved_lock(name)],
            phase="provide environment (downloads some 40 MB)",
            seconds=15,
        )


def _pins(runtime: Runtime, shipped: str) -> list[str]:
    """The pins of an environment, and of what compiles its first package."""
    return [shipped, *([paths.environment_lock("build")] if runtime.compiled else [])]


def build_engines(plan: Plan) -> Iterator[Task]:
    """A host for each runtime that is built from source on this machine."""
    yield group("engine", "build the engines that are had as source, once for all checkouts")
    built = [(provision.engine_of(each), each) for each in runtimes_of(plan) if each.engine is not None]
    # A release that is named may be the usual one.
    for wanted, runtime in {wanted.id: (wanted, runtime) for wanted, runtime in built}.values():
        record = paths.engine_record(wanted.id)
        yield step(
            f"engine:{wanted.id}",
            (provision.provision, runtime),
            reads=[str(path.relative_to(paths.ROOT)) for path in sources(wanted)],
            makes=[record],
            # Tried again at every run until it is there: the user may have removed the cause.
            checks=[
                intact,
                (provision.present, [runtime]),
                untouched(identity.own_files, runtime, report=True),
            ],
            decides={"release": wanted.release},
            cleans=[record],
            verbosity=2,
            phase="build engine",
            seconds=wanted.family.cpu_seconds / (os.cpu_count() or 1),
        )


def identify_runtimes(plan: Plan) -> Iterator[Task]:
    """What exactly each runtime is."""
    yield group("runtime", "identify each runtime")
    for runtime in runtimes_of(plan):
        if runtime.engine is not None:
            files = [paths.engine_record(provision.engine_of(runtime).id)]
        elif runtime.environment is not None:
            files = [paths.environment_record(runtime.environment)]
        else:
            files = packages.records(runtime.packages)
        # A wrapper script's own bytes do not change with what it starts: it is asked each time.
        wrapped = bool(runtime.programs) and not runtime.packages
        yield step(
            f"runtime:{runtime.name}",
            (identity.identify, runtime),
            reads=[*files, *identity.program_files(runtime)],
            makes=[paths.runtime_identity(runtime.name)],
            checks=[intact, not wrapped, untouched(identity.own_files, runtime)],
            decides={
                "packages": list(runtime.packages),
                "programs": [
                    [p.command, None if p.version is None else list(p.version)] for p in runtime.programs
                ],
                "python": packages.python_version(),
            },
            phase="identify runtime",
            seconds=0.2,
        )


def _is_asked(backend: Backend) -> bool:
    return bool(backend.engine_options or backend.runtime.files)


def ask_engines(plan: Plan) -> Iterator[Task]:
    """Whether each engine takes the options that were named for it, and each library of the user's is one."""
    yield group("options", "ask engines whether they take the options that backends are named with")
    for backend in plan.backends:
        if not _is_asked(backend):
            continue
        yield step(
            f"options:{within_a_task(backend.name)}",
            (Later("pipeline.measure.probes.engine_options:check"), backend, plan.protocol),
            reads=[paths.runtime_identity(backend.runtime.name)],
            decides={"options": dict(backend.options), "arguments": list(backend.arguments)},
            phase="ask for options",
            seconds=1,
        )


def measure_cells(plan: Plan) -> Iterator[Task]:
    """One sample a round and cell, rounds outermost, each after the one before it.

    The chain keeps the order also where doit has to wait for other tasks, and in parallel runs.
    """
    # Cleaning the group removes every sample, also those that this plan does not have.
    yield {**group("measure", "measure each cell, round by round"), "clean": clean(paths.RESULTS)}
    protocol, seconds = plan.protocol, _round_seconds(plan)
    measure = Later("pipeline.measure.measure_round:ensure_sample")
    previous = ["options"] if any(map(_is_asked, plan.backends)) else []
    long = (protocol.rounds - 1) * len(plan.cells()) * seconds >= _LONG_S
    for round_, scheduled in itertools.groupby(plan.schedule(), key=lambda each: each[0]):
        if round_ == 2 and long:
            yield _first_table(plan, previous)
            previous = [FIRST_TABLE]
        for _, cell in scheduled:
            spec = MeasurementSpec(cell, protocol, plan.reference_name, round_)
            name = f"measure:{within_a_task(cell.name)}:{round_}"
            yield step(
                name,
                (measure, spec),
                alone=True,
                after=previous,
                reads=spec.files(),
                makes=[spec.sample_path],
                checks=[(intact, [sample.problem]), same_limits],
                decides=spec.settings(),
                phase="measure",
                seconds=seconds,
            )
            previous = [name]


def _round_seconds(plan: Plan) -> float:
    """A guess of how long a round takes."""
    protocol = plan.protocol
    chunks = 2 * (min(protocol.undisturbed, protocol.pairs) + protocol.warmup_chunks)
    return 0.5 + chunks * (protocol.chunk_ms + _START_MS) / 1000


def write_preliminary(plan: Plan) -> None:
    """Report on the rounds that there are so far, in a run that will end with a report.

    Measuring goes on where that fails: the report at the end fails for the same reason.
    """
    if not invocation.wants_report():
        return
    try:
        Later("pipeline.report.write_report:write_preliminary")(plan)
    except (ProjectError, OSError, ValueError) as error:
        invocation.note(f"no preliminary report: {error}")


def _first_table(plan: Plan, previous: list[str]) -> Task:
    """A rough report, when every cell has one round: a run goes on for minutes, or is ended."""
    return step(
        FIRST_TABLE,
        (write_preliminary, plan),
        after=previous,
        reads=[paths.sample(cell.name, 1) for cell in plan.cells()],
        checks=[],
        phase="report",
        seconds=5,
    )


def first_samples(plan: Plan) -> list[str]:
    """The samples that the protocol asks of every cell."""
    numbers = range(1, plan.protocol.rounds + 1)
    return [paths.sample(cell.name, number) for cell in plan.cells() for number in numbers]


def stop_settings(plan: Plan) -> dict[str, Any]:
    """When a cell has enough rounds, as JSON."""
    protocol = plan.protocol
    return {
        "rounds": protocol.rounds,
        "half_width": protocol.half_width_percent,
        "most": protocol.most_rounds,
        "budget": protocol.budget_s,
    }


def refine_cells(plan: Plan) -> Iterator[Task]:
    """More rounds, where the protocol asks for precision."""
    yield group("refine", "add rounds until each cell is as precise as the protocol asks")
    if plan.protocol.half_width_percent is None:
        return
    yield step(
        f"refine:{plan.protocol.name}",
        (Later("pipeline.measure.refine:refine"), plan, invocation.tell_round, write_preliminary),
        alone=True,
        after=["measure"],
        reads=first_samples(plan),
        makes=[paths.refined()],
        checks=[intact, untouched(Later("pipeline.measure.refine:used"), report=True)],
        decides={"cells": [c.name for c in plan.cells()], **stop_settings(plan)},
        phase="refine",
        seconds=_round_seconds(plan) * _MORE_ROUNDS * len(plan.cells()),
    )
