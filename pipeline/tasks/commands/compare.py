"""Two runs, or two results.json, compared."""

from pipeline.core import paths
from pipeline.experiment.plan import DEFAULT_THRESHOLD_PERCENT, Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import Command, Option
from pipeline.tasks.steps import Task, command

_RUN = "a results.json, a number of the history, last, previous"
COMMAND = Command(
    options=(
        Option("old", "RUN", f"compared with this: {_RUN}", "previous"),
        Option("new", "RUN", f"compared: {_RUN}", "last"),
        Option(
            "threshold",
            "PERCENT",
            "exit status 2 if a cell got slower by more than this",
            f"{DEFAULT_THRESHOLD_PERCENT:g}",
        ),
        Option("hosts", "any", "compare runs of two different hosts, too"),
    ),
    only_reads=True,
)


def task(plan: Plan) -> Task:
    """About runs that are over: it measures nothing. Exit status 2 where something got slower."""
    old, new, hosts = (plan.given.get(name) for name in ("old", "new", "hosts"))
    return command(
        (Later("pipeline.analyses.history.compare_command:run"), old, new, hosts, plan.threshold),
        cleans=[paths.COMPARE_JSON, paths.COMPARE_TXT],
        phase="compare",
        seconds=1,
    )
