"""Evil names and links in real runs: nothing outside the project's folders is made, changed or removed."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from pipeline.core import paths
from tests.faults.harness import cells, one_error, settles
from tests.faults.house import EVIL, LINES, house_of, make_house, state

FAULTS = "Names that lead out of their folder"


@pytest.fixture(scope="module")
def workspace(prepared, tmp_path_factory):
    return make_house(tmp_path_factory.mktemp("house"), prepared)


@pytest.fixture
def outside(workspace):
    """``outside(what)``: fails where anything outside the workspace was made or changed."""
    before = state(workspace)

    def check(what):
        assert state(workspace) == before, f"{what!r}: something outside the project was changed"

    return check


def test_real_runs_write_nothing_outside(workspace, outside, often, tried):
    """A climbing name in each line, or a sample of all, the same each time, through the real command line."""
    pairs = [(line, name) for line in LINES for name in EVIL if "\0" not in name and len(name) < 4000]
    pairs = [(line, name) for line, name in pairs if not (line.startswith("new workload={}") and "/" in name)]
    climbing = [(line, name) for line, name in pairs if name == "../../../x"]
    chosen = often(climbing, random.Random(9).sample(pairs, 400))
    for line, name in chosen:
        words = [word.replace("{}", name) for word in line.split(" ")]
        outcome = workspace.doit("run", *words)
        what = (line, name)
        assert "Traceback" not in outcome.stderr, what
        assert outcome.returncode in (0, 1), (what, outcome.stderr)
        if outcome.returncode == 1:
            one_error(outcome.stderr)
        outside(what)
    tried("an evil name in a real run", "one line, or a run; nothing outside is touched", len(chosen))


def test_a_module_whose_name_is_no_text_is_measured(workspace, tried):
    """As an archive of an old system unpacks: bytes that are no UTF-8."""
    name = os.fsencode(workspace.path) + b"/caf\xe9.wasm"
    shutil.copy(workspace.path / "good.wasm", name)
    arguments = ("artifact=" + os.fsdecode(b"caf\xe9.wasm"), "rounds=1", "backends=wasmtime.cranelift")
    settles(workspace, *arguments)
    tried("a file whose name is no text", "measured like any other")


def test_links_lead_nowhere(workspace, outside, tried):
    """Links out of build/, results/ and report/, where a run writes, and a killed run's litter behind one."""
    house = house_of(workspace)
    workspace.run("variants=O3", "rounds=1")
    precious = house / "x" / ".new-precious"
    precious.write_text("of the house")
    (house / "x" / "round-01.json").write_text("of the house")
    target = house / "x" / "x"
    sample = workspace.results / "coremark/zig/O3/native/round-01.json"
    artifact = workspace.path / "build/artifacts/coremark/zig/O3/wasm/coremark.wasm"
    links = [sample, artifact, workspace.path / paths.RESULTS_JSON, workspace.path / paths.REPORT_MD]
    (workspace.path / paths.CHECKOUT_NOTE).write_text("a run that was killed\n")
    for link in links:
        link.unlink()
        link.symlink_to(target)
    folders = [
        workspace.path / place / "0123456789ab" for place in (paths.RESULTS, paths.BUILD, paths.REPORT)
    ]
    for folder in folders:
        folder.symlink_to(house / "x")
    before = {str(p): p.read_bytes() for p in (house / "x").iterdir()}
    workspace.run("variants=O3", "rounds=1")
    assert set(cells(workspace).values()) == {"ok"}
    assert [link for link in links if link.is_symlink()] == []
    # Last, for it takes all that the other tests build on.
    assert workspace.doit("clean").returncode == 0
    assert {str(p): p.read_bytes() for p in (house / "x").iterdir()} == before
    tried("links out of the folders that a run writes to, cleans or sweeps", "what they lead to stays", 7)
