"""Imports go one way, loading is light, and workers import nothing of the project."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Higher may import lower, never the other way round, nor sideways without being named here.
LAYERS = [
    {
        "toolchain.model",
        "pipeline.errors",
        "pipeline.store",
        "pipeline.own_code",
        "pipeline.undisturbed",
        "pipeline.trend",
        "pipeline.conditions",
        "pipeline.race",
        "pipeline.judges.model",
        "pipeline.output",
    },
    {"pipeline.model", "pipeline.stats", "pipeline.host", "pipeline.archive"},
    {"pipeline.layout", "pipeline.checker"},
    {
        "pipeline.process",
        "pipeline.hosts",
        "pipeline.packages",
        "pipeline.verdicts",
        "pipeline.history_run",
        "pipeline.tables",
        "pipeline.journal",
        "pipeline.answers",
        "pipeline.workload_files",
        "pipeline.judges.output",
        "pipeline.judges.coremark",
    },
    {
        "pipeline.backends",
        "pipeline.checkout",
        "pipeline.compare_cells",
        "pipeline.history_store",
        "pipeline.claims_file",
        "pipeline.uv",
        "pipeline.sources",
        "pipeline.protocols",
        "pipeline.variants",
        "pipeline.wasm_opcodes",
        "pipeline.workloads",
        "pipeline.staging",
        "pipeline.compilers",
        "pipeline.guest_process",
        "pipeline.judges",
    },
    {
        "pipeline.wasm_code",
        "pipeline.compare_runs",
        "pipeline.probes",
        "pipeline.explain_text",
        "pipeline.space",
        "pipeline.programs",
        "pipeline.newcomer",
        "pipeline.flags",
        "pipeline.libraries",
        "pipeline.session",
    },
    {
        "pipeline.wasm_module",
        "pipeline.compare_text",
        "pipeline.sessions",
        "pipeline.judges.coremark.modules",
    },
    {"pipeline.wasm", "pipeline.wasm_features", "pipeline.wasm_diff", "pipeline.history_text"},
    {"pipeline.interpreters", "pipeline.history", "pipeline.across_pairs"},
    {"pipeline.across_turns"},
    {"pipeline.environment", "pipeline.compare"},
    {"pipeline.runtimes"},
    {"pipeline.choice", "pipeline.build", "pipeline.sampler", "pipeline.pace"},
    {"pipeline.plan", "pipeline.provenance", "pipeline.anatomy"},
    {"pipeline.prebuilt"},
    {"pipeline.lock", "pipeline.elsewhere"},
    {
        "pipeline.matrix",
        "pipeline.doctor",
        "pipeline.settled",
        "pipeline.explain",
        "pipeline.candidates",
        "pipeline.bundle",
        "pipeline.variations",
    },
    {"pipeline.sample", "pipeline.lacking", "pipeline.verify"},
    {"pipeline.measure", "pipeline.precision", "pipeline.reproduce"},
    {
        "pipeline.refine",
        "pipeline.judging",
        "pipeline.disturbances",
        "pipeline.judges.coremark.official",
        "pipeline.tradeoffs",
        "pipeline.across",
        "pipeline.contest",
        "pipeline.retest",
        "pipeline.tuned",
    },
    {"pipeline.views"},
    {"pipeline.across_text", "pipeline.tradeoffs_text"},
    {"pipeline.results", "pipeline.selftest", "pipeline.tune", "pipeline.terminal"},
    {"pipeline.report"},
    {"pipeline.sweep"},
    {"pipeline.live"},
    {"pipeline.exports.model", "pipeline.exports.text", "pipeline.claims_cells"},
    {
        "pipeline.exports.benchmark_action",
        "pipeline.exports.csv_table",
        "pipeline.exports.markdown",
        "pipeline.exports.pyperf_suite",
        "pipeline.claims",
    },
    {"pipeline.exports.github", "pipeline.exports.across_csv", "pipeline.claims_text"},
    {"pipeline.exports"},
    {"pipeline.page.numbers", "pipeline.page.looks", "pipeline.page.pictures"},
    {"pipeline.page.data"},
    {"pipeline.page.headline", "pipeline.page.points"},
    {"pipeline.page.method"},
    {"pipeline.page.charts", "pipeline.page.scatter", "pipeline.page.across"},
    {"pipeline.page.render"},
    {"pipeline.page"},
    {"pipeline.index_page"},
    {"pipeline.reporter", "pipeline.state"},
    {"pipeline.graph.tasks"},
    {"pipeline.graph.building", "pipeline.graph.measuring", "pipeline.graph.asking"},
    {"pipeline.graph.artifacts"},
    {"pipeline.graph.reporting"},
    {"pipeline.graph"},
    {"dodo"},
]


def modules():
    for path in [ROOT / "dodo.py", *ROOT.glob("pipeline/**/*.py"), *ROOT.glob("toolchain/*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(p for p in parts if p != "__init__"), path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def layer(name):
    return next((i for i, names in enumerate(LAYERS) if name in names), None)


def test_imports_go_one_way():
    for name, path in modules():
        own = layer(name)
        for imported in imports(path):
            other = layer(imported)
            if own is not None and other is not None and name != imported:
                assert other < own, f"{name} imports {imported}"


def test_every_module_has_its_layer():
    for name, _ in modules():
        free = ("pipeline.workers.", "pipeline.backends.", "toolchain.")
        if name not in ("pipeline", "toolchain") and not name.startswith(free):
            assert layer(name) is not None, f"{name} stands in no layer of this test"


def test_toolchains_know_nothing_of_the_pipeline():
    for name, path in modules():
        if name.startswith("toolchain"):
            assert not [i for i in imports(path) if i.startswith("pipeline")], name


def test_backends_import_only_the_vocabulary():
    for name, path in modules():
        if name.startswith("pipeline.backends."):
            ours = {i for i in imports(path) if i.startswith(("pipeline.", "toolchain")) and i.count(".") < 2}
            assert ours <= {"pipeline.model", "pipeline.store"}, name


def test_workers_import_nothing_of_ours():
    for name, path in modules():
        if name.startswith("pipeline.workers."):
            assert not [i for i in imports(path) if i.startswith(("pipeline", "toolchain"))], name


def test_only_workers_import_runtimes():
    for name, path in modules():
        if not name.startswith("pipeline.workers."):
            assert not {"wasmtime", "wasmer"} & set(imports(path)), name


@pytest.mark.parametrize(
    "heavy",
    ["numpy", "rich", "jinja2", "fasteners", "archspec", "wasmtime", "uv", "optuna", "altair"],
)
def test_loading_the_graph_stays_light(heavy):
    ours = "pipeline.graph.building, pipeline.graph.reporting, pipeline.reporter, pipeline.state"
    code = f"import sys, {ours}; print({heavy!r} in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
