"""Imports go one way (pyproject.toml), loading is light, and workers import nothing of ours."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def modules():
    for path in [ROOT / "dodo.py", *ROOT.glob("pipeline/**/*.py"), *ROOT.glob("toolchain/*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(p for p in parts if p != "__init__"), path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_declared_contracts_are_kept():
    out = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0, out.stdout


def test_backends_import_only_the_model():
    for name, path in modules():
        if name.startswith("pipeline.runtimes.backends."):
            ours = {
                i for i in imports(path) if i.startswith(("pipeline.", "toolchain")) and i.count(".") == 2
            }
            # One may be the engine of a second program.
            ours -= {"pipeline.runtimes.backends"}
            assert ours <= {"pipeline.core.model", "pipeline.core.files", "pipeline.core.paths"}, name


def test_workers_import_nothing_of_ours():
    for name, path in modules():
        if name.startswith("pipeline.runtimes.workers."):
            assert not [i for i in imports(path) if i.startswith(("pipeline", "toolchain"))], name


def test_only_workers_import_runtimes():
    for name, path in modules():
        if not name.startswith("pipeline.runtimes.workers."):
            assert not {"wasmtime", "wasmer"} & set(imports(path)), name


@pytest.mark.parametrize("room", sorted(p.parent for p in ROOT.glob("pipeline/**/__init__.py")))
def test_every_room_says_what_belongs_there_and_holds_at_most_20_modules(room):
    assert len([path for path in room.glob("*.py") if path.name != "__init__.py"]) <= 20
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith(".")


def test_the_pipeline_holds_rooms_only():
    assert [path.name for path in (ROOT / "pipeline").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize(
    "heavy",
    ["numpy", "scipy", "rich", "jinja2", "fasteners", "archspec", "wasmtime", "uv", "altair"],
)
def test_loading_the_graph_stays_light(heavy):
    ours = ", ".join(f"pipeline.tasks.{name}" for name in ("build", "report", "terminal.progress", "doit_db"))
    code = f"import sys, {ours}; print({heavy!r} in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
