"""A workload made from a program of the user's."""

from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import Command, Option
from pipeline.tasks.steps import Task, command

COMMAND = Command(
    options=(
        Option(
            "workload",
            "NAME",
            "the new folder in workloads/local/, or a path of your own",
            needed=True,
        ),
        Option("from", "FILE.c", "a C or C++ file, or a folder of such", needed=True),
        Option("main", "FILE", "of a folder: the file with the program's main, where there are several"),
    ),
)


def task(plan: Plan) -> Task:
    """It refuses to overwrite."""
    given = [plan.given.get(name) for name in ("workload", "from", "main")]
    return command((Later("pipeline.workloads.scaffold:create"), *given), phase="new workload", seconds=0.1)
