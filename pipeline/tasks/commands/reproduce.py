"""Artifacts built under deliberate variation."""

from pipeline.core import paths
from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import ARTIFACTS, Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(shared=ARTIFACTS, prebuilt=False)


def task(plan: Plan) -> Task:
    """About what this machine can vary now."""
    return command(
        (Later("pipeline.reproducibility.reproduce:reproduce"), plan),
        after=["sources"],
        cleans=[paths.REBUILT, paths.REPRODUCE_TXT, paths.REPRODUCE_JSON],
        phase="reproduce",
        seconds=15.0 * len(plan.artifacts()),
    )
