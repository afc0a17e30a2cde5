"""Two doit in one checkout: the second waits, names the first, and the results are those of one."""

import contextlib
import shutil
import signal
import subprocess
import sys

import pytest

from pipeline.core import paths
from pipeline.core.files import NEW
from pipeline.tasks import command_line
from tests.conftest import environment
from tests.faults import harness

FAULTS = "two runs at once in one checkout"
#: So that the first still measures when the second starts.
LONG = "rounds=6"


def test_the_second_waits_and_names_the_first(workspace, often, tried):
    for command in often([f"run {LONG}"], [f"run {LONG}", f"run -n 2 variants=O3 {LONG}", "forget", "clean"]):
        first = harness.Run(workspace.path, "run", LONG, output=workspace.path.parent / "first")
        assert first.wait_for(r"\] measure ")
        other = harness.Run(workspace.path, *command.split(), output=workspace.path.parent / "second")
        assert other.wait_for("waiting for")
        # Reading does not wait.
        assert workspace.doit("list").returncode == 0
        assert first.process.poll() is None, "it should still have been measuring"
        assert f"waiting for doit run {LONG} (process {first.process.pid} on " in other.printed
        assert "to end: it uses this checkout" in other.printed
        assert (first.end(), other.end()) == (0, 0), first.printed + other.printed
        assert "waiting" not in first.printed
        assert "] measure " not in other.printed, "nothing is measured twice"
        if command == f"run {LONG}":
            assert "Everything is up to date." in other.printed
        harness.settles(workspace)
        shutil.rmtree(workspace.results)
        tried(
            f"doit run and then doit {command.replace(f' {LONG}', '')}",
            "the second waited and named the first",
        )


def test_a_waiting_run_goes_on_when_the_first_is_killed(workspace, tried):
    first = harness.Run(workspace.path, "run", LONG, output=workspace.path.parent / "first")
    assert first.wait_for(r"\] measure ")
    other = harness.Run(workspace.path, "run", output=workspace.path.parent / "second")
    assert other.wait_for("waiting for")
    first.kill(group=True)
    first.end()
    assert other.end() == 0, other.printed
    harness.settles(workspace)
    tried("the first of two runs killed while the second waits", "the second went on and ended well")


@contextlib.contextmanager
def measuring(workspace, folder, *, exclusive):
    """A different process that has the machine, or shares it: as a run of a different checkout does."""
    folder.mkdir()
    code = (
        "import sys; from pipeline.core.locks import machine_lock\n"
        f"with machine_lock(exclusive={exclusive}):\n    print('in', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "doit", "run", "variants=O7"],
        cwd=folder,
        env=environment(workspace.path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"in\n"
        yield process
        process.stdin.close()


def test_a_second_measurement_on_the_machine_waits_and_names_the_first(workspace, tmp_path, tried):
    other = tmp_path / "other"
    with measuring(workspace, other, exclusive=True) as first:
        run = harness.Run(workspace.path, "run", output=tmp_path / "printed")
        assert run.wait_for("waiting for process")
        named = f"waiting for process {first.pid} in {other} (doit run variants=O7, since "
        assert named in run.printed
        assert " (waiting)\n" in run.printed
        assert "left)" not in run.printed, "how long it takes is not known"
        run.kill(signal.SIGINT)
        assert run.end(30) == -signal.SIGINT
        assert run.printed.endswith("interrupted; what is finished is kept; run: doit run\n")
        assert "Traceback" not in run.printed
        run = harness.Run(workspace.path, "run", output=tmp_path / "printed again")
        assert run.wait_for("waiting for process")
    assert run.end() == 0, run.printed
    assert run.printed.count("waiting for process") == 1, "not once for each task"
    assert "left)" in run.printed
    harness.settles(workspace)
    tried("a measurement in a different checkout", "the second waited and named the first; Ctrl-C ended it")


def test_a_program_that_is_edited_while_a_run_waits(workspace, tmp_path, tried):
    """The code in memory is the old one: nothing is recorded with the digest of the new one."""
    with measuring(workspace, tmp_path / "other", exclusive=False):
        run = harness.Run(workspace.path, "run", "variants=O2", output=tmp_path / "printed")
        assert run.wait_for("waiting for process")
        assert "] measure " in run.printed, "builds share the machine"
        workspace.append("pipeline/measure/session.py", "\n_EDITED = 1\n")
    assert run.end() == 1
    changed = "pipeline/measure/session.py: the program was changed while this run went on"
    assert harness.one_error(run.printed) == f"error: {changed}; run: doit run variants=O2"
    assert harness.finished(workspace) == {}
    workspace.run("variants=O2")
    harness.settles(workspace, "variants=O2")
    tried("the program edited while a run waits", "one line, nothing recorded; the next run went on")


def test_many_at_once(workspace, often, tried):
    number = often(3, 8)
    outputs = [workspace.path.parent / f"run {i}" for i in range(number)]
    runs = [harness.Run(workspace.path, "run", output=output) for output in outputs]
    assert [run.end() for run in runs] == [0] * number, [run.printed for run in runs]
    measured = sum(run.printed.count("] measure ") for run in runs)
    assert measured == 8, "each sample was measured once"
    harness.settles(workspace)
    tried("several doit run started at the same moment", "each sample measured once", number)


def test_what_a_killed_run_left_half_made_is_removed(workspace, tried):
    workspace.run()
    folders = (
        "build",
        "build/artifacts/coremark/zig/O2/wasm",
        "report",
        "history",
        ".",
        "third_party/coremark",
    )
    for folder in folders:
        (workspace.path / folder / f"{NEW}file.json.abc_1234").write_text("{")
        (workspace.path / folder / f"{NEW}abcd1234").mkdir()
        (workspace.path / folder / f"{NEW}abcd1234" / "half").write_text("x")
    lying = harness.litter(workspace.path)
    assert len(lying) == 2 * len(folders)
    # No run was killed: a different program may have made it.
    workspace.run("variants=O3")
    assert harness.litter(workspace.path) == lying
    (workspace.path / paths.CHECKOUT_NOTE).write_text("doit run (process 1 on somewhere)\n")
    assert workspace.run("variants=O3") == [], "also where there is nothing else to do"
    assert harness.litter(workspace.path) == []
    assert not (workspace.path / paths.CHECKOUT_NOTE).exists()
    tried("half-made files of a killed run", "removed by the next one", len(lying))


@pytest.mark.parametrize(
    ("command", "alone"),
    [
        ("run", True),
        ("run report", True),
        ("run history report", True),
        ("run tune", True),
        ("clean", True),
        ("forget measure", True),
        ("run history", False),
        ("run compare history", False),
        ("run doctor", False),
        ("list", False),
        ("help run", False),
        ("info measure", False),
    ],
)
def test_which_commands_need_the_checkout_alone(command, alone):
    assert command_line.changes_checkout(command.split()[0], command.split()[1:]) is alone
