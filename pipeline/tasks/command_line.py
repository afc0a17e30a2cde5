"""Which name=value the command line takes, and for which task: the rules, and the text of ``doit run help``.

The table is what pipeline/tasks/options.py and the modules of pipeline/tasks/commands declare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pipeline.core import hints
from pipeline.core.errors import BadInput, near_miss
from pipeline.experiment.matrix import load
from pipeline.experiment.plan import Plan
from pipeline.tasks.commands import discover
from pipeline.tasks.options import ARTIFACTS, EVERYTHING, Option
from pipeline.workloads.selection import third_parties

#: doit's commands that change what is in a checkout; all others only read.
_CHANGING = {"run", "clean", "forget", "ignore", "reset-dep", "strace"}
#: Where an option of one command is easily mistaken for one of all runs.
_INSTEAD = {"backend": "backends"}


def checkouts() -> tuple[Option, ...]:
    """An option for each third party: a folder in place of the pinned package."""
    return tuple(
        Option(name, "FOLDER", f"your checkout of {name}, of a known revision", "the pinned package")
        for name in third_parties()
    )


def owners() -> dict[str, set[str]]:
    """{option: the tasks that it belongs to}; an empty set where every run takes it."""
    shared = {option.name for option in (*EVERYTHING, *checkouts())}
    table: dict[str, set[str]] = {name: set() for name in shared}
    for task, command in discover().items():
        for option in command.options:
            if option.name not in shared:
                table.setdefault(option.name, set()).add(task)
    return table


def check(variables: Mapping[str, str], tasks: Sequence[str]) -> None:
    """Raises BadInput for a name=value that is unknown or that none of these tasks takes."""
    if not variables:
        return
    table = owners()
    for name in variables:
        if name not in table:
            raise BadInput(f"command line: unknown {name}={near_miss(name, sorted(table))}")
        if table[name] and not table[name].intersection(tasks):
            tasks_of = sorted(table[name], key=_needs)
            task = tasks_of[0]
            right = f"run: {hints.command(task, given=variables)}"
            if name in _INSTEAD:
                instead = {_INSTEAD[name]: variables[name]}
                again = hints.command(*tasks, given=variables, without=(name,), **instead)
                right += f"; for the matrix: {again}"
            raise BadInput(f"command line: {name}= belongs to {' or '.join(tasks_of)}; {right}")
    if "artifact" in variables:
        for task in tasks:
            if task in discover() and not discover()[task].prebuilt:
                raise BadInput(
                    f"command line: {task} is about what is built here and does not take artifact=; "
                    f"run: {hints.command(given={'artifact': variables['artifact']})}"
                )


def _needs(task: str) -> tuple[int, str]:
    """The order in which tasks are suggested: those that can do with fewer options first."""
    return sum(option.needed for option in discover()[task].options), task


def changes_checkout(command: str, tasks: Sequence[str]) -> bool:
    """Whether a command of doit changes the checkout, so that it must have that alone."""
    if command != "run" or not tasks:
        return command in _CHANGING
    commands = discover()
    return not all(task in commands and commands[task].only_reads for task in tasks)


def read_plan(variables: Mapping[str, str], tasks: Sequence[str]) -> Plan:
    """The plan that the command line asks for, as the files are now; raises BadInput."""
    variables = _as_meant(variables, tasks)
    check(variables, tasks)
    every = any(task in discover() and discover()[task].all_workloads for task in tasks)
    if "new" not in tasks:
        plan = load(variables, every=every and "artifact" not in variables)
        for task in tasks:
            command = discover().get(task)
            given = [workload.name for workload in plan.workloads if not workload.built]
            if command is not None and not command.prebuilt and given:
                reason = f"{given[0]} has modules in place of sources"
                measured = hints.command(given=variables)
                raise BadInput(f"command line: {task} is about what is built here; {reason}; run: {measured}")
            if command is not None and command.refuse is not None:
                command.refuse(plan)
        return plan
    # The workload that is to be made does not exist yet.
    others = {name: value for name, value in variables.items() if name not in ("workload", "from")}
    return replace(load(others), given=dict(variables))


def _as_meant(variables: Mapping[str, str], tasks: Sequence[str]) -> Mapping[str, str]:
    """With the names that a task's own options have."""
    means: dict[str, str] = {}
    for task in tasks:
        if task in discover():
            means.update(discover()[task].means)
    meant = {
        means[name] if name in means and means[name] not in variables else name: value
        for name, value in variables.items()
    }
    for task in tasks:
        for name, shared in (discover()[task].adds if task in discover() else {}).items():
            if variables.get(name):
                meant[shared] = ",".join(filter(None, (meant.get(shared), variables[name])))
    return meant


def describe(tasks: Sequence[str]) -> str:
    """The text of ``doit run help``: of all variables, or of those of some tasks; raises BadInput."""
    commands = discover()
    for task in tasks:
        if task not in commands:
            raise BadInput(f"help: {task!r} takes no variables of its own{near_miss(task, commands)}")
    if tasks:
        return "\n".join(line for task in tasks for line in _of_task(task))
    lines = ["doit run [TASK …] [NAME=VALUE …]", "", "Every run takes:"]
    lines += _lines((*EVERYTHING, *checkouts()))
    for task, command in commands.items():
        if command.options:
            lines += ["", f"doit run {task} also takes:", *_lines(command.options)]
    lines += [
        "",
        "One task: doit run help TASK. All tasks: doit list. matrix.toml has the defaults.",
    ]
    return "\n".join(lines)


def _of_task(task: str) -> Iterator[str]:
    command = discover()[task]
    own = {option.name for option in command.options}
    shared = [option for option in command.shared if option.name not in own]
    if set(ARTIFACTS) <= set(command.shared):
        shared += checkouts()
    needed = [f"{option.name}={option.value}" for option in command.options if option.needed]
    more = ["[NAME=VALUE …]"] if len(own) + len(shared) > len(needed) else []
    yield " ".join(["doit run", task, *needed, *more])
    yield from _lines((*command.options, *shared))


def _lines(options: Sequence[Option]) -> list[str]:
    """A line or two for each option, in columns."""
    heads = [f"  {option.name}={option.value}" for option in options]
    width = max(map(len, heads), default=0) + 2
    return [
        f"{head:{width}}{option.meaning}" + (f" (default: {option.default})" if option.default else "")
        for head, option in zip(heads, options, strict=True)
    ]
