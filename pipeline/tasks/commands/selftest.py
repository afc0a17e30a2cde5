"""Every backend measured against itself."""

from pipeline.core import paths
from pipeline.experiment.matrix import DEFAULT_REPEATS
from pipeline.experiment.plan import Plan
from pipeline.tasks.actions import Later
from pipeline.tasks.options import EVERYTHING, Command, Option
from pipeline.tasks.steps import Task, command

COMMAND = Command(
    options=(Option("repeats", "N", "comparisons of each backend with itself", str(DEFAULT_REPEATS)),),
    shared=tuple(option for option in EVERYTHING if option.name not in ("artifact", "half_width", "budget")),
    prebuilt=False,
    refuse=Later("pipeline.analyses.self_test:refuse"),
)


def task(plan: Plan) -> Task:
    """About this machine as it is now."""
    rounds = plan.repeats * plan.protocol.usual_rounds * len(plan.backends) * 2
    return command(
        (Later("pipeline.analyses.self_test:selftest"), plan),
        alone=True,
        after=["build", "runtime", "options"],
        cleans=[paths.SELFTEST_JSON, paths.SELFTEST_TXT],
        phase="self-test",
        seconds=1.3 * rounds,
    )
