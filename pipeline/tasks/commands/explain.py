"""What flags do to the modules."""

from pipeline.core import paths
from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import ARTIFACTS, Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(shared=ARTIFACTS, prebuilt=False)


def task(plan: Plan) -> Task:
    return command(
        (Later("pipeline.analyses.explain:explain"), plan),
        after=["build"],
        cleans=[paths.EXPLAIN_TXT, paths.EXPLAIN_JSON],
        phase="explain",
        seconds=1,
    )
