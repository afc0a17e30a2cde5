"""All artifacts, their provenance and the lock in one archive."""

from pipeline.core import paths
from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import ARTIFACTS, Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(
    shared=ARTIFACTS,
    all_workloads=True,
    prebuilt=False,
    refuse=Later("pipeline.reproducibility.bundle:refuse"),
)


def task(plan: Plan) -> Task:
    return command(
        (Later("pipeline.reproducibility.bundle:write"), plan),
        after=["build"],
        cleans=[paths.BUNDLE],
        phase="bundle",
        seconds=0.5,
    )
