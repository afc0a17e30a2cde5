"""Cells measured by the official rules of their workload."""

from collections.abc import Iterator
from typing import Any

from pipeline.core import paths
from pipeline.experiment.plan import Plan
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.tasks.actions import Later
from pipeline.tasks.checks import intact
from pipeline.tasks.options import EVERYTHING, Command
from pipeline.tasks.steps import Task, command, group, step, within_a_task
from pipeline.workloads import validators

COMMAND = Command(
    shared=tuple(
        option
        for option in EVERYTHING
        if option.name not in ("artifact", "protocol", "rounds", "half_width", "budget")
    ),
    prebuilt=False,
)


def task(plan: Plan) -> Iterator[Task]:
    """One official measurement of each cell, and the statement on all of them; each is kept like a sample."""
    yield group("certify", "run cells by the official rules of their workload, and say which rule is kept")
    # Only some workloads have such rules: the name of a module.
    rules = {w.name: getattr(validators.module_of(w), "OFFICIAL", None) for w in plan.workloads}
    official = [cell for cell in plan.built_cells() if rules[cell.workload.name] is not None]
    names: list[str] = []
    for cell in official:
        module = rules[cell.workload.name]
        folder = paths.certificate(cell.name)
        spec = MeasurementSpec(cell, plan.protocol, plan.reference_name)
        name = f"certify:{within_a_task(cell.name)}"
        yield step(
            name,
            (Later(f"{module}:certify"), plan, cell),
            alone=True,
            after=["sources", "options", *names[-1:]],
            reads=spec.files(),
            makes=[f"{folder}/certificate.json", f"{folder}/statement.txt"],
            checks=[intact, (Later(f"{module}:logs_unchanged"), [cell])],
            decides=spec.settings(),
            cleans=[folder],
            phase="certify",
            seconds=50,
        )
        names.append(name)
    statement: tuple[Any, ...]
    if official:
        statement = Later(f"{rules[official[0].workload.name]}:report"), official
    else:
        statement = validators.no_rules, [workload.name for workload in plan.workloads]
    yield {
        "basename": "certify",
        "name": "statement",
        **command(statement, after=names, phase="statement", seconds=0.1),
    }
