"""Runs that have all to measure, in odd surroundings, and what any of them must have come to."""

import re
import shutil

from pipeline.core import paths
from pipeline.measure import sample
from tests.conftest import environment
from tests.faults import harness

ONE = ("variants=O3", "rounds=1")
CELLS = {"coremark/zig/O3/native": "ok", "coremark/zig/O3/wasmtime.cranelift": "ok"}


def start(workspace, *arguments, env=None, without=(), keep=False, **how):
    """A run that has to measure and to report; ``keep`` what is there."""
    if not keep:
        for place in (paths.RESULTS, paths.REPORT):
            shutil.rmtree(workspace.path / place, ignore_errors=True)
    given = {**environment(workspace.path), **(env or {})}
    chosen = {key: value for key, value in given.items() if key not in without}
    return harness.Run(workspace.path, "run", *(arguments or ONE), env=chosen, **how)


def ends_well(workspace, run, *arguments):
    """It ended as any other would have, and the next has nothing to do."""
    status = run.end()
    assert status == 0, run.printed
    assert not re.search("Traceback|^error|Exception ignored", run.printed, re.MULTILINE), run.printed
    assert run.orphans() == []
    assert harness.cells(workspace) == CELLS
    assert_sane(workspace)
    before = harness.finished(workspace)
    assert harness.settles(workspace, *(arguments or ONE), before=before) == [], "something was not finished"


def assert_sane(workspace):
    """No duration and no number of a sample is one that cannot be."""
    for path in harness.finished(workspace):
        found = sample.read(path)
        durations = (found.seconds, found.start_seconds, found.compile_seconds, found.first_run_seconds)
        assert all(0 <= x < 3600 for x in durations if x is not None), (path, durations)
        assert 0.8 <= found.clock_agreement <= 1, path
        assert all(0 < x < 1e6 for x in (*found.scores, *found.reference_scores)), path


def ends_with_one_line(workspace, run, expected):
    """It ended with a line that says what there was too little of, and with enough the next ends well."""
    assert run.end() == 1, run.printed
    assert re.search(expected, harness.one_error(run.printed)), run.printed
    assert run.orphans() == []
    assert set(harness.finished(workspace)) == set(), "something was measured with too little"
    harness.settles(workspace, *ONE)
