"""What flags did, read from bytes: which functions differ, and that nothing else is called a difference."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import wasmtime

from pipeline.analyses import explain
from pipeline.core.artifact import Artifact, save_record
from pipeline.core.errors import ProjectError
from pipeline.core.files import write_atomic
from pipeline.wasm import code_diff, module
from pipeline.wasm.sections import CUSTOM, sections, without_custom
from tests.recorded import artifact_record


def program(*functions, base=8388608, before="", pages=129):
    """A module whose static data begin at an address, with a string of the flags' before all else."""
    return bytes(
        wasmtime.wat2wasm(
            f"""(module {before}
              (type $unary (func (param i32) (result i32)))
              (import "env" "log" (func $log (param i32)))
              (memory (export "memory") {pages})
              (data (i32.const {base}) "-O2 and what follows it")
              {" ".join(functions)})"""
        )
    )


def function(name, *body):
    return f"(func ${name} {' '.join(body)})"


def text_at(address):
    """A function that uses a string, by address and by the offset of a load."""
    load = f"(i32.load offset={address} (i32.const 0))"
    return function("shows", f"(call $log (i32.const {address}))", f"(drop {load})")


MAIN = function("main", "(call $log (i32.const 7))")


def renamed(data, *names):
    """The module with other names for its own functions; function 0 is imported."""
    listed = b"".join(bytes([i, len(name.encode())]) + name.encode() for i, name in enumerate(names, 1))
    functions = bytes([len(names)]) + listed
    section = b"\4name\1" + bytes([len(functions)]) + functions
    return without_custom(data, sections(data)) + bytes([CUSTOM, len(section)]) + section


def codes(data):
    return code_diff.codes(module.read(data))


def compare(one, other):
    return code_diff.compare(codes(one), codes(other))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder where artifacts can be put; returns put(name, module or reason) and the plan of all."""
    monkeypatch.chdir(tmp_path)
    plan = SimpleNamespace(workloads=[], toolchains=[], variants=[], given={})

    def chosen(things, name, **more):
        if name not in [thing.name for thing in things]:
            things.append(SimpleNamespace(name=name, **more))

    def put(name, made):
        workload, toolchain, variant = name.split("/")
        chosen(plan.workloads, workload)
        chosen(plan.toolchains, toolchain)
        chosen(plan.variants, variant, flags=(f"-{variant}",))
        present = isinstance(made, bytes)
        if made is not None:
            artifact = Artifact(workload, toolchain, variant, "wasm")
            write_atomic(artifact.path, made if present else b"")
            save_record(
                artifact, artifact_record(artifact, present=present, reason=None if present else made)
            )

    return SimpleNamespace(put=put, plan=plan, path=tmp_path)


def explained(project):
    explain.explain(project.plan)
    text = (project.path / "report/explain.txt").read_text(encoding="utf-8")
    return text, json.loads((project.path / "report/explain.json").read_text(encoding="utf-8"))


def rows(text):
    """{what a line begins with: the rest}, of tables' lines."""
    split = (line.strip().split("  ", 1) for line in text.splitlines() if "  " in line.strip())
    return {name: rest.split() for name, rest in split}


def test_addresses_of_static_data_are_no_difference():
    one = program(text_at(8388616), MAIN)
    other = program(text_at(8388632), MAIN)
    assert codes(one)["shows"] == codes(other)["shows"]
    assert compare(one, other).same_code
    assert compare(one, program(text_at(7), MAIN)).changed == ("shows",)
    assert compare(program(text_at(7)), program(text_at(8))).changed == ("shows",)


def test_the_range_of_static_data():
    assert code_diff.static_data(module.read(program())) == range(8388608, 129 * 65536)
    heap = '(global (export "__heap_base") i32 (i32.const 8390000))'
    assert code_diff.static_data(module.read(program(heap))) == range(8388608, 8390000)
    stack = "(global $__stack_pointer (mut i32) (i32.const {}))"
    found = code_diff.static_data(module.read(program(stack.format(66576), base=1024, pages=2)))
    assert found == range(1024, 66576)
    found = code_diff.static_data(module.read(program(stack.format(8388608))))
    assert found == range(8388608, 129 * 65536)
    assert not code_diff.static_data(module.read(bytes(wasmtime.wat2wasm("(module (memory 1))"))))


def test_numbers_of_functions_and_types_are_no_difference():
    calls = function("calls", "(param i32) (result i32) (local i64)", "(call $twice (local.get 0))")
    twice = function("twice", "(type $unary)", "(i32.mul (local.get 0) (i32.const 2))")
    through = function("through", "(result i32)", "(call_indirect (type $unary) (i32.const 1) (i32.const 0))")
    block = function("block", "(i32.const 1)", "(block (type $unary) (i32.const 1) (i32.add))", "(drop)")
    table = "(table 1 funcref)"
    one = program(table, calls, twice, through, block)
    other = program(
        table, function("early"), block, twice, through, calls, before="(type (func (param f64)))"
    )
    change = compare(one, other)
    assert (set(change.same), change.changed) == ({"calls", "twice", "through", "block"}, ())
    assert change.new == ("early",)


def test_what_is_called_and_the_local_variables_are_differences():
    a, b = function("a"), function("b")
    one = program(a, b, function("calls", "(call $a)"), function("has", "(local i32)"))
    other = program(a, b, function("calls", "(call $b)"), function("has", "(local i64)"))
    assert compare(one, other).changed == ("calls", "has")


def test_functions_of_the_same_name_are_counted():
    assert set(codes(renamed(program(function("one"), function("two", "(nop)")), "d", "d"))) == {"d", "d (2)"}


def test_a_function_that_was_inlined(project):
    helper = function("helper", "(param i32)", "(call $log (local.get 0))")
    calls = function("main", "(call $helper (i32.const 7))")
    project.put("coremark/zig/O2", program(helper, calls, text_at(8388616)))
    project.put("coremark/zig/O3", program(MAIN, "(func $unrolled nop nop)", text_at(8388617)))
    text, found = explained(project)
    [pair] = found["pairs"]
    assert (pair["same_file"], pair["same_code"], pair["same_functions"]) == (False, False, 1)
    assert [f["function"] for f in pair["changed"]] == ["main"]
    assert pair["gone"] == [{"function": "helper", "bytes": 6, "callers": ["main"]}]
    assert [f["function"] for f in pair["new"]] == ["unrolled"]
    size = codes(program(text_at(8388616)))["shows"].bytes
    same = f"O2 and O3 give the same code (1 function of {size} bytes)"
    assert f"{same} except in: main (6 bytes in both)." in text
    assert "Inlined or removed in O3: helper (6 bytes, called by main)." in text
    assert "New in O3: unrolled (4 bytes)." in text
    assert "(0x800000 to 0x80ffff) taken as equal: the flags' own text is part of the data" in " ".join(
        text.split()
    )
    table = rows(text)
    assert table["helper"] == ["6", "–"]
    assert table["unrolled"] == ["–", "4"]
    assert table["… and 1 function the same in all"] == [str(size)] * 2
    assert "shows" not in table
    assert [f["function"] for f in found["functions"]] == ["helper", "unrolled", "main", "shows"]
    assert found["functions"][0] == {
        "function": "helper",
        "same": False,
        "bytes": {"coremark/zig/O2": 6, "coremark/zig/O3": None},
    }


def test_facts_of_an_artifact(project):
    data = program(text_at(8388616), "(func (drop (i32.extend8_s (i32.const 1))))")
    project.put("coremark/zig/O2", data)
    text, found = explained(project)
    [facts] = found["artifacts"]
    assert facts["sha256"] == hashlib.sha256(data).hexdigest()
    assert (facts["bytes"], facts["data_bytes"], facts["functions"]) == (len(data), 23, 2)
    assert facts["features"] == ["sign-ext"]
    assert facts["declared"] == []
    assert facts["instructions"]["constant"] == 3
    assert sum(facts["instructions"].values()) == 10
    table = rows(text)
    assert table["file, bytes"] == [str(len(data))]
    assert table["load"] == ["1"]
    assert table["sign-ext"] == ["yes"]


def test_unknown_features_are_not_shown_as_none(project, monkeypatch):
    monkeypatch.setattr(explain, "features_if_valid", lambda data: None)
    project.put("coremark/zig/O2", program(MAIN))
    text, found = explained(project)
    assert found["artifacts"][0]["features"] is None
    assert rows(text)["unknown"] == ["yes"]


def test_one_artifact_alone_has_all_its_functions_and_no_pairs(project):
    project.put("coremark/zig/O2", program(MAIN, text_at(8388616)))
    text, found = explained(project)
    assert found["pairs"] == []
    assert list(rows(text))[-2:] == ["shows", "main"]
    assert "same" not in text


def test_the_same_file_and_the_same_code(project):
    project.put("coremark/zig/O2", program(text_at(8388616)))
    project.put("coremark/zig/O3", program(text_at(8388616)))
    project.put("coremark/zig/O4", program(text_at(8388632)))
    text, found = explained(project)
    assert [(p["same_file"], p["same_code"]) for p in found["pairs"]] == [(True, True), (False, True)]
    assert "O2 and O3 are the same file, byte for byte." in text
    assert "O3 and O4 give the same code; the files differ in static data, names or order." in text


def test_what_is_not_there_says_why_and_the_rest_is_compared(project):
    project.put("coremark/zig/O1", program(MAIN))
    project.put("coremark/zig/O2", "core_main.c does not compile: error: no")
    project.put("coremark/zig/O3", None)
    project.put("coremark/zig/O4", b"\0asm\1\0\0\0\x63\0")
    project.put("coremark/zig/O5", program())
    text, found = explained(project)
    assert "O2: not there: core_main.c does not compile: error: no" in text
    assert "O3: not there: not built; run: doit run build" in text
    assert "cannot be read: found unknown section `99`" in " ".join(text.split())
    assert [(p["one"], p["other"]) for p in found["pairs"]] == [("coremark/zig/O1", "coremark/zig/O5")]
    assert {tuple(a) for a in found["artifacts"]} == {tuple(found["artifacts"][0])}
    assert found["artifacts"][1]["bytes"] is None


def test_nothing_there_is_an_error_after_the_text(project, capsys):
    project.put("coremark/zig/O1", "wasm-opt is missing")
    with pytest.raises(ProjectError, match="there is no artifact to explain: wasm-opt is missing"):
        explain.explain(project.plan)
    assert "O1: not there: wasm-opt is missing" in capsys.readouterr().out
    assert Path("report/explain.json").exists()


def test_toolchains_are_compared_within_a_variant(project):
    for name in ("zig/O2", "zig/O3", "clang/O2", "clang/O3"):
        project.put(f"coremark/{name}", program(MAIN))
    text, found = explained(project)
    assert [(p["one"], p["other"]) for p in found["pairs"]] == [
        ("coremark/zig/O2", "coremark/zig/O3"),
        ("coremark/clang/O2", "coremark/clang/O3"),
        ("coremark/zig/O2", "coremark/clang/O2"),
        ("coremark/zig/O3", "coremark/clang/O3"),
    ]
    assert "zig/O2 and clang/O2 are the same file" in text


def test_functions_of_workloads_stand_apart(project):
    project.put("coremark/zig/O2", program(MAIN))
    project.put("coremark/zig/O3", program())
    project.put("json/zig/O2", program(text_at(8388616)))
    text, found = explained(project)
    assert [(p["one"], p["other"]) for p in found["pairs"]] == [("coremark/zig/O2", "coremark/zig/O3")]
    first, second = text.split("function, bytes")[1:]
    second = second.partition("coremark/O2 and")[0]  # where the pairs begin
    assert ("main" in first, "shows" in first) == (True, False)
    assert ("main" in second, "shows" in second) == (False, True)


def test_a_large_table_stays_readable(project):
    """Many artifacts with long names, and more functions that differ than rows."""
    for variant in range(9):
        body = "(nop)" * variant
        many = [function(f"a_function_with_a_rather_long_name_{n}", body) for n in range(50)]
        project.put(f"coremark/clang/O3-msimd128-mrelaxed-simd-{variant}", program(*many, text_at(8388616)))
    text, found = explained(project)
    assert max(map(len, text.splitlines())) <= 110
    assert len(found["functions"]) == 51
    assert text.count("… and 10 functions that differ") == 2
    assert " ".join(text.split()).count(" and 30 more.") == 8
    assert all(line == line.rstrip() for line in text.splitlines())


def test_names_cannot_reach_the_terminal(project):
    project.put("coremark/zig/O2", renamed(program(MAIN), "\x1b[2J\u202e\r[red]"))
    assert r"\u001b[2J\u202e\u000d[red]" in explained(project)[0]


def test_importing_it_is_light():
    code = "import sys, pipeline.analyses.explain; print({'rich', 'scipy', 'numpy'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
