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


def test_a_log_is_complete_and_plain(workspace):
    own, trapped = "void start_time(void) {", "\n#ifdef TRAP\n__builtin_trap();\n#endif\n"
    workspace.edit("third_party/coremark/core_portme.c", own, own + trapped)
    outcome = workspace.doit("run", "flags=-O2 -DTRAP", "variants=O2", "backends=wasmtime.cranelift")
    assert outcome.returncode == 1
    assert "\x1b" not in outcome.stdout + outcome.stderr
    line = r"^    coremark/zig/O2-DTRAP/wasmtime.cranelift, round 1: trap: "
    assert re.search(line, outcome.stdout, re.MULTILINE)
