"""Clocks jump, processes are stopped for a while, processors go: numbers stay right, and nothing is lost."""

import contextlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.core import paths
from pipeline.measure import sample
from tests.conftest import CLOCK_RUN_S, ROOT
from tests.faults import harness
from tests.faults.around import CELLS, ONE, ends_well, start

FAULTS = "clock, pauses, processors"
YEAR_S = 365 * 24 * 3600
CLOCK = ROOT / "tests/standins/wall_clock.c"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, finished):
    """A workspace whose run ended well; its workers get the clock of its runs."""
    made = finished(tmp_path_factory.mktemp("system") / "a copy")
    passed = '**{k: os.environ[k] for k in ("LD_PRELOAD", "CLOCK_OFFSET") if k in os.environ}'
    made.edit("pipeline/runtimes/launch.py", 'environment = {"PATH": ', f'environment = {{{passed}, "PATH": ')
    made.run(*ONE)
    return made


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """``clock(seconds)`` sets the wall clock of those who run in the environment ``clock.environment``."""
    folder = tmp_path_factory.mktemp("clock")
    # The machine's own compiler, where there is one: zig would make a C library first.
    compiler = [shutil.which("cc")] if shutil.which("cc") else [sys.executable, "-m", "ziglang", "cc"]
    command = [*compiler, "-shared", "-fPIC", "-o", "clock.so", str(CLOCK)]
    subprocess.run(command, cwd=folder, check=True)

    def put(seconds):
        (folder / "new").write_text(str(seconds))
        os.replace(folder / "new", folder / "offset")

    put.environment = {"LD_PRELOAD": str(folder / "clock.so"), "CLOCK_OFFSET": str(folder / "offset")}
    return put


def test_the_clock_is_years_off(workspace, clock, often, tried):
    for years in often([5, -30], [5, 200, -1, -30, -56, -70]):
        clock(years * YEAR_S)
        run = start(workspace, env=clock.environment)
        ends_well(workspace, run)
        measured = {sample.read(path).measured[:4] for path in harness.finished(workspace)}
        assert measured <= {str(time.gmtime().tm_year + years + d) for d in (-1, 0, 1)}, "the clock was right"
        # Back in our time, and in a third, all is as it was.
        before = harness.finished(workspace)
        clock(-years * YEAR_S // 2)
        again = start(workspace, env=clock.environment, keep=True)
        assert again.end() == 0, again.printed
        assert "Everything is up to date" in again.printed, again.printed
        assert harness.finished(workspace) == before
        tried("the clock is years off in a run, and off by other years in the next", "nothing measured again")


def test_the_clock_jumps_meanwhile(workspace, clock, often, tried):
    chance = random.Random(9)
    for _ in range(often(1, 5)):
        clock(0)
        run = start(workspace, "variants=O3", "rounds=2", env=clock.environment)
        jumps = 0
        while run.lives():
            jumps += 1
            clock(chance.randrange(-3 * YEAR_S, 3 * YEAR_S))
            time.sleep(chance.uniform(0, 0.05))
        assert jumps > 10, "it ended too soon"
        ends_well(workspace, run, "variants=O3", "rounds=2")
        tried("the clock jumps by years during a run", "no duration is wrong, nothing measured again", jumps)


def test_a_source_from_another_time_is_a_new_one(workspace, often, tried):
    """Edited where the clock was wrong, or unpacked with old times: newer is not what decides."""
    (source,) = workspace.path.glob("third_party/coremark/**/core_portme.c")
    for years in often([-20], [-20, -1, 20]):
        with open(source, "ab") as stream:
            stream.write(b"\n")
        then = time.time() + years * YEAR_S
        os.utime(source, (then, then))
        executed = workspace.run(*ONE)
        assert "compile coremark zig O3 wasm core_portme" in executed, (years, executed)
        tried("a source changes and is older or newer by years", "compiled again")


@pytest.fixture
def longer(workspace):
    """Rounds of many pairs, so that a pause hits some."""
    for key in ("undisturbed", "pairs"):
        workspace.edit("matrix.toml", f"{key} = 2 ", f"{key} = 60 ")
    yield workspace
    for key in ("undisturbed", "pairs"):
        workspace.edit("matrix.toml", f"{key} = 60 ", f"{key} = 2 ")


def stopped(processes, seconds):
    """Stop them all for a while."""
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGSTOP:
            time.sleep(seconds)


def test_a_pause_is_not_in_the_numbers(longer, often, tried):
    chance = random.Random(9)
    pauses = {"all": 0, "workers": 0}
    hit = 0
    while hit < often(1, 20):
        who = chance.choice(list(pauses))
        run = start(longer)
        while run.lives(300):
            time.sleep(chance.uniform(0.15, 0.5))
            if len(harness.finished(longer)) < len(CELLS) and run.wait_for("] measure", 60):
                workers = [p.pid for p in run.children()]
                stopped([*workers, *([run.process.pid] if who == "all" else [])], chance.uniform(0.1, 0.3))
                pauses[who] += 1
        ends_well(longer, run)
        for path in harness.finished(longer):
            found = sample.read(path)
            shares = [*zip(found.cpu_shares, found.reference_cpu_shares, strict=True)]
            # A chunk of some milliseconds with a pause in it had a processor for a small part of its time.
            paused = {i for i, both in enumerate(shares) if min(both) < 0.3}
            steady = set(found.steady())
            assert not paused & steady, path
            hit += len(paused)
            ratios = [found.scores[i] / found.reference_scores[i] for i in steady]
            middle = statistics.median(ratios) if ratios else 0.0
            # A pause that was believed would make one of the two slower by tens of times.
            assert all(middle / 4 < x < 4 * middle for x in ratios), (path, sorted(ratios))
        assert sum(pauses.values()) < 1000, "no pause ever hit a chunk"
    for who, times in pauses.items():
        tried(f"SIGSTOP and SIGCONT to {who} while measuring", "paused pairs are left out", times)


#: Asks a worker that computes for 0.3 s and may take 3 s.
ASKS = """
import os, sys
from pipeline.runtimes.worker_process import Worker
code = '''
import sys, time
print('{"protocol": 1}', flush=True)
sys.stdin.readline()
begun = time.process_time()
while time.process_time() < begun + 0.3:
    pass
print('{"done": 1}', flush=True)
sys.stdin.readline()
'''
with Worker([sys.executable, "-c", code], dict(os.environ), memory_mib=512) as worker:
    print("asks", flush=True)
    print(worker.request({}, 3.0), flush=True)
"""


def test_a_pause_of_doit_is_no_time_of_its_worker(often, tried):
    for who in often(["all"], ["all", "doit"] * 5):
        command = [sys.executable, "-c", ASKS]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
            assert asking.stdout.readline() == "asks\n"
            time.sleep(0.1)
            workers = [p.pid for p in psutil.Process(asking.pid).children()]
            assert len(workers) == 1
            stopped([*(workers if who == "all" else []), asking.pid], 4)
            assert asking.stdout.read() == "{'done': 1}\n", who
        tried(f"SIGSTOP to {who} for longer than a worker may take", "its answer is waited for")


@pytest.fixture
def impatient(workspace):
    """Workers that may take a second, with runs long enough for a pause to hit one."""
    long_run = ("pipeline/measure/session.py", f"CLOCK_RUN_S = {CLOCK_RUN_S}", "CLOCK_RUN_S = 0.3")
    workspace.edit("matrix.toml", "run_timeout_s = 5", "run_timeout_s = 1")
    workspace.edit(*long_run)
    yield workspace
    workspace.edit(long_run[0], long_run[2], long_run[1])
    workspace.edit("matrix.toml", "run_timeout_s = 1", "run_timeout_s = 5")
    harness.settles(workspace, *ONE)


def test_a_long_pause_of_a_worker_is_its_timeout(impatient, tried):
    # Between two requests no process waits for a worker: then once more.
    for _ in range(10):
        shutil.rmtree(impatient.results, ignore_errors=True)
        run = start(impatient)
        assert run.wait_for(r"\] measure "), run.printed
        while ": timeout: " not in run.printed and run.lives(300):
            stopped([p.pid for p in run.children()], 1.3)
            run.lives(300)
        # The next cell's workers are not meant: where the kernel was slow to end these, once more.
        if run.end() == 1 and "ok" in harness.cells(impatient).values():
            break
    assert run.end() == 1, run.printed
    assert "no answer within 1 s" in run.printed
    assert sorted(harness.cells(impatient).values()) == ["ok", "timeout"]
    tried("SIGSTOP to workers for longer than they may take", "timeout, the other cell ok")


def test_one_processor_is_left(workspace, often, tried):
    usable = sorted(os.sched_getaffinity(0))
    for processor in often(usable[-1:], usable):
        run = start(workspace, preexec=lambda: os.sched_setaffinity(0, {processor}))  # noqa: B023
        ends_well(workspace, run)
        for path in harness.finished(workspace):
            assert set(sample.read(path).processors) == {processor}, path
        tried("one processor for the whole run", "measured on that one")


def test_a_processor_is_lost_meanwhile(workspace, often, tried):
    """Not there for any of its processes, from some moment on."""
    if len(usable := sorted(os.sched_getaffinity(0))) < 2:
        pytest.skip("needs two processors")
    rounds = f"rounds={often(2, 6)}"
    run = start(workspace, "variants=O3", rounds)
    assert run.wait_for(r"\] measure "), run.printed
    while not run.children():
        assert run.lives(), run.printed
    for each in [psutil.Process(run.process.pid), *run.children()]:
        with contextlib.suppress(psutil.Error):
            each.cpu_affinity(usable[:1])
    ends_well(workspace, run, "variants=O3", rounds)
    later = sorted(harness.finished(workspace), key=lambda path: path.stat().st_mtime_ns)[2:]
    assert {number for path in later for number in sample.read(path).processors} == set(usable[:1])
    tried("the affinity mask becomes one processor during a run", "the rest is measured on that one")


def test_a_processor_goes_offline(workspace, often, tried):
    """With one less it is a different machine, whose numbers are not those of the whole one."""
    if not often(False, True):
        pytest.skip("takes a processor from everybody: only with --long-faults")
    switch = Path("/sys/devices/system/cpu/cpu1/online")
    if not os.access(switch, os.W_OK):
        pytest.skip("needs root and a processor that can be switched off")
    run = start(workspace, "variants=O3", "rounds=3")
    assert run.wait_for(r"\] measure "), run.printed
    time.sleep(0.3)
    try:
        switch.write_text("0")
        assert run.end() == 0, run.printed
        before = harness.finished(workspace)
        assert len(before) == 3 * len(CELLS)
        executed = harness.settles(workspace, *ONE, before=before)
        assert sum(task.startswith("measure") for task in executed) == len(CELLS)
    finally:
        switch.write_text("1")
    assert harness.settles(workspace, "variants=O3", "rounds=3", before=harness.finished(workspace))
    shutil.rmtree(workspace.path / paths.RESULTS)
    tried(
        "a processor goes offline during a run, and comes back",
        "measured again while it is away, otherwise kept",
    )
