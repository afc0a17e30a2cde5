"""What is installed here, and how to get what is not."""

from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(only_reads=True)


def task(plan: Plan) -> Task:
    return command((Later("pipeline.analyses.doctor:doctor"), plan), phase="doctor", seconds=1)
