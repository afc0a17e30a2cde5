"""Exactly what depends on a change runs again: real runs, counted by what the reporter says."""

import json
import os
import re
import shutil
from collections import Counter

from pipeline.tasks import up_to_date
from tests.conftest import executed


def kinds(tasks):
    """How often each kind of task ran: {"compile": 24, …}."""
    return Counter(task.split(" coremark zig ")[0] if " zig " in task else task for task in tasks)


def cells(tasks):
    """The cells that were measured."""
    return {t.split(" ", 1)[1].rpartition(" ")[0] for t in tasks if t.startswith("measure ")}


def test_a_first_run_and_then_nothing(workspace):
    first = workspace.run()
    assert kinds(first)["measure"] == 2 * 2 * 2
    outcome = workspace.doit("run")
    assert outcome.returncode == 0
    assert "Everything is up to date." in outcome.stdout
    assert "wasmtime.cranelift" in outcome.stdout, "the table is shown all the same"
    assert workspace.run() == []


def test_same_bytes_are_no_change(ran):
    for name in ("core_matrix.c", "core_portme.c", "core_portme.h"):
        os.utime(ran.path / "third_party/coremark" / name)
    os.utime(ran.path / "matrix.toml")
    assert [t for t in ran.run() if not t.startswith("verify")] == []


def test_a_changed_port_is_compiled_linked_and_measured(ran):
    ran.append("third_party/coremark/core_portme.c", "int added_symbol = 1;\n")
    counted = kinds(ran.run())
    assert counted["compile"] == 2 * 2  # one file: two variants, two targets
    assert counted["link"] == 2 * 2
    assert counted["measure"] == 8
    ran.edit("third_party/coremark/core_portme.h", "MULTITHREAD 1", "MULTITHREAD (1)")
    counted = kinds(ran.run())
    assert counted["compile"] == 6 * 2 * 2
    # The same objects came out, so nothing after them ran.
    assert counted["link"] == counted["measure"] == 0


def test_a_variants_flags_are_that_variants_alone(ran):
    ran.edit("matrix.toml", '"-O2"', '"-O2 -DNOTHING"')
    tasks = ran.run()
    assert {c.split()[2] for c in cells(tasks)} == {"O2"}
    assert kinds(tasks)["compile"] == 6 * 2
    assert kinds(tasks)["measure"] == 4


def test_a_worker_is_its_cells_alone(ran):
    ran.append("pipeline/runtimes/workers/wasmtime_worker.py", "# a comment\n")
    assert kinds(ran.run())["measure"] == 0, "a comment decides nothing"
    ran.append("pipeline/runtimes/workers/wasmtime_worker.py", "CHANGED = 1\n")
    tasks = ran.run()
    assert cells(tasks) == {"coremark zig O2 wasmtime.cranelift", "coremark zig O3 wasmtime.cranelift"}
    assert kinds(tasks)["measure"] == 4


#: As if pip had installed a different build of the same version: with one file less, so with a new digest.
OTHER_BUILD = """
from importlib import metadata

distributions = metadata.distributions


def changed(**asked):
    for each in distributions(**asked):
        if asked.get("name") == "wasmtime":
            lines = (each.read_text("RECORD") or "").splitlines(keepends=True)
            record = "".join(line for line in lines if not line.startswith("wasmtime/_error.py,"))
            assert record != "".join(lines)
            other = each.read_text
            each.read_text = lambda name, other=other: record if name == "RECORD" else other(name)
        yield each


metadata.distributions = changed
"""


def test_a_changed_build_of_a_runtime_is_its_cells_alone(ran):
    (ran.path / "sitecustomize.py").write_text(OTHER_BUILD)
    shutil.rmtree(ran.path / "build/settled")  # it goes by the installed files, which are the same here
    tasks = ran.run()
    assert cells(tasks) == {"coremark zig O2 wasmtime.cranelift", "coremark zig O3 wasmtime.cranelift"}
    assert kinds(tasks)["measure"] == 4


def test_more_rounds_are_the_new_rounds_alone(ran):
    tasks = ran.run("rounds=3")
    assert kinds(tasks)["measure"] == 4
    assert all(t.endswith(" 3") for t in tasks if t.startswith("measure "))
    assert kinds(ran.run("rounds=2"))["measure"] == 0


def test_a_new_host_is_every_sample(ran):
    ran.edit(
        "pipeline/core/host.py",
        '"cores": os.cpu_count(),\n            "k',
        '"cores": 99,\n            "k',
    )
    assert kinds(ran.run())["measure"] == 8


def test_the_protocols_settings_are_every_sample(ran):
    ran.edit("matrix.toml", "pairs = 2", "pairs = 3")
    assert kinds(ran.run())["measure"] == 8


def test_a_deleted_sample_is_that_one(ran):
    (ran.results / "coremark/zig/O3/native/round-02.json").unlink()
    tasks = ran.run()
    assert [t for t in tasks if t.startswith("measure")] == ["measure coremark zig O3 native 2"]


def test_a_changed_artifact_is_made_again_and_nothing_is_measured(ran):
    path = ran.path / "build/artifacts/coremark/zig/O3/wasm/coremark.wasm"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"?")
    counted = kinds(ran.run())
    assert counted["link"] == 1
    assert counted["measure"] == 0
    assert path.read_bytes() == good


def rounds(tasks):
    """The rounds of the measurements, in the order in which they were made."""
    return [int(task.split()[-1]) for task in tasks if task.startswith("measure")]


def test_rounds_are_outermost_however_they_are_asked_for(workspace):
    for task in ("measure", "report"):
        shutil.rmtree(workspace.path / "results", ignore_errors=True)
        workspace.append("third_party/coremark/core_portme.c", f"int symbol_of_{task} = 1;\n")
        assert rounds(workspace.run(task)) == [1] * 4 + [2] * 4


def test_filters_throw_nothing_away(ran):
    assert kinds(ran.run("variants=O3"))["measure"] == 0
    assert kinds(ran.run("backends=native"))["measure"] == 0
    assert kinds(ran.run())["measure"] == 0
    extra = ran.run("flags=-O3 -msimd128", "backends=wasmtime.cranelift")
    assert cells(extra) == {"coremark zig O3-msimd128 wasmtime.cranelift"}


def test_only_what_was_deleted_is_made_again(ran):
    shutil.rmtree(ran.path / "report")
    assert [t.split()[0] for t in ran.run()] == ["report", "export"]
    (ran.path / "report/results.csv").unlink()
    assert ran.run() == ["export"]
    shutil.rmtree(ran.path / "results")
    assert set(kinds(ran.run())) <= {"measure", "report", "export", "remember", "check"}
    before = samples(ran)
    shutil.rmtree(ran.path / "build/artifacts")
    counted = kinds(ran.run())
    assert counted["compile"] == 24
    assert samples(ran) == before, "the same artifacts came out"


def samples(workspace):
    return {p: p.read_bytes() for p in (workspace.path / "results").rglob("round-*.json")}


def test_parallel_builds_measure_alone(ran):
    """With -n 2 compiles run side by side; a measurement has the machine for itself."""
    ran.edit("matrix.toml", '"-O2"', '"-O2 -DNOTHING"')
    outcome = ran.doit("run", "-n", "2")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert rounds(executed(outcome.stdout)) == [1, 1, 2, 2]
    results = json.loads((ran.path / "report/results.json").read_text())
    assert {c["status"] for c in results["cells"]} == {"ok"}


def test_clean_removes_what_was_made_and_forget_works(workspace):
    before = {p for p in workspace.snapshot() if not p.startswith((".doit", "build"))}
    workspace.run()
    assert workspace.doit("clean").returncode == 0
    left = {p for p in workspace.snapshot() if not p.startswith(".doit")}
    made = {p for p in before if re.search(r"third_party/\w+/(core_[lmsu]\w+\.c|coremark\.h|mallocr\.c)$", p)}
    assert len(made) == 7
    # What was measured before cannot be made again.
    assert left == before - made | {"history/000001.json"}
    assert not (workspace.path / "build").exists()
    assert workspace.doit("forget").returncode == 0
    assert {"obtain sources coremark", "verify sources coremark"} <= set(workspace.run("sources"))


def test_the_list_reads_like_the_pipeline(workspace):
    lines = workspace.doit("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "flags",
        "sources",
        "toolchain",
        "libc",
        "compile",
        "link",
        "prebuilt",
        "provenance",
        "build",
        "environment",
        "engine",
        "runtime",
        "options",
        "measure",
        "refine",
        "report",
        "page",
        "export",
        "remember",
        "check",
        "claims",
        "history",
        "compare",
        "ab",
        "doctor",
        "selftest",
        "new",
        "lock",
        "verify",
        "reproduce",
        "bundle",
        "explain",
        "tradeoffs",
        "sweep",
        "tune",
        "certify",
    ]
    assert all(len(line.split()) > 3 for line in lines), "each says what it does"


def test_a_run_with_nothing_to_do_reads_the_stamp_only_and_any_change_is_seen(ran, monkeypatch):
    (stamp,) = (ran.path / "build/settled").iterdir()
    memory = ran.path / ".doit.db"
    aside = memory.rename(memory.with_suffix(".aside"))
    outcome = ran.doit("run")
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("Everything is up to date.\n")
    assert "wasmtime.cranelift" in outcome.stdout
    assert not memory.exists(), "no task was looked at"
    aside.rename(memory)
    monkeypatch.chdir(ran.path)
    assert up_to_date.holds(stamp.stem)
    paths = json.loads(stamp.read_bytes())["paths"]
    kinds = (
        "results/",
        "report/results.json",
        "build/artifacts/",
        "build/runtimes/",
        "third_party/",
        "dodo.py",
    )
    kinds += (
        "pipeline/measure/measure_round.py",
        "pipeline/experiment/matrix.py",
        "toolchain/zig.py",
        "build/toolchains/zig/libc",
    )
    for kind in kinds:
        path = next(p for p in paths if p.startswith(kind))
        before = os.stat(path)
        os.utime(path)
        assert not up_to_date.holds(stamp.stem), path
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert up_to_date.holds(stamp.stem), path
    assert ran.doit("forget", "report").returncode == 0
    assert ran.run() == ["report"]


def test_what_changes_during_a_run_is_no_settled_run(workspace):
    """A sample that is edited, or code, while the run goes on: nothing is stamped."""
    workspace.append(
        "pipeline/report/write_report.py", "\nimport os as _os\n_os.utime('pipeline/measure/session.py')\n"
    )
    outcome = workspace.doit("run")
    assert outcome.returncode == 1
    assert "session.py: the program was changed while this run went on; run: doit run" in outcome.stderr
    assert not list((workspace.path / "build").glob("settled/*"))


def test_a_run_with_options_or_tasks_is_never_cut_short(ran):
    assert "build every artifact" in ran.doit("list").stdout
    assert executed(ran.doit("run", "-a", "report").stdout)
    assert ran.doit("run", "build").stdout == ""
