"""results.json is what docs/results.md says, and the three reports say the same."""

import json

from msgspec import structs

from pipeline.results import results_json
from pipeline.results.model import Results
from pipeline.results.model_cell import CellResult, Measurement


def test_the_shape_of_results_json(ran):
    raw = (ran.path / "report/results.json").read_bytes()
    results = json.loads(raw.decode("utf-8"))
    assert list(results) == [
        "schema",
        "created",
        "host",
        "protocol",
        "preliminary",
        "workloads",
        "toolchains",
        "cells",
        "comparisons",
        "findings",
        "warnings",
        "pareto_fronts",
        "across_workloads",
        "other_hosts",
    ]
    assert results["schema"] == 4
    (workload,) = results["workloads"]
    assert set(workload["reference"]) == {"toolchain", "variant", "score", "sha256"}
    assert results["across_workloads"] is None
    assert {"cpu", "microarchitecture", "cores", "memory_bytes", "os", "kernel", "python"} <= set(
        results["host"]
    )
    assert len(results["cells"]) == 4
    for cell in results["cells"]:
        assert tuple(cell) == CellResult.__struct_fields__
        assert cell["status"] == "ok"
        assert cell["identity"]["version"]
        native = cell["backend"] == "native"
        numbers = cell["measurement"]
        # In this order; what has a default is left out where there is nothing to say.
        fields = structs.fields(Measurement)
        assert list(numbers) == [f.name for f in fields if f.required or f.name in numbers]
        assert numbers["ratio_low"] <= numbers["ratio"] <= numbers["ratio_high"]
        assert numbers["score"] == numbers["ratio"] * workload["reference"]["score"]
        assert (numbers["rounds"], numbers["chunks"]) == (2, 4)
        assert numbers["stop_reason"] == "2 rounds"
        assert numbers["rank_best"] is numbers["rank_worst"] is None, "of a single backend"
        assert numbers["compiler_evidence"]
        assert numbers["peak_rss_bytes"] > 10_000
        assert (numbers["wasm_bytes"] is None) == native
        assert (numbers["compile_seconds"] is None) == native
        assert numbers["code_bytes"] > 10_000
    pairs = {frozenset((v["cell"], v["compared_with"])) for v in results["comparisons"]}
    assert len(pairs) == 4, "cells that differ in one thing: two levels, two backends"
    assert {v["verdict"] for v in results["comparisons"]} <= {"faster", "slower", "same within", "undecided"}
    assert all({"name", "found", "effect", "remedy"} == set(w) for w in results["warnings"])
    assert str(ran.path).encode() not in raw, "a path of the host's"
    # What is written is what is read, to the last byte.
    results_json.write(str(ran.path / "report/again.json"), results_json.parse(raw, "results.json", Results))
    assert (ran.path / "report/again.json").read_bytes() == raw
    (ran.path / "report/again.json").unlink()


def test_the_same_samples_give_the_same_report(ran):
    names = ("results.json", "report.md", "report.txt")
    before = [(ran.path / "report" / name).read_bytes() for name in names]
    for name in names:
        (ran.path / "report" / name).unlink()
    ran.run()
    assert [(ran.path / "report" / name).read_bytes() for name in names] == before


def test_the_reports_say_what_the_results_say(ran):
    results = results_json.read(str(ran.path / "report/results.json"))
    markdown = (ran.path / "report/report.md").read_text()
    table = (ran.path / "report/report.txt").read_text()
    for cell in results.cells:
        numbers = cell.measurement
        assert f" {numbers.ratio:.3f} " in table
        assert f"{numbers.score:.0f}<br>" in markdown
        assert f"| {numbers.ratio:.4f} | {numbers.ratio_low:.4f} |" in markdown
    assert table in ran.doit("run").stdout


def test_text_from_outside_cannot_act_as_markup(workspace):
    workspace.run("flags=-O2 '-DX=<b>|`*'", "backends=wasmtime.cranelift", "variants=O2")
    markdown = (workspace.path / "report/report.md").read_text()
    assert "<b>" not in markdown.replace("\\<b\\>", "")
    rows = [line for line in markdown.splitlines() if "DX=" in line]
    assert rows
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
