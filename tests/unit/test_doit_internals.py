"""The parts of doit that are not public and that this project relies on: an update of doit fails here."""

import ast
import importlib.metadata
import inspect
from pathlib import Path

import doit.task
import pytest
from doit import doit_cmd
from doit.cmdparse import DefaultUpdate
from doit.dependency import Dependency, JSONCodec, MD5Checker, SqliteDB

from pipeline.tasks import doit_internals
from pipeline.tasks.doit_db import JournalDB

ROOT = Path(__file__).resolve().parents[2]
#: Names of doit's that begin with an underscore.
PRIVATE = {"_CMDLINE_VARS", "_non_default_keys", "_conn", "_cache", "_dirty", "_get_task_data", "_sqlite3"}


def test_the_version_is_the_one_that_was_read():
    assert importlib.metadata.version("doit") == "0.37.0"
    assert '"doit==0.37.0"' in (ROOT / "pyproject.toml").read_text()


def test_the_variables_of_the_command_line(monkeypatch):
    monkeypatch.setattr(doit_cmd, "_CMDLINE_VARS", doit_cmd._CMDLINE_VARS)
    doit_cmd.reset_vars()
    doit_cmd.set_var("variants", "O2")
    assert doit_internals.variables() == {"variants": "O2"}


def test_the_options_that_were_given():
    params = DefaultUpdate()
    params.set_default("always", False)
    assert doit_internals.options_given(params) == set()
    params["always"] = True
    assert doit_internals.options_given(params) == {"always"}


def test_values_that_checks_save():
    task = doit.task.Task("t", None)
    doit_internals.save_with(task, lambda: {"made": 1})
    task.save_extra_values()
    assert task.values == {"made": 1}


def test_the_database_of_the_base_class(tmp_path):
    base = SqliteDB(str(tmp_path / "db"), JSONCodec())
    assert {"_conn", "_cache", "_dirty"} <= vars(base).keys()
    assert callable(base._get_task_data)
    assert callable(base._sqlite3)


def test_the_keys_that_doit_saves_and_their_order(tmp_path):
    keys = []

    class Watched(JournalDB):
        def set(self, task_id, dependency, value):
            keys.append(dependency)
            super().set(task_id, dependency, value)

    dependency = Dependency(Watched, str(tmp_path / "db"), MD5Checker)
    (tmp_path / "file").write_text("x")
    task = doit.task.Task("t", None, file_dep=[str(tmp_path / "file")])
    task.values = {"v": 1}
    dependency.save_success(task)
    assert keys[0] == doit_internals.VALUES_KEY
    assert keys[-1] == doit_internals.LAST_KEY
    assert JournalDB(str(tmp_path / "db"), JSONCodec()).values("t") == {"v": 1}


def test_only_one_place_uses_them():
    for path in [ROOT / "dodo.py", *(ROOT / "pipeline").rglob("*.py")]:
        if path.name in ("doit_internals.py", "doit_db.py") or "/workers/" in str(path):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        assert not used & {*PRIVATE - {"_cache"}, "value_savers"}, path


@pytest.mark.parametrize("command", ["Run", "Help"])
def test_the_commands_that_are_replaced(command):
    from pipeline.tasks import doit_plugins

    ours = getattr(doit_plugins, command)
    assert list(inspect.signature(ours.execute).parameters) == ["self", "params", "args"]
    assert ours.get_name() == command.lower()
