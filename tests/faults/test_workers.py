"""Workers that misbehave in real runs: each is the status of its cell, with the reason; the others are ok."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.core.processes import signal_name
from tests.conftest import make_workspace
from tests.faults.harness import Run, cells, litter

FAULTS = "workers"
STANDIN = Path(__file__).resolve().parents[1] / "standins/faulty_worker.py"
BACKEND = """
import json, pathlib
from pipeline.core.model import Backend, Kind, Runtime

RUNTIME = Runtime(name="faulty", worker="faulty_worker.py")
_CASES = json.loads(pathlib.Path(__file__).with_suffix(".json").read_text())
BACKENDS = tuple(
    Backend(f"faulty.{name}", Kind.NATIVE, RUNTIME, environment=environment, forks=True)
    for name, environment in _CASES.items()
)
"""
#: A run in the middle: after validation and calibration, among warm-up and pairs.
MID = "run 12"
NO_PROTOCOL = "the worker's answer is not what the protocol says"
#: Those whose default is to end a process.
ENDING = sorted(
    signal.valid_signals()
    - {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    - {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
)


class Case(NamedTuple):
    """What a worker does, when, and what its cell must say."""

    at: str
    does: str
    given: str
    status: str
    reason: str  # a regular expression
    fault: str  # in words, for the table


def dies(number, at):
    """By a signal."""
    printed = re.escape(f"the worker died of {signal_name(number)}")
    moment = "while it runs" if at == MID else f"at its {at}"
    return Case(
        at, "die", str(int(number)), "crash", printed, f"dies {moment} by each signal that ends a process"
    )


def answers(at, does, given, reason, fault):
    return Case(at, does, given, "crash", reason, fault)


def wrong(at, given, fault, does="changed"):
    return answers(at, does, given, NO_PROTOCOL, fault)


VALUES = "answers with NaN, Infinity, negative or huge numbers"
TYPES = "answers with wrong types or null"
KEYS = "answers without what must be there"
RUBBISH = "prints rubbish instead of the protocol"
NO_JSON = "the worker's answer is not a JSON object"

CASES = {
    "leaves-at-start": Case("start", "leave", "3", "crash", "exited with status 3: last words", "exits"),
    "leaves-at-load": Case("load", "leave", "0", "crash", "exited with status 0: last words", "exits"),
    "leaves-at-run": Case(MID, "leave", "255", "crash", "exited with status 255: last words", "exits"),
    "hangs-at-start": Case(
        "start",
        "die",
        str(int(signal.SIGSTOP)),
        "timeout",
        "no answer within 5 s",
        "hangs before its greeting",
    ),
    "sleeps-at-start": Case(
        "start", "late", "3600", "timeout", "no answer within 5 s", "hangs before its greeting"
    ),
    "hangs-at-load": Case(
        "load", "die", str(int(signal.SIGSTOP)), "timeout", "no answer within 3 s", "hangs"
    ),
    "hangs-at-run": Case(MID, "die", str(int(signal.SIGSTOP)), "timeout", "no answer within 3 s", "hangs"),
    "late": Case(MID, "late", "3.5", "timeout", "no answer within 3 s", "answers late"),
    "wrong-crc": Case(
        # Runs before the chunks are more on a busy machine, and not compared with native's.
        "from run 14",
        "miscounts",
        "",
        "invalid",
        "crcfinal is 0x.*native's is 0x",
        "has a wrong CRC in chunks",
    ),
    "half": answers(MID, "half", "", "exited with status 0", "gives half an answer, and ends"),
    "endless": answers(MID, "endless", "", "answer has no end", "answers without end"),
    "deep": answers(MID, "deep", "", NO_JSON, RUBBISH),
    "rubbish": answers(MID, "rubbish", r"\x1b[2J\x07\xff\xfe\0rubbish\n", NO_JSON, RUBBISH),
    "rubbish-at-load": answers("load", "rubbish", r"Loading module...\n", NO_JSON, RUBBISH),
    "rubbish-at-start": answers("start", "rubbish", r"Welcome!\n", NO_JSON, RUBBISH),
    "null": answers(MID, "rubbish", r"null\n", NO_JSON, RUBBISH),
    "greets-wrongly": answers("start", "changed", '{"protocol": 2}', "expected protocol 1", RUBBISH),
    "huge-clock": Case(
        "start", "changed", f'{{"monotonic": 1{400 * "0"}}}', "ok", "", "greets with a clock of nonsense"
    ),
    "far-clock": Case(
        "start", "changed", '{"monotonic": Infinity}', "ok", "", "greets with a clock of nonsense"
    ),
    "error": answers(
        MID, "replaced", '{"error": "\\u001b[31mred"}', "faulty.error: red$", "answers with an error"
    ),
    "closes": answers(MID, "closes", "", "closed its output and went on", "closes its output and goes on"),
    "twice-run": answers(MID, "twice", "", "spoke without being asked", "answers twice"),
    "twice-load": answers("load", "twice", "", "spoke without being asked", "answers twice"),
    "nan-wall": wrong(MID, '{"wall_seconds": NaN}', VALUES),
    "endless-wall": wrong(MID, '{"wall_seconds": Infinity}', VALUES),
    "negative-wall": wrong(MID, '{"wall_seconds": -0.01}', VALUES),
    "huge-wall": wrong(MID, f'{{"wall_seconds": 1{400 * "0"}}}', VALUES),
    "nan-share": wrong(MID, '{"cpu_share": NaN}', VALUES),
    "negative-share": wrong(MID, '{"cpu_share": -1}', VALUES),
    "huge-share": wrong(MID, '{"cpu_share": 1e300}', VALUES),
    "huge-code": wrong(MID, '{"code": 1e300}', VALUES),
    "negative-output": wrong(MID, '{"stdout_bytes": -1}', VALUES),
    "nan-peak": wrong("run 1", '{"peak_rss_bytes": NaN}', VALUES),
    "negative-instantiation": wrong("run 1", '{"instantiate_seconds": -1}', VALUES),
    "nan-compilation": wrong("load", '{"compile_seconds": NaN}', VALUES),
    "endless-compilation": wrong("load", '{"compile_seconds": Infinity}', VALUES),
    "negative-code-bytes": wrong("load", '{"code_bytes": -5}', VALUES),
    "nan-runtime": wrong("load", '{"runtime_seconds": NaN}', VALUES),
    "nan-proof": wrong("load", '{"proof": {"machine": NaN}}', VALUES),
    "vast-proof": wrong("load", "", "answers with a proof of megabytes", "vast"),
    "deep-proof": wrong("load", f'{{"proof": {{"a": {500 * "["}{500 * "]"}}}}}', VALUES),
    "half-character": wrong("load", '{"proof": {"machine": "\\ud800"}}', TYPES),
    "version-number": wrong("load", '{"version": 7}', TYPES),
    "list-proof": wrong("load", '{"proof": ["native"]}', TYPES),
    "null-output": wrong(MID, '{"stdout": null}', TYPES),
    "wide-output": answers(MID, "changed", '{"stdout": "\\u20ac"}', "has no bytes as output", TYPES),
    "text-wall": wrong(MID, '{"wall_seconds": "0.1"}', TYPES),
    "true-code": wrong(MID, '{"code": true}', TYPES),
    "unknown-outcome": wrong(MID, '{"outcome": "fine"}', TYPES),
    "list": answers(MID, "replaced", "[1]", NO_JSON, TYPES),
    "no-outcome": wrong(MID, "outcome", KEYS, "lacking"),
    "no-output": wrong(MID, "stdout", KEYS, "lacking"),
    "no-proof": wrong("load", "proof", KEYS, "lacking"),
    "empty": wrong(MID, "{}", KEYS, "replaced"),
    "extra": Case(
        MID, "changed", '{"more": {"than": "asked"}}', "ok", "", "answers with more than was asked"
    ),
    "escapes": Case(
        "load",
        "changed",
        r'{"proof": {"machine": "\u001b[2J\u0007"}}',
        "ok",
        "",
        "has escape sequences in its proof",
    ),
    "breeds": Case("load", "breeds", "", "ok", "", "leaves processes behind"),
    "breeds-and-dies": Case(
        "load",
        "breeds",
        str(int(signal.SIGABRT)),
        "crash",
        "died of SIGABRT",
        "leaves processes behind, and dies",
    ),
    "deaf": Case("load", "deaf", "", "ok", "", "ignores signals and the end of its input"),
    "noisy": Case("load", "noisy", "", "ok", "", "floods its standard error"),
    "slow": Case("start", "late", "2", "ok", "", "is slow to start"),
    "flaky": Case("start", "once", "", "ok", "", "dies at its first start only"),
    "flaky-run": Case(MID, "once", "", "ok", "", "dies in its first round's run only"),
    **{
        f"{at.split()[0]}-{int(number)}": dies(number, at)
        for at in ("start", "load", MID)
        for number in ENDING
    },
}

#: Of each kind the hardest, where time is short.
FEW = [
    "leaves-at-run",
    "hangs-at-start",
    "hangs-at-run",
    "wrong-crc",
    "half",
    "endless",
    "deep",
    "rubbish",
    "rubbish-at-start",
    "huge-clock",
    "error",
    "twice-run",
    "nan-wall",
    "huge-wall",
    "nan-share",
    "nan-compilation",
    "vast-proof",
    "half-character",
    "wide-output",
    "list",
    "no-proof",
    "empty",
    "escapes",
    "breeds",
    "breeds-and-dies",
    "deaf",
    "noisy",
    "slow",
    "flaky",
    "start-15",
    "load-9",
    "run-11",
]


@pytest.fixture(scope="module")
def chosen(often):
    return {name: CASES[name] for name in often(FEW, list(CASES))}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, prepared, chosen):
    """A workspace with one backend a case."""
    folder = tmp_path_factory.mktemp("workers")
    made = make_workspace(folder / "a copy", prepared)
    shutil.copy(STANDIN, made.path / "pipeline/runtimes/workers")
    (made.path / "pipeline/runtimes/backends/faulty.py").write_text(BACKEND)
    set_faults(made, {name: fault(case, folder / name) for name, case in chosen.items()})
    made.edit("matrix.toml", "run_timeout_s = 5", "run_timeout_s = 3")
    made.edit("matrix.toml", "load_timeout_s = 120", "load_timeout_s = 3")
    made.edit("pipeline/runtimes/worker_process.py", "_START_TIMEOUT_S = 60.0", "_START_TIMEOUT_S = 5.0")
    for key in ("undisturbed", "pairs"):
        made.edit("matrix.toml", f"{key} = 2 ", f"{key} = 6 ")
    return made


def set_faults(workspace, environments):
    (workspace.path / "pipeline/runtimes/backends/faulty.json").write_text(json.dumps(environments))


def fault(case, mark):
    """The environment of a worker with this fault."""
    given = str(mark) if case.does == "once" else case.given
    return {"FAULT_AT": case.at, "FAULT": case.does, "FAULT_WITH": given}


def test_each_is_the_status_of_its_cell(workspace, chosen, tried):
    choice = ("variants=O3", "backends=native,wasmtime.cranelift,faulty.*", "rounds=1")
    run = Run(workspace.path, "run", *choice)
    status, printed = run.end(900), run.printed
    assert "Traceback" not in printed, printed
    assert run.orphans() == []
    assert litter(workspace.path) == []
    # What they say reaches neither a terminal nor a file raw.
    report = [p.read_text() for p in (workspace.path / "report").iterdir() if p.is_file()]
    assert not [text for text in (printed, *report) if re.search(r"[\x00\x07\x1b]", text)]
    assert status == 1, printed
    results = json.loads((workspace.path / "report/results.json").read_text())
    found = {cell["backend"]: cell for cell in results["cells"]}
    # What went well at the second try only is a warning: it may be wrong now and then.
    warnings = {warning["name"]: warning["found"] for warning in results["warnings"]}
    assert "succeeded only at the second attempt" in warnings["second try"], warnings
    (flaky,) = workspace.results.rglob("faulty.flaky/round-01.json")
    assert json.loads(flaky.read_text())["first_try"].startswith("crash: ")
    assert {found[name]["status"] for name in ("native", "wasmtime.cranelift")} == {"ok"}
    for name, case in chosen.items():
        cell = found[f"faulty.{name}"]
        assert cell["status"] == case.status, (name, cell["status"], cell["reason"])
        assert re.search(case.reason, cell["reason"] or ""), (name, cell["reason"])
        assert (cell["measurement"] is not None) == (case.status == "ok"), name
        # Cells with one reason are reported together.
        assert case.status == "ok" or re.search(rf"faulty\.{name}\b", printed), (name, printed)
    for case in chosen.values():
        reason = ", with the reason" if case.status != "ok" else ""
        tried(f"a worker that {case.fault}", f"{case.status}{reason}; other cells ok")

    again = workspace.doit("run", *choice)
    assert again.returncode == 1
    assert "] measure " not in again.stdout, "what is known is not tried again"


def test_once_they_are_mended_so_is_the_report(workspace):
    """Their old samples are not taken for those of the mended ones."""
    names = ("leaves-at-run", "nan-wall")
    set_faults(workspace, {name: {"FAULT_AT": "never", "FAULT": "die"} for name in names})
    executed = workspace.run("variants=O3", "backends=faulty.*", "rounds=1")
    assert sum(task.startswith("measure ") for task in executed) == len(names)
    assert set(cells(workspace).values()) == {"ok"}
