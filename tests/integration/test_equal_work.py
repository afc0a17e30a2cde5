"""Programs whose work is not proportional to their iterations, or that have no native form: real runs."""

import json

import pytest

BACKENDS = "native,wasmtime.cranelift,wasmtime.cranelift-none"
HEAD = "#include <stdio.h>\n#include <stdlib.h>\n"
LOOP = (
    "volatile unsigned h = 1; for (long i = 0; i < n; i++) for (int k = 0; k < {inner}; k++) h = h * 31 + i;"
)
MAIN = 'int main(int argc, char *argv[]) {{ long n = atol(argv[1]); {body} printf("%u\\n", h); return 0; }}'


def body(text):
    return HEAD + MAIN.format(body=text)


PROGRAMS = {
    "quadratic": body(
        "volatile unsigned h = 1;"
        "for (long i = 0; i < n; i++) for (long k = 0; k < 20 * i; k++) h = h * 31 + k;"
    ),
    "ignored": body("n = 2000; " + LOOP.format(inner=1000)),
    "capped": body("if (n > 500) n = 500; " + LOOP.format(inner=5000)),
    "linear": body(LOOP.format(inner=1000)),
}
SIMD = """
#include <stdio.h>
#include <wasm_simd128.h>
int main(void)
{
    v128_t sum = wasm_f32x4_splat(1);
    for (int i = 0; i < 400000; i++)
        sum = wasm_f32x4_add(wasm_f32x4_mul(sum, wasm_f32x4_splat(0.25f)), wasm_f32x4_splat(3));
    printf("%.4f\\n", wasm_f32x4_extract_lane(sum, 1));
    return 0;
}
"""


def samples(workspace):
    return [json.loads(path.read_text()) for path in workspace.results.rglob("round-*.json")]


def results(workspace):
    return json.loads((workspace.path / "report/results.json").read_text())


@pytest.fixture
def programs(tmp_path):
    folders = []
    for name, source in PROGRAMS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "main.c").write_text(source)
        (folder / "workload.toml").write_text('args = ["{iterations}"]\n')
        folders.append(str(folder))
    return folders


def test_every_pair_does_the_same_work(workspace, programs):
    workspace.run(f"workload={','.join(programs)}", f"backends={BACKENDS}", "variants=O2", "rounds=2")
    found = results(workspace)
    assert {cell["status"] for cell in found["cells"]} == {"ok"}
    for name in PROGRAMS:
        own = [s for s in samples(workspace) if s["cell"].startswith(f"{name}/")]
        assert len(own) == 2 * 3
        sizes = {s["size"]["iterations"] for s in own}
        assert len(sizes) == 1, "all cells and rounds have one size"
        if name != "linear":
            assert {s["iterations"] for s in own} | {s["reference_iterations"] for s in own} == sizes
    work = {cell["workload"]: cell["measurement"].get("work") for cell in found["cells"]}
    assert work["quadratic"].startswith("work is not proportional to {iterations}: ")
    assert work["ignored"].startswith("work does not depend on {iterations}: ")
    assert work["linear"] is None
    report = " ".join((workspace.path / "report/report.txt").read_text().split())
    assert "cells hold for runs of" in report


def test_a_program_without_a_native_form_is_compared_between_backends(workspace, tmp_path):
    workspace.believe_all()
    source = tmp_path / "vectors.c"
    source.write_text(SIMD)
    made = workspace.doit("run", "new", "workload=vectors", f"from={source}")
    assert made.returncode == 0, made.stderr
    assert "no native form: vectors.c uses wasm_simd128.h" in made.stdout
    workspace.run("workload=vectors", "variants=O2", f"backends={BACKENDS}", "rounds=2")
    found = results(workspace)
    measured = {cell["backend"]: cell["measurement"] for cell in found["cells"]}
    assert set(measured) == {"wasmtime.cranelift", "wasmtime.cranelift-none"}
    (workload,) = found["workloads"]
    assert workload["ratio_to"] == "wasmtime.cranelift"
    first, second = measured["wasmtime.cranelift"], measured["wasmtime.cranelift-none"]
    assert first["ratio"] == 1
    assert second["ratio"] == pytest.approx(second["score"] / first["score"])
    assert "ratio to wasmtime.cranelift" in (workspace.path / "report/report.txt").read_text()


def test_a_program_that_compiles_for_wasm_only_says_which_key_helps(workspace, tmp_path):
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "main.c").write_text(SIMD)
    (folder / "workload.toml").write_text("")
    choice = ("variants=O3-simd", "backends=wasmtime.cranelift", "rounds=1")
    outcome = workspace.doit("run", f"workload={folder}", *choice)
    assert outcome.returncode == 1
    (cell,) = results(workspace)["cells"]
    assert cell["status"] == "unavailable"
    assert "put native = false into its workload.toml" in cell["reason"]
