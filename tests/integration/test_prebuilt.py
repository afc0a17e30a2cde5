"""Prebuilt modules measured together with our own builds: validated, cached, and refused by name."""

import hashlib
import json
import os
import shlex
import shutil

import pytest
import wasmtime

from pipeline.measure.sample import read
from tests.foreign import COARSE, build, build_run, whole

BACKENDS = "backends=wasmtime.cranelift"
REPORTING = ["report", "export", "remember", "check"]


def results(workspace):
    return json.loads((workspace.path / "report/results.json").read_text())


def samples(workspace, name):
    return [read(path) for path in sorted(workspace.path.glob(f"results/**/prebuilt/{name}/**/round-*.json"))]


def test_a_copy_of_our_own_module_gives_the_same_results(workspace, tmp_path):
    module = tmp_path / "their build.wasm"
    shutil.copy(workspace.path / "build/artifacts/coremark/zig/O2/wasm/coremark.wasm", module)
    ran = workspace.run(f"artifact={module}", "variants=O2", BACKENDS)
    assert "take in module coremark their_build" in ran
    own, cell = results(workspace)["cells"]
    assert (cell["toolchain"], cell["variant"], cell["status"]) == ("prebuilt", "their_build", "ok")
    assert cell["wasm_sha256"] == own["wasm_sha256"] == hashlib.sha256(module.read_bytes()).hexdigest()
    assert own["prebuilt"] is None
    assert any("clang" in each for each in cell["prebuilt"].pop("producers"))
    assert cell["prebuilt"] == {
        "file": "their build.wasm",
        "interface": "command",
        "validated": "CRCs of both seed sets, final CRC equal to native",
    }
    for report in ("report.md", "report.txt"):
        text = (workspace.path / "report" / report).read_text()
        assert "their build.wasm" in text
        assert cell["wasm_sha256"] in text
    assert workspace.run(f"artifact={module}", "variants=O2", BACKENDS) == []

    # Alone, it is the whole matrix; other bytes of the same name are a different module.
    assert workspace.run(f"artifact={module}", BACKENDS)[-4:] == REPORTING
    assert len(results(workspace)["cells"]) == 1
    shutil.copy(workspace.path / "build/artifacts/coremark/zig/O3/wasm/coremark.wasm", module)
    ran = workspace.run(f"artifact={module}", BACKENDS)
    assert [each for each in ran if each.startswith("measure coremark prebuilt their_build")]
    assert results(workspace)["cells"][0]["wasm_sha256"] == hashlib.sha256(module.read_bytes()).hexdigest()


def test_programs_with_clocks_and_manners_of_their_own(workspace, tmp_path):
    modules = {
        "coarse": build(tmp_path / "coarse.wasm", COARSE),
        "whole": build(tmp_path / "whole.wasm", whole(2000)),
        "wrong": build(tmp_path / "wrong.wasm", whole(2000, seed=5)),
        "slow": build(tmp_path / "slow.wasm", {**whole(4000), "ns / 1000u": "ns / 1500u"}),
    }
    given = ",".join(map(str, modules.values()))
    outcome = workspace.doit("run", f"artifact={given}", BACKENDS, "rounds=1")
    assert outcome.returncode == 1
    cells = {cell["variant"]: cell for cell in results(workspace)["cells"]}
    assert cells["coarse"]["status"] == "ok", cells["coarse"]["reason"]
    assert cells["whole"]["status"] == "ok", cells["whole"]["reason"]
    assert cells["whole"]["prebuilt"]["validated"].startswith("CRCs of the performance seeds")
    assert cells["wrong"]["status"] == "invalid"
    assert "seedcrc" in cells["wrong"]["reason"]
    assert cells["slow"]["status"] == "invalid"
    assert "its clock went on by" in cells["slow"]["reason"]
    (sample,) = samples(workspace, "whole")
    assert sample.iterations == 2000
    (sample,) = samples(workspace, "coarse")
    # 0.2 s, where the machine was not busy just when it was calibrated: a millisecond is half a per cent.
    assert max(sample.iterations / score for score in sample.scores) > 0.1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory; expected a .wasm module"),
        (b"", "it begins with b''; expected a .wasm module"),
        (b"\x7fELF", "expected a .wasm module"),
    ],
)
def test_what_is_no_module_is_refused_in_one_line(workspace, tmp_path, content, reason):
    file = tmp_path / "x.wasm"
    if content is not None:
        file.write_bytes(content)
    before = workspace.snapshot()
    outcome = workspace.doit("run", f"artifact={file}", BACKENDS)
    assert outcome.returncode == 1
    assert reason in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not any("prebuilt" in name for name in workspace.snapshot().keys() - before.keys())


def test_a_module_that_cannot_be_run_is_a_status_and_hides_no_other(workspace, tmp_path):
    """The same sentence for every backend, also where one of them would have run it."""
    imports = '(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))'
    rest = '(memory (export "memory") 1) (func (export "_start"))'
    texts = {
        "host": f'(module {imports} (import "env" "now" (func)) {rest})',
        "silent": f"(module {imports} {rest})",
    }
    modules = {name: bytes(wasmtime.wat2wasm(text)) for name, text in texts.items()}
    modules["component"] = b"\0asm\x0d\0\1\0"
    modules["cut"] = b"\0asm\1\0\0\0\x01"
    modules["good"] = (workspace.path / "build/artifacts/coremark/zig/O2/wasm/coremark.wasm").read_bytes()
    for name, data in modules.items():
        (tmp_path / f"{name}.wasm").write_bytes(data)
    given = ",".join(str(tmp_path / f"{name}.wasm") for name in modules)
    backends = "backends=wasmtime.cranelift,wasmtime.winch"
    workspace.doit("run", f"artifact={given}", backends, "rounds=1")
    found = {}
    for cell in results(workspace)["cells"]:
        reason = (cell["reason"] or "").replace(cell["backend"], "BACKEND")
        found.setdefault(cell["variant"], set()).add((cell["status"], reason))
    only = "expected functions of wasi_snapshot_preview1 only"
    assert found == {
        "host": {("unavailable", f"it imports env.now, which no host here gives; {only}")},
        "silent": {("invalid", "BACKEND: it printed nothing; expected CoreMark's report: is it CoreMark?")},
        "component": {("unavailable", "it is a component (WASI 0.2); give a core module")},
        "cut": {("unavailable", "it is no WebAssembly module: 1 bytes at byte 9, where 0 are left")},
        "good": {("ok", "")},
    }


def test_matrix_toml_names_modules_and_their_digests(workspace, tmp_path):
    module = tmp_path / "published.wasm"
    shutil.copy(workspace.path / "build/artifacts/coremark/zig/O2/wasm/coremark.wasm", module)
    digest = hashlib.sha256(module.read_bytes()).hexdigest()
    text = (workspace.path / "matrix.toml").read_text()
    for entry, reason in (
        (f'published = {{ file = "{module}", sha256 = "{digest}" }}', None),
        (f'published = {{ file = "{module}", sha256 = "{"0" * 64}" }}', f"its SHA-256 is {digest}"),
        (f'published = {{ file = "{module}", sha = "{digest}" }}', "did you mean 'sha256'?"),
        ('published = ""', "expected a path or { file = …, sha256 = … }"),
    ):
        (workspace.path / "matrix.toml").write_text(f"{text}\n[artifacts]\n{entry}\n")
        outcome = workspace.doit("run", "variants=O2", BACKENDS, "rounds=1")
        assert (outcome.returncode, reason or "") == (1 if reason else 0, reason or ""), outcome.stderr
        if reason is None:
            names = [(c["toolchain"], c["variant"]) for c in results(workspace)["cells"]]
            assert names == [("zig", "O2"), ("prebuilt", "published")]
        else:
            assert reason in outcome.stderr
            assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("task", ["verify", "lock", "bundle", "selftest"])
def test_tasks_on_builds_of_our_own_take_no_prebuilt_module(workspace, task):
    module = workspace.path / "build/artifacts/coremark/zig/O2/wasm/coremark.wasm"
    outcome = workspace.doit("run", task, f"artifact={module}")
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"error: command line: {task} is about what is built here and does not take artifact=; "
        f"run: doit run artifact={shlex.quote(str(module))}\n"
    )


def test_an_export_run_is_measured_like_a_command_of_the_same_code(workspace, tmp_path):
    """Under every kind of worker."""
    module = build_run(tmp_path / "minimal.wasm", "i64")
    names = "native,wasmtime.cranelift,wasmtime.pulley,wasmer.singlepass,v8.turbofan,jsc.omg,spidermonkey.ion"
    more = ",wasm2c.clang-O1,wasm3,wasmer-sdk.*"
    workspace.run("runtime", "backends=*")
    workspace.run(f"artifact={module}", f"backends={names}{more}", "rounds=1")
    found = results(workspace)["cells"]
    assert not [cell for cell in found if cell["backend"] == "native"]
    seen = set()
    for cell in found:
        if "is not installed" in (cell["reason"] or "") or "needs CPython" in (cell["reason"] or ""):
            continue
        if cell["backend"].startswith("wasmer-sdk"):
            assert cell["status"] == "unavailable"
            assert "env.clock_ms" in cell["reason"]
            continue
        assert cell["status"] == "ok", cell["reason"]
        assert cell["prebuilt"]["interface"] == "run, clock i64"
        assert "shows no CRC" in cell["prebuilt"]["validated"]
        # One round of two short chunks: far enough to see a wrong unit, no more.
        assert 0.001 < cell["measurement"]["ratio"] < 20
        seen.add(cell["backend"])
    assert {"wasmtime.cranelift", "wasmtime.pulley"} <= seen
    if os.environ.get("CI"):
        assert len(seen) >= 8, seen


def test_a_lying_score_is_told_from_its_clock(workspace, tmp_path):
    reasons = {"liar": "no whole number", "constant": "its score does not follow from what it ran"}
    liar = build_run(tmp_path / "liar.wasm", "i32", {"(float)score : 0": "(float)score * 1.013f : 0"})
    constant = build_run(tmp_path / "constant.wasm", "i32", {"(float)score : 0": "1000 : 0"})
    outcome = workspace.doit("run", f"artifact={liar},{constant}", BACKENDS, "rounds=1")
    assert outcome.returncode == 1
    for cell in results(workspace)["cells"]:
        assert cell["status"] == "invalid"
        assert reasons[cell["variant"]] in cell["reason"]
