"""results.json is what the README says, and the three reports say the same."""

import json

CELL_KEYS = [
    "workload",
    "toolchain",
    "variant",
    "flags",
    "backend",
    "kind",
    "status",
    "reason",
    "score",
    "ratio",
    "ratio_low",
    "ratio_high",
    "rounds",
    "chunks",
    "compile_seconds",
    "code_bytes",
    "wasm_bytes",
    "wasm_sha256",
    "native_sha256",
    "peak_rss_bytes",
    "identity",
    "proof",
    "disturbed",
    "undisturbed_rounds",
    "undisturbed_chunks",
    "warmup_chunks",
    "trend",
    "stopped",
    "start_seconds",
    "runtime_seconds",
    "instantiate_seconds",
    "first_run_seconds",
    "log_error",
    "freedom",
    "prebuilt",
    "group",
]


def test_the_shape_of_results_json(ran):
    raw = (ran.path / "report/results.json").read_bytes()
    results = json.loads(raw.decode("utf-8"))
    assert list(results) == [
        "schema",
        "created",
        "host",
        "protocol",
        "workloads",
        "toolchains",
        "cells",
        "comparisons",
        "warnings",
        "tradeoffs",
        "across",
        "elsewhere",
    ]
    assert results["schema"] == 2
    (workload,) = results["workloads"]
    assert set(workload["reference"]) == {"toolchain", "variant", "score", "sha256"}
    assert results["across"] is None
    assert {"cpu", "microarchitecture", "cores", "memory_bytes", "os", "kernel", "python"} <= set(
        results["host"]
    )
    assert len(results["cells"]) == 4
    for cell in results["cells"]:
        assert list(cell) == CELL_KEYS
        assert cell["status"] == "ok"
        assert cell["ratio_low"] <= cell["ratio"] <= cell["ratio_high"]
        assert cell["score"] == cell["ratio"] * workload["reference"]["score"]
        assert (cell["rounds"], cell["chunks"]) == (2, 4)
        assert cell["stopped"] == "2 rounds"
        assert cell["group"] or cell["disturbed"]
        assert cell["proof"]
        assert cell["identity"]["version"]
        assert cell["peak_rss_bytes"] > 10_000
        native = cell["backend"] == "native"
        assert (cell["wasm_bytes"] is None) == native
        assert (cell["compile_seconds"] is None) == native
        assert cell["code_bytes"] > 10_000
    pairs = {frozenset((v["one"], v["other"])) for v in results["comparisons"]}
    assert len(pairs) == 4, "cells that differ in one thing: two levels, two backends"
    assert {v["verdict"] for v in results["comparisons"]} <= {"faster", "slower", "same within", "undecided"}
    assert all({"name", "found", "effect", "remedy"} == set(w) for w in results["warnings"])
    assert str(ran.path).encode() not in raw, "a path of the host's"


def test_the_same_samples_give_the_same_report(ran):
    names = ("results.json", "report.md", "report.txt")
    before = [(ran.path / "report" / name).read_bytes() for name in names]
    for name in names:
        (ran.path / "report" / name).unlink()
    ran.run()
    assert [(ran.path / "report" / name).read_bytes() for name in names] == before


def test_the_reports_say_what_the_results_say(ran):
    results = json.loads((ran.path / "report/results.json").read_text())
    markdown = (ran.path / "report/report.md").read_text()
    table = (ran.path / "report/report.txt").read_text()
    for cell in results["cells"]:
        assert f"{cell['score']:.0f}" in table
        assert f"| {cell['ratio']:.4f} | {cell['ratio_low']:.4f} |" in markdown
    assert table in ran.doit("run").stdout


def test_foreign_text_cannot_act_as_markup(workspace):
    workspace.run("flags=-O2 '-DX=<b>|`*'", "backends=wasmtime.cranelift", "variants=O2")
    markdown = (workspace.path / "report/report.md").read_text()
    assert "<b>" not in markdown.replace("\\<b\\>", "")
    rows = [line for line in markdown.splitlines() if "DX=" in line]
    assert rows
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
