"""Every name=value is in one table: refused where no task takes it, described, and as README.md says."""

import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest

import dodo
from pipeline.core.errors import BadInput
from pipeline.tasks import command_line
from pipeline.tasks.actions import Later
from pipeline.tasks.commands import discover
from pipeline.tasks.options import EVERYTHING

ROOT = Path(__file__).resolve().parents[2]
TASKS = {name.removeprefix("task_") for name in vars(dodo) if name.startswith("task_")}


@pytest.mark.parametrize(
    ("variables", "tasks", "complaint"),
    [
        ({"variant": "O2"}, [], "unknown variant=; did you mean 'variants'?"),
        ({"budgett": "3"}, ["tune"], "unknown budgett=; did you mean 'budget'?"),
        ({"threshold": "5"}, [], "threshold= belongs to compare or ab; run: doit run compare threshold="),
        ({"new": "5"}, ["new"], "new= belongs to compare"),
        ({"backend": "native"}, ["report"], "for the matrix: doit run report backends=native"),
        ({"artifact": "x.wasm"}, ["report", "lock"], "lock is about what is built here"),
    ],
)
def test_what_no_task_takes_is_refused(variables, tasks, complaint):
    with pytest.raises(BadInput, match=re.escape(complaint)):
        command_line.check(variables, tasks)


@pytest.mark.parametrize(
    ("variables", "tasks"),
    [
        ({}, ["lock"]),
        ({"variants": "O2", "budget": "3", "coremark": "/x"}, []),
        ({"backend": "native", "budget": "3"}, ["tune"]),
        ({"old": "new", "new": "last"}, ["compare", "history"]),
        ({"artifact": "x.wasm"}, ["claims", "measure"]),
    ],
)
def test_what_a_task_takes_is_accepted(variables, tasks):
    command_line.check(variables, tasks)


def test_a_value_is_not_the_name_of_a_task():
    """The value "new" of old= does not make a workload, and a sub-task belongs to its task."""
    assert command_line.read_plan({"old": "new"}, ["compare"]).given == {"old": "new"}
    assert command_line.read_plan({"workload": "none", "from": "x.c"}, ["new"]).given["workload"] == "none"
    with pytest.raises(BadInput, match="none"):
        command_line.read_plan({"workload": "none"}, ["compare"])


def test_every_command_is_a_task_and_has_its_help():
    assert set(discover()) <= TASKS
    text = command_line.describe([])
    for option in (*EVERYTHING, *(o for command in discover().values() for o in command.options)):
        assert f"  {option.name}={option.value} " in text, option
        assert option.meaning in text
    assert "  coremark=FOLDER " in text
    for task, command in discover().items():
        lines = command_line.describe([task]).splitlines()
        assert lines[0].startswith(f"doit run {task}")
        names = [line.split("=")[0].strip() for line in lines[1:]]
        assert len(set(names)) == len(names)
        assert {option.name for option in (*command.options, *command.shared)} <= set(names)
    assert all(len(line) <= 120 for line in text.splitlines())


def test_help_of_what_is_not_there_has_a_near_miss():
    with pytest.raises(BadInput, match="did you mean 'tune'"):
        command_line.describe(["tuna"])


def commands_of_documents():
    """The words of every "doit run …" in the documents, which stand at the beginning of a line of code."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.match(r"(    |\$ )?doit run ", line):
                yield path.name, shlex.split(re.split(r"\s+[#…]", line)[0].replace("$ ", ""))[2:]


def test_documents_name_tasks_and_variables_that_there_are():
    lines = list(commands_of_documents())
    assert len(lines) > 10
    for document, words in lines:
        tasks = [word for word in words if "=" not in word and not word.startswith("-")]
        assert {task.partition(":")[0] for task in tasks} <= {*TASKS, "help", *discover()}, (document, words)
        variables = dict(word.split("=", 1) for word in words if "=" in word and not word.startswith("-"))
        if tasks[:1] != ["help"]:
            command_line.check(variables, tasks)


def later_names():
    for path in sorted((ROOT / "pipeline" / "tasks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Later", "InChild"):
                (name,) = node.args
                if isinstance(name, ast.Constant):
                    yield name.value


def test_every_function_that_is_imported_later_is_there():
    names = list(later_names())
    assert len(names) > 15
    for module in ("pipeline.coremark.official_run",):  # named by a validator
        names += [f"{module}:{function}" for function in ("certify", "logs_unchanged", "report")]
    for name in names:
        later = Later(name)
        assert callable(getattr(importlib.import_module(later.module), later.function)), name
