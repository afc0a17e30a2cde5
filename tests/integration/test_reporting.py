"""After a run: page, exports, history; two runs compared, with the exit status that a CI goes by."""

import copy
import json
import re
import subprocess
import sys

import jsonschema

from pipeline.report import exports
from tests.conftest import environment, make_workspace


def results(workspace):
    return json.loads((workspace.path / "report/results.json").read_text())


def test_a_run_leaves_all_that_is_promised(tmp_path, prepared, monkeypatch):
    workspace = make_workspace(tmp_path / "a copy", prepared, page=True)
    summary = workspace.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert workspace.run()[-5:] == ["report", "page", "export", "remember", "check"]
    schema = json.loads((workspace.path / "report/results.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(results(workspace))
    for path in (*(e.path for e in exports.discover().values()), "report/index.html"):
        assert (workspace.path / path).stat().st_size > 100, path
    for name in ("heatmap", "compile-time", "size"):
        assert (workspace.path / f"report/charts/{name}.svg").read_bytes().startswith(b"<svg")
        assert (workspace.path / f"report/charts/{name}.png").read_bytes().startswith(b"\x89PNG")
    first = summary.read_text()
    assert "zig" in first
    # Nothing is new, but each step of a workflow has a summary of its own.
    assert workspace.run() == ["export"]
    assert summary.read_text().count(first.splitlines()[0]) == 2
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    page = (workspace.path / "report/index.html").read_bytes()
    for name in ("index.html", "charts/heatmap.svg"):
        (workspace.path / "report" / name).unlink()
        assert workspace.run() == ["page"]
        assert (workspace.path / "report/index.html").read_bytes() == page
    assert str(workspace.path).encode() not in page
    # A sweep of this folder is seen, also after a run with nothing to do.
    assert workspace.run() == []
    (workspace.path / "report/sweep-wasmtime.json").write_text("{}")
    assert workspace.run() == ["page"]


def test_history_keeps_every_run_and_clean_keeps_it(workspace):
    outcome = workspace.doit("run", "history")
    assert outcome.returncode == 0
    assert outcome.stdout.endswith("\nno run is recorded yet; to measure one, run: doit run\n")
    workspace.run("variants=O2")
    workspace.run("variants=O2", "flags=-O2 -DX")
    shown = workspace.doit("run", "history").stdout
    assert "coremark/zig/O2-DX/native" in shown or "2/2" in shown
    assert workspace.doit("clean").returncode == 0
    assert workspace.doit("run", "history").stdout == shown
    workspace.path.joinpath("history/000002.json").write_bytes(b"rubbish")
    outcome = workspace.doit("run", "history")
    assert outcome.returncode == 1
    assert outcome.stderr.count("\n") == 1
    assert "mv history/000002.json history/000002.json.damaged" in outcome.stderr
    assert "2/2" in outcome.stdout, "the first run is not damaged"


def test_a_run_that_is_taken_out_of_the_history_is_recorded_again(workspace):
    workspace.run("variants=O2")
    history = workspace.path / "history"
    assert workspace.run("variants=O2") == []
    (history / "000001.json").rename(history / "000001.json.damaged")
    assert workspace.run("variants=O2")[:1] == ["remember"]
    assert (history / "000002.json").exists()
    assert workspace.run("variants=O2") == []
    for path in history.iterdir():
        path.unlink()
    assert workspace.run("variants=O2")[:1] == ["remember"]
    assert (history / "000001.json").exists()
    assert workspace.run("variants=O2") == []


def test_what_got_slower_ends_with_two(workspace):
    workspace.run("backends=native", "variants=O2,O3", "rounds=5")
    old = results(workspace)
    for cell in old["cells"]:  # precise, also on a disturbed machine
        cell["measurement"].update(disturbed=False, log_standard_error=0.001, degrees_of_freedom=4.0)
        cell["measurement"].update(rounds_used=5, pairs_used=150)
    slower, other_host = copy.deepcopy(old), copy.deepcopy(old)
    slower["created"] = "2099-01-01T00:00:00+00:00"
    for key in ("ratio", "ratio_low", "ratio_high", "score"):
        slower["cells"][0]["measurement"][key] *= 0.9
    other_host["host"]["fingerprint"] = "0" * 64
    for name, content in (("old", old), ("slower", slower), ("other_host", other_host)):
        (workspace.path / f"{name}.json").write_text(json.dumps(content))

    def compare(*arguments):
        outcome = workspace.doit("run", "compare", "old=old.json", *arguments)
        assert "Traceback" not in outcome.stdout + outcome.stderr
        return outcome.returncode, outcome.stdout, outcome.stderr

    code, table, error = compare("new=slower.json")
    assert code == 2
    assert "slower" in table
    assert "coremark/zig/O2/native" in error
    assert json.loads((workspace.path / "report/compare.json").read_text())["regressions"]
    assert compare("new=slower.json", "threshold=15")[0] == 0
    assert compare("new=old.json")[0] == 0
    code, _, error = compare("new=other_host.json")
    assert (code, "hosts=any" in error, error.count("\n")) == (1, True, 1)
    assert compare("new=other_host.json", "hosts=any")[0] == 0
    code, _, error = compare("new=slower.json", "threshold=much")
    assert (code, error.count("\n")) == (1, 1)


def test_what_goes_wrong_beside_the_report_hides_nothing(tmp_path, prepared):
    workspace = make_workspace(tmp_path / "a copy", prepared, page=True)
    workspace.append("claims.toml", "[claims.bad]\nkind = 'raito'\n")
    (workspace.path / "history").mkdir()
    (workspace.path / "history/000001.json").write_bytes(b"rubbish" * 1000)
    outcome = workspace.doit("run", "variants=O2")
    assert outcome.returncode == 1
    assert "EEMBC CoreMark, compiled by zig" in outcome.stdout
    assert "error: page: claims.toml: " in outcome.stderr
    assert "remember: " in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert (workspace.path / "report/results.csv").exists()
    assert not (workspace.path / "report/index.html").exists()
    # It is reported until it is mended.
    assert "error: page: claims.toml: " in workspace.doit("run", "variants=O2").stderr
    workspace.edit("claims.toml", "[claims.bad]\nkind = 'raito'\n", "")
    (workspace.path / "history/000001.json").unlink()
    assert workspace.run("variants=O2") == ["report", "page", "remember", "check"]
    assert (workspace.path / "report/index.html").exists()


def test_a_run_that_is_ended_leaves_a_preliminary_report_and_the_next_one_ends_it(workspace):
    """After one round of each cell, because so many are still to come."""
    command = [sys.executable, "-m", "doit", "run", "variants=O2", "rounds=200"]
    process = subprocess.Popen(
        command, cwd=workspace.path, env=environment(workspace.path), stdout=subprocess.PIPE, text=True
    )
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("Native = "):
            break
    # Not SIGINT: what a shell starts in the background ignores it.
    process.terminate()
    process.communicate(timeout=60)
    text = "".join(printed)
    assert text.count("measure coremark zig O2 ") == 2
    assert "Preliminary, after 1 round of each cell or more: 2 of 2 cells get further ones." in text
    assert re.search(r"wasmtime\.cranelift +\d\.\d\d\d \?", text)
    first = results(workspace)
    assert first["preliminary"] == {"rounds": 1, "cells": 2}
    assert first["findings"] == []
    for name in ("report.md", "report.txt"):
        assert "Preliminary, after 1 round" in (workspace.path / "report" / name).read_text()
    workspace.run("variants=O2", "rounds=3")
    final = results(workspace)
    assert final["preliminary"] is None
    assert {cell["measurement"]["rounds"] for cell in final["cells"]} == {3}
    assert "Preliminary" not in (workspace.path / "report/report.md").read_text()


def test_a_brief_run_has_no_preliminary_report(workspace):
    outcome = workspace.doit("run", "variants=O2", "rounds=3")
    assert "Preliminary" not in outcome.stdout
    assert "first-table" not in outcome.stdout


def test_a_run_with_nothing_to_do_is_one_also_where_the_number_of_rounds_was_open(workspace):
    workspace.believe_all()
    choice = ("variants=O2", "rounds=2", "half_width=60")
    workspace.run(*choice)
    outcome = workspace.doit("run", *choice)
    assert outcome.stdout.startswith("Everything is up to date.\n")
    sample = next((workspace.path / "results").rglob("round-02.json"))
    sample.unlink()
    assert len([task for task in workspace.run(*choice) if task.startswith("measure")]) == 1
    assert workspace.run(*choice) == []
