"""Two backends: which is faster, by chunks of both in turn."""

from pipeline.core import paths
from pipeline.experiment.plan import DEFAULT_AB_BUDGET_S, DEFAULT_UNTIL, Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import ARTIFACTS, MEASUREMENTS, Command, Option
from pipeline.tasks.steps import Task, command

_BUILD = "a backend: of any release, with options, or of [runtimes] in matrix.toml"
COMMAND = Command(
    options=(
        Option("old", "BACKEND", f"compared with this: {_BUILD}", needed=True),
        Option("new", "BACKEND", f"compared: {_BUILD}", needed=True),
        Option(
            "until",
            "LOW,HIGH",
            "rounds are added until the difference is surely beyond or within",
            DEFAULT_UNTIL,
        ),
        Option("budget", "SECONDS", "or so long for each program", str(DEFAULT_AB_BUDGET_S)),
        Option("threshold", "PERCENT", "exit status 2 if new is slower by more than this", "that of until="),
    ),
    adds={"old": "backends", "new": "backends"},
    shared=(
        *ARTIFACTS,
        *(option for option in MEASUREMENTS if option.name in ("module", "suite", "args", "protocol")),
    ),
    refuse=Later("pipeline.analyses.ab.compare_builds:refuse"),
)


def task(plan: Plan) -> Task:
    """Exit status 2 where new is slower, 3 where that is undecided."""
    asked = bool(plan.given.get("old") and plan.given.get("new"))
    return command(
        (Later("pipeline.analyses.ab.compare_builds:compare_builds"), plan),
        alone=True,
        after=["build", "runtime", "options"] if asked else [],
        cleans=[paths.AB_JSON, paths.AB_TXT],
        phase="compare",
        seconds=30,
    )
