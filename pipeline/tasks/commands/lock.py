"""artifacts.lock, written."""

from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import ARTIFACTS, Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(
    shared=ARTIFACTS, all_workloads=True, prebuilt=False, refuse=Later("pipeline.reproducibility.lock:refuse")
)


def task(plan: Plan) -> Task:
    return command(
        (Later("pipeline.reproducibility.lock:write"), plan), after=["build"], phase="lock", seconds=1
    )
