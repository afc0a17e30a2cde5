"""A terminal gets a live view, a log gets lines, and neither gets colours that it does not want."""

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from tests.conftest import environment

_COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7][0-9;]*m")


def on_a_terminal(workspace, **variables):
    """What a run prints on a terminal of 120 columns."""
    parent, child = pty.openpty()
    variables = {**environment(workspace.path), "COLUMNS": "120", "LINES": "40", "TERM": "xterm", **variables}
    command = [sys.executable, "-m", "doit", "run", "variants=O2"]
    process = subprocess.Popen(command, cwd=workspace.path, env=variables, stdout=child, stderr=child)
    os.close(child)
    printed, end = b"", time.monotonic() + 300
    while time.monotonic() < end:
        if select.select([parent], [], [], 1)[0]:
            try:
                printed += os.read(parent, 1 << 16)
            except OSError:  # the other end is closed
                break
    os.close(parent)
    assert process.wait(timeout=10) == 0, printed
    return printed


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_what_a_terminal_shows(workspace, variables):
    printed = on_a_terminal(workspace, **variables)
    live = variables.get("TERM") != "dumb"
    assert bool(re.search(rb"\d/2 cells", printed)) == live
    assert (b"\xc2\xb7" in printed) == live, "the table as it fills up"
    assert (b"measure coremark zig O2 native 1 (about" in printed) == (not live)
    if variables:
        assert not _COLOUR.search(printed)
    assert b"EEMBC CoreMark, compiled by zig" in printed
    if not live:
        assert b"\x1b" not in printed


def test_a_terminal_without_room_gets_a_smaller_table(workspace):
    printed = on_a_terminal(workspace, LINES="16", COLUMNS="80").decode()
    end = printed[printed.rindex("EEMBC CoreMark, compiled by zig") :].splitlines()
    assert len(end) <= 14
    assert "report/report.txt and report/report.md." in " ".join(" ".join(end).split())
    assert any("wasmtime.cranelift" in line for line in end)
    assert "iterations/s undisturbed" in (workspace.path / "report/report.txt").read_text()


def test_a_log_is_complete_and_plain(workspace):
    own, trapped = "void start_time(void) {", "\n#ifdef TRAP\n__builtin_trap();\n#endif\n"
    workspace.edit("third_party/coremark/core_portme.c", own, own + trapped)
    outcome = workspace.doit("run", "flags=-O2 -DTRAP", "variants=O2", "backends=wasmtime.cranelift")
    assert outcome.returncode == 1
    assert "\x1b" not in outcome.stdout + outcome.stderr
    line = r"^    coremark/zig/O2-DTRAP/wasmtime.cranelift, round 1: trap: "
    assert re.search(line, outcome.stdout, re.MULTILINE)


def in_shell(workspace, words):
    """doit with these words and redirections, as bash reads them."""
    return subprocess.run(
        ["bash", "-c", f'"$0" -m doit {words}', sys.executable],
        cwd=workspace.path,
        env=environment(workspace.path),
        capture_output=True,
        text=True,
        timeout=300,
    )


def piped(workspace, command, lines=1):
    """(standard output, standard error) of doit in a pipe whose reader ends after some lines."""
    outcome = in_shell(workspace, f"{command} | head -{lines}")
    return outcome.stdout, outcome.stderr


@pytest.mark.parametrize(
    "command",
    [
        *(
            "list",
            "list --all --status",
            "help",
            "--help",
            "help run",
            "run help",
            "run doctor",
            "run history",
        ),
        *("info build", "dumpdb", "tabcompletion", "--version"),
    ],
)
def test_a_reader_that_ends_early(workspace, command):
    stdout, stderr = piped(workspace, command)
    assert stdout.count("\n") == 1, (stdout, stderr)
    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr
    assert "Broken pipe" not in stderr


def test_a_run_whose_reader_ends_early_goes_on_next_time(workspace):
    stdout, stderr = piped(workspace, "run variants=O2 rounds=1")
    assert stdout.startswith("[")
    again = "run: doit run variants=O2 rounds=1"
    assert stderr == f"error: standard output: Broken pipe; what is finished is kept; {again}\n"
    workspace.run("variants=O2", "rounds=1")
    stdout, stderr = piped(workspace, "run variants=O2 rounds=1")
    assert (stdout, stderr) == ("Everything is up to date.\n", "")


def test_outputs_that_are_closed(workspace):
    for command in ("list", "help", "run help tune"):
        for redirection in (">&-", "2>&-", "<&- >&- 2>&-"):
            outcome = in_shell(workspace, f"{command} {redirection}")
            assert (outcome.returncode, outcome.stderr) == (0, ""), (command, redirection)


def test_a_different_folder(workspace, tmp_path):
    """doit -f, -k and -d: one line that names the folder to run doit in, and nothing is changed."""
    before = workspace.snapshot()
    below, dodo = workspace.path / "pipeline", f"{workspace.path}/dodo.py"
    cases = [
        (below, ["-f", "../dodo.py", "list"], f"ERROR: doit was started in {below}; run: cd "),
        *(
            (below, arguments, f"ERROR: doit was started in {below}; run: cd ")
            for arguments in (["-k", "run"], ["--seek-file", "run"], ["run", "-k"], ["run", "--seek-file"])
        ),
        *(
            (tmp_path, arguments, f"ERROR: doit was started in {tmp_path}; run: cd ")
            for arguments in (["-f", dodo, "run"], ["run", "-f", dodo], ["run", "--file", dodo, "doctor"])
        ),
        (workspace.path, ["-d", "pipeline", "list"], "error: -d pipeline: the tasks work in "),
        (workspace.path, ["run", "-d", "pipeline"], "error: -d pipeline: the tasks work in "),
    ]
    for folder, arguments, message in cases:
        outcome = subprocess.run(
            [sys.executable, "-m", "doit", *arguments],
            cwd=folder,
            env=environment(workspace.path),
            capture_output=True,
            text=True,
        )
        assert outcome.returncode in (1, 3)
        assert outcome.stderr.startswith(message), outcome.stderr
        assert outcome.stderr.count("\n") == 1
    for arguments in (
        *(["-f", "dodo.py", "list"], ["-f", dodo, "list"], ["-k", "list"]),
        *(["list", "-f", dodo], ["--seek-file", "list"], ["list", "--seek-file"]),
    ):
        outcome = workspace.doit(*arguments)
        assert (outcome.returncode, outcome.stderr) == (0, "")
        assert outcome.stdout.startswith("flags ")
    outcome = workspace.doit("run", "-f", dodo, "--seek-file", "help", "tune")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == workspace.doit("run", "help", "tune").stdout != ""
    assert workspace.snapshot() == before
