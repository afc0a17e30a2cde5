"""Limits of the system's (ulimit) are low: a run ends as any other, or says of what there is too little."""

import os
import re
import resource
import shutil
import signal
import subprocess

import pytest

from pipeline.core import paths
from tests.conftest import make_workspace
from tests.faults import harness
from tests.faults.around import ONE, ends_well, ends_with_one_line, start

FAULTS = "low limits"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, finished):
    made = finished(tmp_path_factory.mktemp("limits") / "a copy")
    made.run(*ONE)
    return made


def limit(kind, value):
    """For a new process: no more of it, and no way to raise that."""
    return lambda: resource.setrlimit(kind, (value, value))


#: {what is left: limit} with which all goes on as usual.
ENOUGH = {
    "64 MiB of data": limit(resource.RLIMIT_DATA, 64 * MIB),
    "64 open files": limit(resource.RLIMIT_NOFILE, 64),
    "32 open files": limit(resource.RLIMIT_NOFILE, 32),
    "files of 1 MiB": limit(resource.RLIMIT_FSIZE, MIB),
    "a stack of 256 KiB": limit(resource.RLIMIT_STACK, 256 * KIB),
    "no locked memory": limit(resource.RLIMIT_MEMLOCK, 0),
    "16 GiB of addresses": limit(resource.RLIMIT_AS, 16 * GIB),
}


def test_limits_that_are_enough(workspace, often, tried):
    for what in often(["64 MiB of data", "32 open files"], list(ENOUGH)):
        ends_well(workspace, start(workspace, preexec=ENOUGH[what]))
        tried(f"only {what}", "ok")


#: As a user of no other processes, whose own are counted, but who may enter our folders.
OTHER = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
OTHER += ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]


def as_other():
    """Skip where no process can belong to a different user."""
    there = os.getuid() == 0 and shutil.which("setpriv")
    if not there or subprocess.run([*OTHER, "true"], capture_output=True).returncode != 0:
        pytest.skip("needs root and setpriv")


def cell_of(path):
    """The name of a sample's cell."""
    return "/".join(path.parts[-5:-1])


def test_too_few_open_files(workspace, often, tried):
    for number in often([16], [10, 12, 14, 16]):
        run = start(workspace, preexec=limit(resource.RLIMIT_NOFILE, number))
        ends_with_one_line(workspace, run, "Too many open files|unable to open database file")
        tried("too few open files", "one line, nothing measured")


def test_too_few_processes(workspace, often, tried):
    as_other()
    for number in often([1], [1, 2]):
        # Below the tests' own folder, which only root may enter: so it has that capability.
        run = start(workspace, preexec=limit(resource.RLIMIT_NPROC, number), before=OTHER)
        ends_with_one_line(workspace, run, "Resource temporarily unavailable")
        tried("too few processes", "one line, nothing measured")


def test_too_small_files(workspace, tried):
    run = start(workspace, preexec=limit(resource.RLIMIT_FSIZE, 4 * KIB))
    try:
        assert run.end() == 1, run.printed
        assert re.search(r"\.doit\.db: disk I/O error", harness.one_error(run.printed)), run.printed
        assert run.printed.count("\n") == 1, run.printed
        assert harness.finished(workspace) == {}
    finally:
        harness.settles(workspace, *ONE)
    tried("files of 4 KiB at most", "one line, nothing measured")


@pytest.mark.parametrize("what", ["addresses", "processes"])
def test_what_a_limit_spoils_is_measured_again(workspace, what, tried):
    if what == "addresses":
        run = start(workspace, preexec=limit(resource.RLIMIT_AS, 4 * GIB))
    else:
        as_other()
        run = start(workspace, preexec=limit(resource.RLIMIT_NPROC, 3), before=OTHER)
    assert run.end() == 1, run.printed
    assert "Traceback" not in run.printed
    printed = {
        "addresses": "trap: wasmtime.cranelift: Cannot allocate memory",
        "processes": "crash: native: .* unav",
    }
    assert re.search(printed[what], run.printed), run.printed
    statuses = harness.cells(workspace)
    good = [path for path in harness.finished(workspace) if statuses[cell_of(path)] == "ok"]
    assert len(good) == (1 if what == "addresses" else 0), statuses
    try:
        harness.settles(workspace, *ONE, before=good)
    finally:
        shutil.rmtree(workspace.path / paths.RESULTS)
    tried(f"so few {what} that workers fail", "their cells' status with the reason; then measured again")


def test_too_little_processor_time(workspace, often, tried):
    if not often(False, True):
        pytest.skip("takes a run of 90 rounds: only with --long-faults")
    # Of which doit itself needs about 2 s.
    choice = ("variants=O3", "rounds=90")
    run = start(workspace, *choice, preexec=limit(resource.RLIMIT_CPU, 1))
    assert run.end() == -signal.SIGKILL, run.printed
    assert run.orphans() == []
    before = harness.finished(workspace)
    assert before
    harness.settles(workspace, *choice, before=before)
    shutil.rmtree(workspace.path / paths.RESULTS)
    tried("one second of processor time, after which the kernel kills doit", "the next run goes on")


def test_the_page_cannot_end_a_run(tmp_path, prepared, tried):
    """vl-convert aborts its process where it may not reserve addresses."""
    made = make_workspace(tmp_path / "a copy", prepared, page=True)
    made.run("measure", *ONE)  # runtimes need more, too
    run = start(made, keep=True, before=("sh", "-c", 'ulimit -v 4194304; exec "$@"', "sh"))
    assert run.end() == 1, run.printed
    assert re.search(
        r"^error: page: its process died of SIG\w+ \(Fatal .*; then run: doit run\b.*$", run.printed, re.M
    )
    harness.one_error(run.printed)
    assert "wasmtime.cranelift" in run.printed.rpartition("\n\n")[0], "the table is shown"
    for path in (paths.RESULTS_JSON, "report/results.csv", paths.HISTORY):
        assert (made.path / path).exists(), path
    assert not (made.path / paths.INDEX_HTML).exists()
    again = made.run(*ONE)
    assert [task.split()[0] for task in again] == ["page", "check"]
    assert (made.path / paths.INDEX_HTML).exists()
    tried("4 GiB of addresses, too few for the page", "named, the table and all other files made")
