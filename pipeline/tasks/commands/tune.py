"""The search for the flags with the highest score."""

from pipeline.core import paths
from pipeline.experiment.plan import Plan
from pipeline.experiment.tune_table import DEFAULT_BUDGET_S
from pipeline.tasks.actions import Later
from pipeline.tasks.options import EVERYTHING, Command, Option
from pipeline.tasks.steps import Task, command

COMMAND = Command(
    options=(
        Option(
            "backend",
            "PATTERNS",
            "what the flags are searched for, as in 'wasmtime.cranelift,v8.turbofan'",
            needed=True,
        ),
        Option("budget", "SECONDS", "how long the search may take", str(DEFAULT_BUDGET_S)),
        Option(
            "objective", "WHAT", "speed, worst (the least gain of several cells), size or compile", "speed"
        ),
        Option("slowdown", "PERCENT", "with objective=size: the smallest of those that lose at most this"),
    ),
    means={"backends": "backend"},
    shared=tuple(
        option
        for option in EVERYTHING
        if option.name in ("workload", "workloads", "toolchains", "protocol", "rounds")
    ),
    prebuilt=False,
)


def task(plan: Plan) -> Task:
    """It finds out by itself whether anything is left to do."""
    name = plan.search_name if plan.tune else ""
    files = [paths.tuned(name, kind) for kind in ("txt", "json")] if plan.tune else []
    return command(
        (Later("pipeline.analyses.tune.search:tune"), plan),
        alone=True,
        after=["build", "runtime", "options"] if plan.tune else [],
        cleans=[paths.searches(), *files],
        phase="tune",
        seconds=plan.tune.budget_s if plan.tune else 1,
    )
