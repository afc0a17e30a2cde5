"""One backend in many releases."""

from pipeline.core import paths
from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import EVERYTHING, Command, Option
from pipeline.tasks.steps import Task, command

COMMAND = Command(
    options=(
        Option(
            "runtime",
            "NAME",
            "whose releases are compared: NAME of a table [sweeps.NAME] in matrix.toml",
            needed=True,
        ),
        Option("versions", "VERSIONS", "releases in place of those of matrix.toml, as in '38.0.0,50.0.1'"),
    ),
    shared=EVERYTHING,
)


def task(plan: Plan) -> Task:
    """``runtime=`` decides what the plan is about; without it the task says what can be swept."""
    files = [paths.sweep(plan.sweep_name, kind) for kind in ("txt", "json")] if plan.sweep else []
    return command(
        (Later("pipeline.analyses.sweep:sweep"), plan, list(plan.sweeps)),
        after=["measure", "refine"] if plan.sweep else [],
        cleans=files,
        phase="sweep",
        seconds=3,
    )
