"""A user's own command-line runtimes: what they print around a guest's output, how they tell their version,
how they end; each for real, by a stand-in that runs wasmtime."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipeline.core.model import Status
from pipeline.experiment import backend_selection, matrix
from pipeline.experiment.backend_selection import RuntimeTable
from pipeline.measure.guest import Ended, Guest
from pipeline.measure.probes import command_probes
from pipeline.measure.probes.own_output import MARK, OwnOutput, found_around
from pipeline.runtimes import identity
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled

STANDIN = Path(__file__).resolve().parents[1] / "standins" / "runtime"
HELLO = "guest\nhello\nyou\nenv 0, stdin -1\nfile 0\n"


@pytest.fixture(scope="module")
def guest(prepared, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("guest module"), "tests/guests/guest.c")


@pytest.fixture
def protocol():
    return matrix.load({}).protocol


@pytest.fixture
def runtime(tmp_path):
    """``runtime(behaviour, **keys)``: the backend of a runtime that behaves so, with keys of its table.

    ``link``: the name of a symbolic link by which it is called.
    """

    def make(behaviour, link=None, **keys):
        command_probes.clear()
        folder = tmp_path / "runtime"
        folder.mkdir(exist_ok=True)
        (folder / "behaviour").write_text(behaviour)
        program = folder / "runtime"
        program.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{STANDIN}' \"$0\" \"$@\"\n")
        program.chmod(0o755)
        if link is not None:
            (folder / link).symlink_to("runtime")
            program = folder / link
        table = RuntimeTable((str(program), "{artifact}", "{args}"), **keys)
        return backend_selection.known("matrix.toml", {"mine": table})["mine"]

    return make


def output(backend, protocol, guest, *argv):
    """What a guest printed, as the measurement sees it."""
    own = command_probes.own_output(backend, protocol)
    with start(backend, protocol) as worker:
        opened = Guest(worker, backend.name, protocol, forks=True, own=own)
        opened.load(guest, backend.options)
        return opened.output_of(["guest", *argv]).decode()


@pytest.mark.parametrize(
    "behaviour",
    ["", "banner", "trailer", "banner trailer", "counted", "banner counted trailer", "crlf", "crlf banner"],
)
def test_lines_of_the_runtime_are_taken_off(runtime, protocol, guest, behaviour):
    backend = runtime(behaviour)
    for _ in range(2):
        assert output(backend, protocol, guest, "hello", "you") == HELLO


def test_lines_that_differ_from_run_to_run_can_be_named(runtime, protocol, guest):
    backend = runtime("varying")
    found = [output(backend, protocol, guest, "hello", "you") for _ in range(4)]
    assert any(text == f"compiled it first\n{HELLO}" for text in found)
    named = runtime("varying banner", own_lines=("executing .*", "compiled it .*", ""))
    assert [output(named, protocol, guest, "hello", "you") for _ in range(4)] == [HELLO] * 4


def test_a_link_is_started_by_its_own_name(runtime, protocol):
    """What a program does may depend on that, also when it is asked for its version."""
    backend = runtime("", link="trailer")
    assert command_probes.own_output(backend, protocol).without(b"x\nResult: <Empty Stack>\n") == b"x\n"
    backend = runtime("", link="no-version")
    identity.identify(backend.runtime)
    found = identity.load_identity(backend.runtime)
    assert (found.present, found.version) == (True, None), found.reason


def test_what_a_worker_wrote_goes_with_it(runtime, protocol, guest, tmp_path):
    """Though all that a run started is ended after it."""
    place = tmp_path / "temporary"
    place.mkdir()
    backend = runtime("")
    backend = replace(backend, environment={**backend.environment, "TMPDIR": str(place)})
    with start(backend, protocol) as worker:
        opened = Guest(worker, backend.name, protocol, forks=True)
        opened.load(guest, backend.options)
        opened.output_of(["guest", "hello"])
        assert list(place.iterdir())
    deadline = time.monotonic() + 5
    while list(place.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(place.iterdir())


def test_how_slowly_it_starts_is_known(runtime, protocol):
    assert 0.7 <= command_probes.own_output(runtime("slow"), protocol).start_s < 10


def test_a_command_of_ours_is_not_asked(protocol):
    native = backend_selection.known("matrix.toml", {})["native"]
    assert command_probes.own_output(native, protocol) == OwnOutput()


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (("/bin/false",), "it ended with 1"),
        (
            ("/bin/sh", "-c", "echo no such module >&2; exit 3"),
            "with 3; standard error: no such module",
        ),
    ],
)
def test_a_command_that_runs_nothing_is_blamed_itself(protocol, guest, argv, reason):
    command_probes.clear()
    table = RuntimeTable((*argv, "{artifact}", "{args}"))
    backend = backend_selection.known("matrix.toml", {"mine": table})["mine"]
    assert command_probes.own_output(backend, protocol) == OwnOutput()
    found = ended(backend, protocol, guest, "hello", "you")
    assert found.status is Status.INVALID
    assert reason in found.reason
    assert found.reason.startswith("mine does not run a program that only prints a line, with its argv")


def ended(backend, protocol, guest, *argv):
    """How a run ends that does not end well, with what is known of the runtime."""
    with start(backend, protocol) as worker:
        opened = Guest(worker, backend.name, protocol, forks=True)
        opened.load(guest, backend.options)
        try:
            opened.output_of(["guest", *argv])
            error = Ended(Status.INVALID, "the line with its time is missing")
        except Ended as raised:
            error = raised
        return command_probes.explained(error, backend, protocol, opened.exit_status)


def test_a_status_that_only_traps_have_is_a_trap(runtime, protocol, guest):
    found = ended(runtime("loud-trap"), protocol, guest, "trap")
    assert found.status is Status.TRAP
    assert "exited with 134" in found.reason
    found = ended(runtime("loud-trap"), protocol, guest, "exit")
    assert (found.status, "exited with 3" in found.reason) == (Status.INVALID, True)


def test_a_status_of_traps_that_a_guest_may_have_too_is_no_trap(runtime, protocol, guest):
    found = ended(runtime("trap-1"), protocol, guest, "trap")
    assert (found.status, "exited with 1" in found.reason) == (Status.INVALID, True)


def test_a_runtime_that_hides_traps_is_named(runtime, protocol, guest):
    found = ended(runtime("quiet-trap"), protocol, guest, "trap")
    assert found.status is Status.INVALID
    assert "mine ends with status 0 also where a guest traps" in found.reason
    found = ended(runtime("loud-trap"), protocol, guest, "hello", "you")
    assert "name it in own_lines, in [runtimes.mine] of matrix.toml" in found.reason


@pytest.mark.parametrize(
    ("behaviour", "keys", "version", "says"),
    [
        ("", {}, "1.2.3", "built 2024, with version 1.2.3"),
        ("version-on-stderr", {}, "1.2.3", "built 2024, with version 1.2.3"),
        ("no-version", {}, None, None),
        ("no-flag", {}, "1.2.3", "built 2024, with version 1.2.3"),
        ("no-flag", {"version": ("version",)}, "1.2.3", "built 2024, with version 1.2.3"),
        ("", {"version": ()}, None, None),
        ("", {"version": ("-V",)}, "1.2.3", "built 2024, with version 1.2.3"),
    ],
)
def test_its_version(runtime, behaviour, keys, version, says):
    backend = runtime(behaviour, **keys)
    identity.identify(backend.runtime)
    found = identity.load_identity(backend.runtime)
    assert (found.present, found.version) == (True, version), found.reason
    assert found.programs["runtime"].says == says


@pytest.mark.parametrize(
    ("behaviour", "keys", "reason"),
    [
        (
            "two-versions",
            {},
            "a different version each time it is asked: 1.2.1, 1.2.2; see matrix.toml: runtimes.mine",
        ),
        (
            "no-version",
            {"version": ("-V",)},
            "runtime -V ends with status 1, and prints 'error: unknown flag -V'",
        ),
    ],
)
def test_a_version_that_cannot_be_known(runtime, behaviour, keys, reason):
    backend = runtime(behaviour, **keys)
    identity.identify(backend.runtime)
    found = identity.load_identity(backend.runtime)
    assert not found.present
    assert reason in found.reason
    assert "version = []" in found.reason


def test_what_a_run_leaves_behind_is_ended(runtime, protocol, guest):
    backend = runtime("daemon")
    with start(backend, protocol) as worker:
        opened = Guest(worker, backend.name, protocol, forks=True)
        opened.load(guest, backend.options)
        opened.output_of(["guest", "hello", "you"])
        own = psutil.Process(worker.process.pid)
        # What removes the worker's folder is a copy of it.
        assert {tuple(child.cmdline()) for child in own.children(recursive=True)} <= {tuple(own.cmdline())}
    time.sleep(0.05)
    left = subprocess.run(["pgrep", "-f", "time.sleep.300."], capture_output=True, text=True).stdout.split()
    assert [pid for pid in left if _parent(pid) == 1] == []


def _parent(pid):
    try:
        return psutil.Process(int(pid)).ppid()
    except psutil.Error:
        return None


@pytest.mark.parametrize(
    ("output", "guests", "expected"),
    [
        (b"run /a/build/.new-1/probe.wasm\n%s\n", b"run /b/prog.wasm\nx\n", b"x\n"),
        (b"run probe\n%s\n", b"run prog\nx\n", b"x\n"),
        (b"run 7\n%s\n", b"walk 7\nx\n", b"walk 7\nx\n"),  # not that line: nothing is taken off
        (b"%s\n-> 0 after 1.5 ms\n", b"x\n-> 0 after 2 s\n", b"x\n"),
        (b"%s\n-> 0", b"x\n-> 12", b"x\n"),
        (b"nothing of it\n", b"nothing of it\nx\n", b"nothing of it\nx\n"),
        (b"a\n%s\nb\n", b"a\n", b"a\n"),  # too few lines to have both
    ],
)
def test_patterns_of_lines(output, guests, expected):
    own = found_around(output.replace(b"%s", MARK), b"/a/build/.new-1", 0.0)
    assert own.without(guests) == expected
