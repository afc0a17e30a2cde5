"""What changed from run to run."""

from pipeline.tasks.actions import Later
from pipeline.tasks.options import Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(only_reads=True)


def task() -> Task:
    """About runs that are over: it measures nothing."""
    return command(Later("pipeline.analyses.history.history_command:show"), phase="history", seconds=1)
