"""What speed costs in bytes and in compile time."""

from pipeline.tasks.actions import Later
from pipeline.tasks.options import EVERYTHING, Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(shared=EVERYTHING)


def task() -> Task:
    """About the report that the same choices give."""
    return command(
        Later("pipeline.report.pareto_text:show"), after=["report"], phase="trade-offs", seconds=0.1
    )
