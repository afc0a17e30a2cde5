"""A change of our own code runs exactly the tasks whose imports reach it; comments run none."""

from pathlib import Path

import pytest

from pipeline.core import own_code

#: One artifact, one cell, one round: few tasks of each kind.
ONE = ("variants=O2", "backends=wasmtime.cranelift", "rounds=1")
AFTER_A_SAMPLE = {"measure", "report", "export", "remember", "check"}
BUILD = {
    "check flags",
    "identify compiler",
    "build libc",
    "look for setjmp and exceptions",
    "compile",
    "link",
    "provenance",
}
#: {file: kinds of tasks that a change of its code runs again}, of each room at least one.
CHANGES = {
    "dodo.py": set(),
    "pipeline/tasks/steps.py": set(),
    "pipeline/tasks/commands/tune.py": set(),
    "pipeline/analyses/tune/search.py": set(),
    "pipeline/report/exports/csv_table.py": {"export"},
    "pipeline/report/terminal_table.py": {"report"},
    "pipeline/analyses/history/run_files.py": {"remember"},
    "pipeline/results/problems/check.py": {"check"},
    "pipeline/results/pareto.py": {"report"},
    "pipeline/stats/verdicts.py": {"report", "export", "remember", "check"},
    "pipeline/experiment/plan.py": {"report"},
    "pipeline/reproducibility/provenance.py": {"provenance"},
    "pipeline/build/flag_check.py": BUILD,
    "pipeline/workloads/third_party.py": {"obtain sources", "verify sources", "provenance", "report"},
    "pipeline/coremark/validator.py": AFTER_A_SAMPLE,
    "pipeline/measure/measure_round.py": AFTER_A_SAMPLE,
    "pipeline/runtimes/workers/wasmtime_worker.py": AFTER_A_SAMPLE,
    "pipeline/runtimes/identity.py": {"identify runtime", *AFTER_A_SAMPLE},
    "toolchain/zig.py": BUILD,
    "pipeline/wasm/sections.py": {*BUILD, *AFTER_A_SAMPLE},
    "pipeline/core/paths.py": {
        *BUILD,
        *AFTER_A_SAMPLE,
        "obtain sources",
        "verify sources",
        "identify runtime",
    },
}
KINDS = {kind for kinds in CHANGES.values() for kind in kinds} | {"copy sources", "page"}


def kinds(tasks):
    """What was done, by the first words of each task."""
    longest_first = sorted(KINDS, key=len, reverse=True)  # "check flags" before "check"
    found = {next((kind for kind in longest_first if task.startswith(kind)), task) for task in tasks}
    assert found <= KINDS
    return found


def samples(workspace):
    return {path: path.read_bytes() for path in workspace.results.rglob("round-*.json")}


def test_every_room_has_a_change():
    assert all((own_code.ROOT / name).is_file() for name in CHANGES)
    rooms = {path.parts[1] for path in map(Path, CHANGES) if path.parts[0] == "pipeline"}
    assert rooms == {path.parent.name for path in (own_code.ROOT / "pipeline").glob("*/__init__.py")}


@pytest.fixture
def up_to_date(ran):
    ran.run(*ONE)
    assert ran.run(*ONE) == []
    return ran


def test_a_change_of_code_runs_what_depends_on_it(up_to_date):
    for number, (name, expected) in enumerate(CHANGES.items()):
        before = samples(up_to_date)
        up_to_date.append(name, f"\n_CHANGE_{number} = {number}\n")
        assert kinds(up_to_date.run(*ONE)) == expected, name
        assert (samples(up_to_date) == before) == ("measure" not in expected), name
    assert up_to_date.run(*ONE) == []


def test_comments_and_docstrings_run_nothing(up_to_date):
    """But the provenance of artifacts, which names the bytes of the files that made them."""
    before = samples(up_to_date)
    of_builds = set(own_code.files_of("pipeline.build.artifacts", "toolchain.zig"))
    for name in CHANGES:
        if name not in of_builds and name.endswith(".py"):
            reword(up_to_date, name)
    assert up_to_date.run(*ONE) == []
    for name in of_builds:
        reword(up_to_date, name)
    assert kinds(up_to_date.run(*ONE)) == {"provenance"}
    assert samples(up_to_date) == before


def reword(workspace, name):
    """Change the docstring of a module, and add a comment."""
    path = workspace.path / name
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""')
    path.write_text(f'"""Reworded. {text[3:]}# A comment.\n', encoding="utf-8")
