"""``doit run ab``: two backends whose chunks alternate, an answer, and an exit status for scripts."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

OLD, NEW = "wasmtime.winch", "wasmtime.cranelift"


@pytest.fixture
def workspace(workspace):
    """Whether the machine is quiet is no condition of these tests."""
    workspace.believe_all()
    return workspace


def asked(old, new, *more):
    return ("run", "ab", f"old={old}", f"new={new}", "variants=O2", *more)


def answers(workspace):
    return json.loads((workspace.path / "report/ab.json").read_text())


def test_a_faster_build_is_found_and_nothing_is_measured_twice(workspace):
    # One is twice as fast as the other.
    workspace.edit("matrix.toml", "pairs = 2", "pairs = 10")
    outcome = workspace.doit(*asked(OLD, NEW))
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (program,) = answers(workspace)["programs"]
    assert program["answer"] == "faster"
    assert program["ratio"] > 1.1
    assert "new is faster" in outcome.stdout
    rounds = {path: path.read_bytes() for path in workspace.results.glob("pairs/*/round-*.json")}
    assert len(rounds) == program["rounds"]

    # The other way round it is a different question; the same one is answered by the rounds that there are.
    assert workspace.doit(*asked(OLD, NEW)).returncode == 0
    assert answers(workspace)["programs"] == [program]
    assert {path: path.read_bytes() for path in workspace.results.glob("pairs/*/round-*.json")} == rounds
    slower = workspace.doit(*asked(NEW, OLD))
    assert slower.returncode == 2
    assert f"error: {OLD} is slower by more than 1.00% on coremark/zig/O2" in slower.stderr


def test_what_is_not_known_when_the_budget_is_spent_is_undecided(workspace):
    question = asked(NEW, f"{NEW}[parallel-compilation=n]", "until=-0.01%,0.01%", "budget=1")
    kept = []
    for processes in ((), ("-n", "2")):
        outcome = workspace.doit("run", *processes, *question[1:])
        assert outcome.returncode == 3, outcome.stdout + outcome.stderr
        assert answers(workspace)["programs"][0]["answer"] == "undecided"
        assert "for more rounds use: budget=2" in outcome.stderr
        assert "Traceback" not in outcome.stderr
        kept.append(sorted(workspace.results.glob("pairs/*/round-*.json")))
    assert kept[0] == kept[1], "a budget is that of all rounds"


def test_a_question_that_cannot_be_asked_is_refused_before_anything_is_built(workspace):
    for arguments, words in {
        ("old=wasm3",): "new= is missing; run e.g.: doit run ab",
        ("old=wasm3", "new=wasm3"): "old and new are both wasm3",
        (
            "old=wasmtime.*",
            "new=wasm3",
        ): "old: expected one backend that runs wasm; found wasmtime.cranelift,",
        ("old=native", "new=wasm3"): "old: expected one backend that runs wasm; found native",
        ("old=wasm3", "new=wasmtime.winch", "until=1"): "until: expected two per cents",
        ("old=wasm3", "new=wasmtime.winch", "budget=x"): "budget: expected seconds",
    }.items():
        outcome = workspace.doit("run", "ab", *arguments)
        assert outcome.returncode == 1
        assert words in outcome.stderr, outcome.stderr
        assert "Traceback" not in outcome.stderr


CRASHES = "__attribute__((constructor)) static void start(void) { __builtin_trap(); }\n"


def library(folder, name, text):
    source = folder / f"{name}.c"
    source.write_text(text)
    path = folder / f"{name}.so"
    subprocess.run([sys.executable, "-m", "ziglang", "cc", "-shared", "-o", path, source], check=True)
    return path


def test_a_library_of_ones_own_is_a_build_and_one_that_is_none_is_a_line(workspace, tmp_path):
    (usual,) = Path(wasmtime.__file__).parent.glob("linux-*/_libwasmtime.so")
    own, text = tmp_path / "libwasmtime.so", tmp_path / "text.so"
    own.write_bytes(usual.read_bytes() + b"\0")  # which changes its digest only
    text.write_text("no library\n" * 1000)
    outcome = workspace.doit(*asked(own, "wasmtime.winch", "budget=1"))
    assert outcome.returncode in (2, 3), outcome.stdout + outcome.stderr
    name = f"libwasmtime-{hashlib.sha256(own.read_bytes()).hexdigest()[:8]}"
    assert f"old = {name} = {own}" in outcome.stdout
    assert answers(workspace)["old"] == name
    for path, words in {
        text: "invalid ELF header",
        library(tmp_path, "empty", "int nothing;\n"): "this library of Wasmtime has no wasm_",
        library(tmp_path, "crashes", CRASHES): "SIG",
    }.items():
        outcome = workspace.doit(*asked(path, "wasmtime.winch"))
        assert outcome.returncode == 1
        error = outcome.stderr.strip().splitlines()[-1]
        assert error.startswith("error: backends: libwasmtime-"), outcome.stderr
        assert words in error
        assert "Traceback" not in outcome.stderr
    outcome = workspace.doit(*asked("/no/such.so", "wasmtime.winch"))
    assert "/no/such.so: there is no such file" in outcome.stderr
