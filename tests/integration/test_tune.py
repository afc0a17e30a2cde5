"""The search for flags: a real one in a space of 16 points, killed twice, continued, asked again."""

import json
import re
import signal
import subprocess
import sys

import tomli

from pipeline.core.toml_file import convert
from pipeline.experiment import variants_table
from pipeline.experiment.variants_table import VariantTable
from tests.conftest import environment

ASK = ("run", "tune", "backend=wasmtime.cranelift")
SPACE = """
[tune]
level = ["-O3", "-O2"]
nonsense = ["", "-mllvm -no-such-option"]
absent = ["", { wasm_opt = "--no-such-pass" }]
stack = ["", { llvm = "-wasm-keep-registers" }]
jump-tables = ["", "-fno-jump-tables"]
nothing = ["", { llvm = "-unroll-allow-partial" }]
"""


def small(workspace):
    path = workspace.path / "matrix.toml"
    text = re.sub(r"^\[tune\]\n.*?(?=^\[|\Z)", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    path.write_text(text + SPACE)
    workspace.believe_all()
    budget = "pipeline/analyses/tune/time_budget.py"
    workspace.edit(budget, "FINAL_ROUNDS = (6, 30)", "FINAL_ROUNDS = (4, 4)")
    # A clock of its own: a trial takes 16 s of it, however fast the machine is.
    clock = "self._before + time.monotonic() - self._began"
    workspace.edit(budget, clock, "16.0 * len(self._log.trials)")
    return workspace


def trial_log(workspace):
    (path,) = (workspace.results / "tune").glob("wasmtime.cranelift-*.json")
    return json.loads(path.read_text())


def files_of_a_search(workspace):
    """{path: (time, content)} of its samples, modules and trial log, not of its tables."""
    folders = [workspace.path / "results", workspace.path / "build/artifacts"]
    files = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    return {str(p.relative_to(workspace.path)): (p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def kill_at(workspace, line, *arguments):
    """SIGKILL a run when it has printed a line of this form."""
    run = subprocess.Popen(
        [sys.executable, "-m", "doit", *ASK, *arguments],
        cwd=workspace.path,
        env=environment(workspace.path),
        stdout=subprocess.PIPE,
        text=True,
    )
    seen = []
    for printed in run.stdout:
        seen.append(printed)
        if re.match(line, printed):
            run.send_signal(signal.SIGKILL)
            break
    run.stdout.close()
    run.wait(timeout=60)
    assert re.match(line, seen[-1]), "".join(seen)
    return "".join(seen)


def test_a_search_is_killed_continued_and_not_done_again(workspace):
    small(workspace)
    printed = kill_at(workspace, "trial 3,", "budget=120")
    refused = "left out of nonsense: -mllvm -no-such-option: flags '-mllvm -no-such-option': zig refuses"
    assert refused in printed
    assert "left out of absent: wasm_opt --no-such-pass: " in printed
    first = trial_log(workspace)
    assert len(first["trials"]) == 3
    assert [t["flags"] for t in first["trials"][:2]] == [["-O3"], ["-O2"]], "what is to be beaten comes first"
    samples = {path: state for path, state in files_of_a_search(workspace).items() if "/round-" in path}

    printed = kill_at(workspace, "re-measuring .*: round 3 of", "budget=120")
    second = trial_log(workspace)
    assert second["trials"][:3] == first["trials"], "the search goes on"
    assert "trial 1," not in printed
    assert second["spent_s"] > first["spent_s"]
    assert second["finals"][0]["result"] is None
    now = files_of_a_search(workspace)
    assert samples.items() <= now.items(), "a finished sample was measured again"
    finished = {path: state for path, state in now.items() if "/round-" in path}
    assert sum("/final-1/" in path for path in finished) >= 4

    outcome = workspace.doit(*ASK, "budget=120")
    assert outcome.returncode == 0, outcome.stderr
    now = files_of_a_search(workspace)
    assert finished.items() <= now.items()
    assert "trial" not in outcome.stdout.partition("Flags for")[0], "the winner stays"
    report = workspace.path / "report/tune-wasmtime.cranelift.json"
    found = json.loads(report.read_text())
    third = trial_log(workspace)
    assert third["trials"] == second["trials"]
    assert third["finals"][0] == {**second["finals"][0], "result": found}
    check(workspace, found, third, outcome.stdout)

    again = workspace.doit(*ASK, "budget=120")
    assert again.returncode == 0
    table = "Flags for" + again.stdout.partition("Flags for")[2]
    assert outcome.stdout.endswith(table)
    assert table == report.with_suffix(".txt").read_text()
    assert json.loads(report.read_text()) == found
    assert files_of_a_search(workspace) == now, "nothing is built or measured twice"

    # More time: the same search goes on, and its winner is measured again.
    more = workspace.doit(*ASK, "budget=160")
    assert more.returncode == 0, more.stderr
    fourth = trial_log(workspace)
    assert fourth["trials"][: len(third["trials"])] == third["trials"]
    assert [f["budget_s"] for f in fourth["finals"]] == [120, 160]
    assert any("/final-2/" in path for path in files_of_a_search(workspace))
    modules = [t["module"] for t in fourth["trials"] if t["rounds"]]
    assert len(modules) == len(set(modules)), "equal modules are measured once"


def check(workspace, found, state, text):
    """What a finished search reports."""
    assert (found["schema"], state["schema"]) == (3, 4)
    assert found["left_out"].keys() == {"nonsense", "absent"}
    assert found["trials"] == len(state["trials"]) >= 2
    names = [row["name"] for row in found["variants"]]
    assert found["winner"] == names[0] or found["winner"] in ("O2", "O3")
    assert names[-2:] == ["O2", "O3"]
    final = {p.parents[2].name for p in (workspace.results / "tune").rglob("round-*.json")}
    assert final == set(names)
    for row in found["variants"]:
        (cell,) = row["cells"]
        assert (cell["status"], cell["rounds"]) == ("ok", found["final_rounds"])
        assert row["bytes"] > 10_000
        assert cell["ratio"]["low"] <= cell["ratio"]["value"] <= cell["ratio"]["high"]
        assert (cell["ratio_to_baseline"] is None) == (row["name"] == "O3")
    assert found["final_rounds"] == 4
    assert f"{found['sentence']}." in text
    spoken = found["sentence"].startswith(("nothing in this space was shown to beat O3", found["winner"]))
    assert spoken, found["sentence"]
    if found["snippet"] is not None:
        assert found["snippet"] in text
        tables = convert("x", tomli.loads(found["snippet"]), dict[str, VariantTable])
        (variant,) = variants_table.read("x", tables).values()
        row = found["variants"][0]
        assert (variant.name, " ".join(variant.flags)) == (row["name"], row["flags"])
    # A module that no runtime takes is a failed trial with its reason, and no more.
    invalid = [t for t in state["trials"] if "-wasm-keep-registers" in " ".join(t["flags"])]
    assert {t["status"] for t in invalid} <= {"invalid"}
    assert sum(found["failures"].values()) == len(invalid)
    for reason, number in found["failures"].items():
        assert reason.startswith("invalid: coremark/wasmtime.cranelift: wasmtime.cranelift refuses")
        assert f"{number} of {found['trials']} trials failed: {reason[:40]}" in text
    for fault in found["faults"]:
        assert "-wasm-keep-registers" in fault["flags"]
        assert "-fno-jump-tables" not in fault["flags"], "the fewest flags"
        assert fault["fails_under"][0] == "wasmtime.cranelift"
        assert fault["right_under"] == []
        # Where a second runtime is installed, it decides.
        assert fault["whose"].startswith(("the compiler, zig ", "not decided: no other runtime is installed"))
    assert len(found["faults"]) == min(1, len(invalid))
    tried = {effect["line"] for effect in found["effects"]}
    assert "-O2" in tried
    assert "-O3" not in tried, "effects are relative to it"


def test_without_its_backend_it_says_what_to_run(workspace):
    for arguments, complaint in (
        (["run", "tune"], "for which backend? Run e.g.: doit run tune backend="),
        (["run", "backend=native"], "for the matrix: doit run backends=native"),
    ):
        outcome = workspace.doit(*arguments)
        assert outcome.returncode == 1
        assert complaint in outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert not (workspace.results / "tune").exists()
