"""Artifacts built again and compared with artifacts.lock."""

from pipeline.core import paths
from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import ARTIFACTS, Command, Option
from pipeline.tasks.steps import Task, command

COMMAND = Command(
    options=(Option("bundle", "FILE.tar", "check a bundle of others instead; nothing of it is run"),),
    shared=ARTIFACTS,
    all_workloads=True,
    prebuilt=False,
    refuse=Later("pipeline.reproducibility.verify:refuse"),
)


def task(plan: Plan) -> Task:
    return command(
        (Later("pipeline.reproducibility.verify:verify"), plan),
        after=["build"],
        cleans=[paths.REBUILT],
        phase="verify",
        seconds=1 + 0.9 * len(plan.artifacts()),
    )
