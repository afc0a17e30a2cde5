"""Published claims, compared with what was measured here."""

from pipeline.core import paths
from pipeline.tasks.actions import Later
from pipeline.tasks.options import EVERYTHING, Command
from pipeline.tasks.steps import Task, command

COMMAND = Command(shared=EVERYTHING)


def task() -> Task:
    """About the report that the same choices give."""
    return command(
        Later("pipeline.analyses.claims.verdicts_text:show"),
        after=["report"],
        cleans=[paths.CLAIMS_JSON],
        phase="claims",
        seconds=1,
    )
