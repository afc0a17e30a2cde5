"""Where a run writes and reads: full, read-only, gone or closed to it, from the start or while it runs."""

import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pipeline.core import paths
from tests.conftest import environment, make_workspace
from tests.faults import harness, mounts

FAULTS = "full, read-only and vanishing places"
ZIG = "build/artifacts/coremark/zig"
#: What is full, and that it is.
FULL = r"No space left on device: \S|(?<!error): (No space left|database or disk is full)|is the disk full\?"
#: What a search or a self-test finds out on a busy machine.
BUSY = r"this machine cannot be measured on|no round of it was undisturbed"
#: What is no part of the report.
BESIDE = r"report/(index\.html|charts|\w+\.csv)|history"
#: The owner of its files and nothing more: also where an interpreter lies that only root may start.
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "env", "-u", "HOME")
TUNE = ("tune", "backend=wasmtime.cranelift", "budget=2")


@pytest.fixture(scope="module")
def disk():
    mounts.private()
    # Not pytest's folder: other users may not enter that.
    with tempfile.TemporaryDirectory(prefix="places-") as folder:
        os.chmod(folder, 0o755)
        with mounts.disk(Path(folder) / "disk") as made:
            yield made


@pytest.fixture(scope="module")
def on_disk(disk, prepared):
    """A workspace on a file system of its own whose run ended well, with a page and a lock."""
    made = make_workspace(disk.folder / "a copy", prepared, page=True)
    harness.settles(made)
    made.run("lock")
    return made


def remove(workspace, *patterns):
    """Remove what is there of it; returns how much that was."""
    found = [path for pattern in patterns for path in sorted(workspace.path.glob(pattern))]
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return len(found)


def run_in(workspace, *arguments, **options):
    """A run whose output goes to a different place: where it writes may be full."""
    output = workspace.path.parent.parent / "printed"
    run = harness.Run(workspace.path, "run", *arguments, output=output, **options)
    return run.end(), run.printed


def refused(status, printed, sign, where):
    """One clear line, and nothing half-written."""
    assert status == 1, (where, status, printed)
    assert re.search(sign, harness.one_error(printed)), (where, printed)


def fill(disk, workspace, pages, *arguments):
    """A run with room for so many pages: whether that was too little. What must hold held then."""
    before = harness.finished(workspace)
    used = disk.used()
    disk.shrink(used + pages)
    try:
        status, printed = run_in(workspace, *arguments)
    finally:
        disk.grow()
    if re.search(BUSY, printed):
        status = 0  # which is no trouble of the disk
    if status != 0:
        refused(status, printed, FULL, f"{pages} pages of room")
        # Where only what is written after the report has no room, that is right all the same.
        if re.search(BESIDE, harness.one_error(printed)):
            assert set(harness.cells(workspace).values()) == {"ok"}, printed
            assert (workspace.path / paths.REPORT_TXT).exists(), printed
    assert "Traceback" not in printed, (pages, printed)
    assert harness.litter(workspace.path) == [], f"{pages} pages of room"
    assert before.items() <= harness.finished(workspace).items(), f"{pages} pages of room"
    return status != 0


#: All that a run of the matrix writes, but the compiler's cache, which is a link here.
EVERYTHING = (
    *(
        "third_party/coremark/core_[lmsu]*.c",
        "build/workloads",
        "build/runtimes",
        "build/toolchains/zig/[fi]*",
    ),
    *(f"{ZIG}/O[23]", "results", "report", "history"),
)


def test_a_disk_that_fills_up_at_any_page(disk, on_disk, often, tried):
    wanted = harness.modules(on_disk)
    assert remove(on_disk, *EVERYTHING) >= len(EVERYTHING)
    start, times = disk.used(), 0
    # What is finished stays and takes room: each run gets some pages further than the one before it.
    for room in often((1, 8, 30, 84, 98, 126, 150, 183, 240, 10_000), itertools.count(0, 3)):
        if not fill(disk, on_disk, max(0, start + room - disk.used())):
            break
        times += 1
    assert times >= 8, "it was hardly ever full"
    finished = harness.finished(on_disk)
    harness.settles(on_disk, before=finished)
    assert harness.modules(on_disk) == wanted, "a module is not what was linked"
    tried(
        "disk full, at each third page of what a run writes",
        "named, exit 1; what was finished kept",
        times,
    )


#: What a run writes in addition to the matrix: what to remove before, the run, and too few pages for it.
OTHERS = {
    "lock": (("artifacts.lock",), ("lock",), (20,)),
    "bundle": (("build/bundle",), ("bundle",), (60,)),
    "explain": (("report/explain.*",), ("explain",), (6,)),
    "tune": (("results/*/coremark/zig/tune*", f"{ZIG}/tune*"), TUNE, (20, 49)),
    "history": (("history", "results/*/coremark/zig/O3"), (), (30,)),
    "page and exports": (("report/index.html", "report/charts", "report/*.csv"), (), (8, 60)),
    # Of the checkout of a rebuild: with the long version.
    "verify": (("build/rebuilt", "build/verify*"), ("verify",), ()),
    "new": (("workloads/local/mine",), ("new", "workload=mine", "from=mine.c"), (0, 2)),
    "selftest": (("report/selftest*", "results/*/selftest*"), ("selftest", "repeats=2"), ()),
    "doit's memory": ((".doit.db*", f"{ZIG}/O2/wasm/coremark.wasm"), (), (2, 7)),
}


def test_a_full_disk_outside_the_matrix(disk, on_disk, often, tried):
    memory = (on_disk.path / ".doit.db").read_bytes()
    (on_disk.path / "mine.c").write_text("int main(void) { return 0; }\n")
    for name, (patterns, arguments, rooms) in OTHERS.items():
        times = 0
        for pages in often(rooms, range(0, 1500, 7)):
            remove(on_disk, *patterns)
            if not fill(disk, on_disk, pages, *arguments):
                break
            times += 1
        assert times or not often(rooms, True), f"{name}: it was never full"
        if often(name == list(OTHERS)[-1], True):
            # Without it all is made again, which takes long.
            often((on_disk.path / ".doit.db").write_bytes, len)(memory)
            harness.settles(on_disk)
        if arguments and rooms:
            remove(on_disk, *patterns)
            outcome = on_disk.doit("run", *arguments)
            assert outcome.returncode == 0 or re.search(BUSY, outcome.stderr), outcome.stderr
        tried(f"disk full, {name}", "named, exit 1; the next run made it", times)
    shutil.rmtree(on_disk.path / paths.LOCAL_WORKLOADS)


#: A folder or file to which nothing can be written; what is to be made again; by which run; what is printed.
READ_ONLY = {
    ".": (("report/report.md",), (), r"\.doit\.lock"),
    "build": ((f"{ZIG}/O2/wasm/coremark.wasm",), (), ZIG),
    f"{ZIG}/O2/wasm": ((f"{ZIG}/O2/wasm/core_util.*",), (), f"{ZIG}/O2/wasm"),
    "build/bundle": (("build/bundle/*",), ("bundle",), "build/bundle"),
    "build/runtimes": (("build/runtimes/wasmtime*",), (), "build/runtimes"),
    "build/toolchains": (("build/toolchains/zig/flags/*",), (), "build/toolchains"),
    "results": (("results/*/coremark/zig/O2",), (), "results"),
    "report": (("report/report.txt",), (), "report"),
    "report/charts": (("report/index.html", "report/charts/*"), (), "report/charts"),
    "history": (("results/*/coremark/zig/O3",), (), "history: "),
    "third_party/coremark": (("third_party/coremark/core_util.c",), (), "third_party/coremark"),
}


@pytest.mark.parametrize("place", READ_ONLY)
def test_a_read_only_place(on_disk, often, tried, place):
    patterns, arguments, where = READ_ONLY[place]
    if place not in often((".", f"{ZIG}/O2/wasm", "report/charts"), READ_ONLY):
        pytest.skip("with --long-faults")
    (on_disk.path / place).mkdir(exist_ok=True)
    remove(on_disk, *patterns)
    before = harness.finished(on_disk)
    with mounts.read_only(on_disk.path / place):
        status, printed = run_in(on_disk, *arguments)
    refused(status, printed, where, place)
    assert re.search("read-?only", printed, re.IGNORECASE), printed
    # What needs no writing is no trouble.
    harness.settles(on_disk, before=before)
    with mounts.read_only(on_disk.path / place):
        assert on_disk.run() == [], place
    tried("a place is read-only", "named, exit 1; the next run made what was missing")


def test_doits_memory_is_read_only(on_disk, tried):
    remove(on_disk, "report/report.md")
    with mounts.read_only(on_disk.path / ".doit.db"):
        status, printed = run_in(on_disk)
    assert status == 0, printed
    assert "warning: .doit.db: attempt to write a readonly database" in printed
    harness.settles(on_disk)
    tried("doit's memory is read-only", "a warning; all is done, and remembered by the next run")


@pytest.fixture
def unprivileged():
    started = subprocess.run([*UNPRIVILEGED, sys.executable, "-c", ""], capture_output=True)
    if started.returncode != 0:
        pytest.skip("setpriv, and an interpreter that can be started without privileges")
    return UNPRIVILEGED


def test_a_checkout_of_a_different_user(on_disk, unprivileged, tried):
    owned = ("chown", "--recursive", "--no-dereference")
    subprocess.run([*owned, "65534:65534", on_disk.path], check=True)
    status, printed = run_in(on_disk, before=unprivileged)
    assert (status, printed.startswith("Everything is up to date.")) == (0, True), printed
    remove(on_disk, "report/report.md")
    refused(
        *run_in(on_disk, before=unprivileged),
        r"\.doit\.lock.*: Permission denied",
        "a different user's checkout",
    )
    subprocess.run([*owned, "0:0", on_disk.path], check=True)
    harness.settles(on_disk)
    tried(
        "a checkout that belongs to a different user",
        "read; refused by name where something is to be written",
    )


#: Full: of bytes, or of files. The checkout is below /tmp, too.
TMP = (
    'exec 9< "$PWD"; for at in /tmp /var/tmp; do mount -t tmpfs -o size=64k tmpfs $at; done; '
    'mkdir -p "$PWD"; mount -c --bind /proc/self/fd/9 "$PWD"; cd "$PWD"; '
    "for at in /tmp /var/tmp; do cat /dev/zero > $at/filler; done 2> /dev/null; "
    'exec "$@"'
)


def test_temporary_files_have_no_room(on_disk, tried):
    if sys.executable.startswith("/tmp/"):
        pytest.skip("needs a Python outside of /tmp")
    remove(on_disk, "results", f"{ZIG}/O2/wasm")
    inside = ("unshare", "-m", "sh", "-c", TMP, "sh")
    status, printed = run_in(on_disk, before=inside, env={**environment(on_disk.path), "TMPDIR": "/tmp"})
    assert "Traceback" not in printed, printed
    assert status == 0, printed
    harness.settles(on_disk)
    tried("/tmp, /var/tmp and TMPDIR full", "the run ends well without them")


#: What a run made, and what it was given, which is brought back.
MADE = (
    "results",
    "build/runtimes/wasmtime.json",
    ".doit.db*",
    f"{ZIG}/O2/wasm/coremark.wasm",
    "build",
    "report",
    f"{ZIG}/O3/native/artifact.json",
    f"{ZIG}/O2",
    "results/*/coremark/zig/O[23]/native/*1.json",
    ".doit.lock",
    ".doit.run",
    "history",
    "build/settled",
    "third_party/coremark/core_util.c",
)
GIVEN = (
    "pipeline/runtimes/workers/wasmtime_worker.py",
    "matrix.toml",
    "third_party/coremark",
    "pipeline/runtimes/workers/native_worker.py",
    "pipeline/results/assemble.py",
    "pipeline/report/templates",
    "toolchain",
    "workloads",
)


def lose(workspace, place, wait, how, before=()):
    """Do something to a place while a run measures; returns what it printed, None if it had ended before."""
    remove(workspace, "results/*/*")
    output = workspace.path.parent.parent / "printed"
    run = harness.Run(workspace.path, "run", output=output, before=before)
    assert run.wait_for(r"\] measure "), (place, run.printed)
    time.sleep(wait)
    meanwhile = run.process.poll() is None
    how(workspace, place)
    status = run.end()
    assert run.orphans() == [], (place, wait)
    assert status in (0, 1), (place, wait, run.printed)
    assert "Traceback" not in run.printed, (place, wait, run.printed)
    if status:
        harness.one_error(run.printed)
    elif (workspace.path / paths.RESULTS_JSON).exists():
        assert set(harness.cells(workspace).values()) == {"ok"}, (place, wait, run.printed)
    return run.printed if meanwhile else None


def test_files_vanish_while_it_measures(on_disk, often, tried, tmp_path):
    wanted = harness.modules(on_disk)
    chance = random.Random(2)
    bounded = (MADE[0], MADE[3], MADE[-1], GIVEN[0])
    places = list(often(bounded, (*MADE, *GIVEN) * 2))
    times = 0
    for number, place in enumerate(places):
        kept = tmp_path / str(number)
        if place in GIVEN:
            given = on_disk.path / place
            (shutil.copytree if given.is_dir() else shutil.copy2)(given, kept)
        printed = lose(on_disk, place, chance.uniform(0, 1.5), remove)
        times += printed is not None
        if place in GIVEN:
            shutil.rmtree(given, ignore_errors=True)
            (shutil.copytree if kept.is_dir() else shutil.copy2)(kept, given)
        if often(False, True) or number == len(places) - 1:
            harness.settles(on_disk)
            assert harness.modules(on_disk) == wanted, (place, printed)
        if printed and place == MADE[-1] and "error: " in printed:  # which a run makes
            assert "core_util.c" in printed, printed
            assert "git checkout" not in printed, printed
    assert times > len(places) // 2, "it had mostly ended before"
    tried("files and folders removed while it measures", "the next run ends right", times)


def closed(workspace, place):
    for path in workspace.path.glob(place):
        path.chmod(0)


def test_permissions_are_lost_while_it_measures(on_disk, unprivileged, often, tried):
    wanted = harness.modules(on_disk)
    chance = random.Random(3)
    bounded = ("results", f"{ZIG}/O2")
    known = [place for place in (*MADE, *GIVEN) if place != "build"]
    places = list(often(bounded, known * 2))
    times = 0
    for number, place in enumerate(places):
        modes = {path: path.stat().st_mode for path in on_disk.path.rglob("*") if not path.is_symlink()}
        times += lose(on_disk, place, chance.uniform(0, 1.5), closed, unprivileged) is not None
        if number % 3 == 0:
            # It is still closed to the next one.
            status, printed = run_in(on_disk, before=unprivileged)
            assert status in (0, 1), (place, printed)
            assert "Traceback" not in printed, (place, printed)
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)
        if often(False, True) or number == len(places) - 1:
            harness.settles(on_disk)
            assert harness.modules(on_disk) == wanted, place
    assert times, "it had always ended before"
    tried("permissions lost while it measures", "the next run ends right", times)


def test_build_is_closed_while_it_measures(on_disk, unprivileged, often, tried):
    chance = random.Random(4)
    if not (times := often(0, 10)):
        pytest.skip("with --long-faults")
    for _ in range(times):
        lose(on_disk, "build", chance.uniform(0, 1.5), closed, unprivileged)
        (on_disk.path / "build").chmod(0o755)
    harness.settles(on_disk)
    tried("permissions of build/ lost while it measures", "named; the next run ends right", times)
