"""Modules of all proposals are read as other tools read them; what is no module ends in WasmError."""

import random
import resource
import stat
import subprocess
import sys
import time

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import ProjectError
from pipeline.wasm import code_diff, feature_probes, module, sections, wasm_tools
from pipeline.wasm.features import features
from pipeline.wasm.instruction_kinds import KINDS, count, kind
from pipeline.wasm.module import Data, Export, Import
from pipeline.wasm.sections import Names, WasmError

PROGRAM = """
(module $program
  (type $binary (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "env" "counter" (global $counter (mut i64)))
  (memory (export "memory") 2 10)
  (table 3 funcref)
  (global $base i32 (i32.const -8))
  (elem (i32.const 1) $add $close)
  (data (i32.const 1024) "he\\"l\\\\\\ff\\u{e9}")
  (data $passive "abc")
  (func $add (type $binary) (local i64 i64 f32)
    local.get 0 local.get 1 i32.add)
  (func (export "run") (result i32)
    (call $add (i32.const 1) (i32.load offset=16 align=2 (i32.const 4)))
    (call_indirect (type $binary) (i32.const 1) (i32.const 1)))
  (func (if (i32.const 1) (then (br 0)) (else (unreachable))))
  (func))
"""


def compiled(text):
    """By wasm-tools, which knows more proposals than wasmtime's wat2wasm."""
    return wasm_tools.run(text.encode(), "parse")


def used(text):
    return features(compiled(f"(module {text})"))


def leb(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def section(number, *parts):
    content = b"".join(parts)
    return bytes([number]) + leb(len(content)) + content


def of_sections(*parts):
    return b"\0asm\1\0\0\0" + b"".join(parts)


def of_body(body, *before):
    """A module with one function."""
    types = section(1, b"\1\x60\0\0")
    return of_sections(types, section(3, b"\1\0"), *before, section(10, b"\1", leb(len(body)), body))


def custom(name, content):
    return section(0, leb(len(name)), name, content)


def test_a_program():
    program = module.read(bytes(wasmtime.wat2wasm(PROGRAM)))
    assert program.imports == [
        Import("wasi_snapshot_preview1", "fd_close", "func"),
        Import("env", "counter", "global"),
    ]
    assert program.function_names == ["close", "add", "run", "function 3", "function 4"]
    assert program.signatures == [
        "(func (param i32) (result i32))",
        "(func (param i32 i32) (result i32))",
        "(func (result i32))",
        "(func)",
        "(func)",
    ]
    assert program.exports == [Export("memory", "memory", 0), Export("run", "func", 2)]
    assert program.memories == [2]
    assert program.globals == [None, -8]
    assert program.global_names == {0: "counter", 1: "base"}
    assert program.data == [Data(1024, 8), Data(None, 3)]
    assert [(f.name, f.code) for f in program.functions] == [
        ("add", ("(local i64 i64 f32)", "local.get 0", "local.get 1", "i32.add")),
        (
            "run",
            (
                *("i32.const 1", "i32.const 4", "i32.load offset=16 align=2", "call 1"),
                *("i32.const 1", "i32.const 1", "call_indirect (type 0)"),
            ),
        ),
        (
            "function 3",
            ("i32.const 1", "if ;; label = @1", "br 0 (;@1;)", "else", "unreachable", "end"),
        ),
        ("function 4", ()),
    ]


def test_bodies_are_those_of_the_code_section():
    data = compiled(PROGRAM)
    program = module.read(data)
    whole = b"".join(leb(len(f.body)) + f.body for f in program.functions)
    [code] = [each.content for each in program.sections if each.number == sections.CODE]
    assert code == leb(len(program.functions)) + whole
    assert program.section_bytes(sections.CODE) == len(code)
    assert program.functions[0].body == b"\x02\x02\x7e\x01\x7d\x20\x00\x20\x01\x6a\x0b"


def test_the_interface_has_all_but_code_and_data():
    data = compiled(PROGRAM)
    whole, interface = module.read(data), module.read_interface(data)
    assert (interface.imports, interface.exports) == (whole.imports, whole.exports)
    assert (interface.signatures, interface.memories) == (whole.signatures, whole.memories)
    assert [(f.name, f.body) for f in interface.functions] == [(f.name, f.body) for f in whole.functions]
    assert not any(f.code for f in interface.functions)


@pytest.mark.parametrize(
    ("kind_", "mnemonics"),
    [
        ("control", "nop block loop if else end br br_if br_table return unreachable try_table throw_ref"),
        ("control", "try catch catch_all rethrow delegate br_on_null"),
        ("call", "call call_indirect return_call return_call_indirect call_ref"),
        ("parametric", "drop select"),
        ("local", "local.get local.tee"),
        ("global", "global.set"),
        ("table", "table.get table.copy table.init elem.drop table.grow"),
        ("reference", "ref.null ref.is_null ref.func"),
        ("load", "i32.load i64.load8_s f64.load"),
        ("store", "f32.store i64.store32"),
        ("memory", "memory.size memory.grow"),
        ("bulk memory", "memory.init memory.copy memory.fill data.drop"),
        ("constant", "i32.const f64.const"),
        ("integer", "i32.add i64.rotl i32.extend8_s i64.extend32_s i32.clz i64.rem_u"),
        ("compare", "i32.eqz i64.eq i32.ne f32.lt f64.ge i64.lt_s i32.ge_u"),
        ("float", "f32.add f64.trunc f32.nearest f64.copysign f64.neg"),
        ("conversion", "i32.wrap_i64 i64.extend_i32_s i32.trunc_f32_s i64.trunc_sat_f64_u f32.demote_f64"),
        ("conversion", "f64.promote_f32 f64.convert_i32_u i32.reinterpret_f32"),
        ("simd", "v128.load v128.const i8x16.shuffle i32x4.add f64x2.eq f32x4.relaxed_madd"),
        ("atomic", "i32.atomic.load i64.atomic.rmw8.add_u memory.atomic.wait32 atomic.fence"),
        ("other", "struct.new array.get any.convert_extern"),
    ],
)
def test_kinds_of_instructions(kind_, mnemonics):
    assert {name: kind(name) for name in mnemonics.split()} == dict.fromkeys(mnemonics.split(), kind_)
    assert kind_ in KINDS


def test_kinds_are_counted_with_the_last_end():
    functions = module.read(compiled(PROGRAM)).functions
    assert count(functions[0].code) == {"local": 2, "integer": 1, "control": 1}
    assert count(functions[1].code) == {"constant": 4, "load": 1, "call": 2, "control": 1}
    assert count(functions[3].code) == {"control": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(memory 1) (func (drop (i32.load (i32.const 0))))", set()),
        ("(func (result i32) (block (result i32) (i32.const 1)))", set()),
        ("(table 1 funcref) (func) (elem (i32.const 0) 0) (func (call_indirect (i32.const 0)))", set()),
        ("(func (drop (i32.extend8_s (i32.const 1))))", {"sign-ext"}),
        ("(func (drop (i64.trunc_sat_f64_u (f64.const 1))))", {"nontrapping-fptoint"}),
        ("(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))", {"bulk-memory"}),
        ('(memory 1) (data "passive")', {"bulk-memory"}),
        ("(table 1 funcref) (func) (elem func 0)", {"bulk-memory"}),
        ("(func (param v128))", {"simd128"}),
        ("(func (local v128))", {"simd128"}),
        ("(func (drop (i32x4.splat (i32.const 1))))", {"simd128"}),
        (
            "(func (param v128) (drop (f32x4.relaxed_min (local.get 0) (local.get 0))))",
            {"simd128", "relaxed-simd"},
        ),
        ('(global (export "g") (mut i32) (i32.const 0))', {"mutable-globals"}),
        ('(import "a" "b" (global (mut i32)))', {"mutable-globals"}),
        ('(global (export "g") i32 (i32.const 0)) (global (mut i32) (i32.const 0))', set()),
        ("(func (result i32 i32) (i32.const 1) (i32.const 2))", {"multivalue"}),
        ("(func (i32.const 1) (block (param i32) (drop)))", {"multivalue"}),
        ("(func (param externref))", {"reference-types"}),
        ("(table 1 externref)", {"reference-types"}),
        ("(table 1 funcref) (table 1 funcref)", {"reference-types"}),
        ("(func (drop (ref.null func)))", {"reference-types"}),
        (
            "(func (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 0))))",
            {"reference-types"},
        ),
        ("(func return_call 0)", {"tail-call"}),
        ("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))", {"atomics"}),
        ("(memory 1 1 shared)", {"atomics"}),
        ("(tag)", {"exception-handling"}),
        ("(func (try_table))", {"exception-handling"}),
        ("(memory i64 1)", {"memory64"}),
        ("(memory 1) (memory 1)", {"multimemory"}),
        ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", {"extended-const"}),
    ],
)
def test_features_that_are_used(text, expected):
    assert used(text) == expected


def test_features_are_not_what_is_declared():
    declared = custom(b"target_features", b"\2+" + leb(7) + b"simd128" + b"-" + leb(7) + b"atomics")
    data = of_sections(declared)
    assert sections.target_features(sections.sections(data)) == ["+simd128", "-atomics"]
    assert features(data) == set()


def test_older_and_newer_exceptions_are_different_features():
    assert used("(func try catch_all end)") == {"exception-handling", "legacy-exceptions"}


def test_an_index_of_several_bytes_is_a_feature():
    """wasm-ld leaves room for relocations; older runtimes want one byte. Reference types include it."""
    table = section(4, b"\1\x70\0\1")
    assert features(of_body(b"\0\x41\0\x11\x80\0\0\x0b", table)) == set()
    assert features(of_body(b"\0\x41\0\x11\0\x80\0\x0b", table)) == {"call-indirect-overlong"}
    tables = section(4, b"\2\x70\0\1\x70\0\1")
    assert features(of_body(b"\0\x41\0\x11\0\x80\0\x0b", tables)) == {"reference-types"}


@pytest.mark.parametrize(
    "text",
    [
        "(type (array i8)) (func (drop (array.new_default 0 (i32.const 1))))",
        "(rec (type $s (struct (field (ref null $s))))) (func (param (ref $s)) (drop (local.get 0)))",
        "(func (result i64 i64) (i64.add128 (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)))",
        "(memory 1 (pagesize 1))",
        "(table 1 (ref func) (ref.func 0)) (func)",
        "(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))",
        "(type $f (func)) (type $c (cont $f)) (func (param (ref $c)) (resume $c (local.get 0)))",
        "(table i64 1 funcref)",
        "(table 1 exnref)",
    ],
)
def test_every_proposal_is_read(text):
    data = compiled(f"(module {text})")
    assert features(data) <= set(feature_probes.FEATURES)
    assert module.read(data).section_bytes(sections.CODE) == module.read_interface(data).section_bytes(10)


def test_groups_of_imports_are_read():
    """Of the proposal compact-imports: one module for many names, or one type too."""
    program = module.read(
        compiled(
            '(module (import "m" (item "a" (func (param i32))) (item "b" (global i32)))'
            '(import "n" (item "x") (item "y") (func)) (func $own (call 1)))'
        )
    )
    assert [(i.module, i.name, i.kind) for i in program.imports] == [
        ("m", "a", "func"),
        ("m", "b", "global"),
        ("n", "x", "func"),
        ("n", "y", "func"),
    ]
    assert program.function_names == ["m.a", "n.x", "n.y", "own"]
    assert program.signatures == ["(func (param i32))", "(func)", "(func)", "(func)"]


def test_generated_modules_of_all_proposals_are_read():
    """What wasm-tools' generator makes, with garbage collection: none is refused."""
    seeds, functions = random.Random(1), 0
    for size in (400, 4000, 40_000, 4000):
        command = [wasm_tools.executable(), "smith", "--gc-enabled=true", "--min-funcs=10"]
        data = subprocess.run(command, input=seeds.randbytes(size), capture_output=True, check=True).stdout
        program = module.read(data)
        features(data)
        code_diff.codes(program)
        functions += len(program.functions)
    assert functions > 15


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\1\5\1\1\2\xff\xfe", {1: "\ufffd\ufffd"}),  # not UTF-8
        (b"\1\4\1\1\1a" + b"\1\x7f", {1: "a"}),  # then a subsection that is longer than the section
        (b"\1\4\3\1\1a", {1: "a"}),  # fewer than it says
        (b"\x63\1\0" + b"\1\4\1\1\1a", {1: "a"}),  # after one of an unknown kind
        (b"\1", {}),
        (b"", {}),
    ],
)
def test_a_name_section_that_is_wrong_costs_no_more_than_names(content, expected):
    data = compiled("(module (func) (func))") + custom(b"name", content)
    assert sections.names(sections.sections(data)) == Names(expected, {})
    assert module.read(data).function_names == ["function 0", expected.get(1, "function 1")]
    assert features(data) == set()


def test_custom_sections_may_hold_anything():
    strange = (
        custom(b"\xff\xfe", b"\xff") + custom(b"target_features", b"\x05+") + custom(b"producers", b"\xff")
    )
    data = compiled("(module (func))").replace(b"\0asm\1\0\0\0", b"\0asm\1\0\0\0" + strange)
    assert features(data) == set()
    assert len(module.read(data).functions) == 1
    assert sections.target_features(sections.sections(data)) == []


def text_of(word):
    return leb(len(word)) + word


def test_what_made_a_module_is_what_it_says_itself():
    fields = [(b"language", [(b"Rust", b"")]), (b"processed-by", [(b"rustc", b"1.63"), (b"opt", b"\xff")])]
    content = leb(len(fields)) + b"".join(
        text_of(name) + leb(len(values)) + b"".join(text_of(a) + text_of(b) for a, b in values)
        for name, values in fields
    )
    data = of_sections(custom(b"producers", content))
    expected = ["language Rust", "processed-by rustc 1.63", "processed-by opt \ufffd"]
    assert sections.producers(sections.sections(data)) == expected
    cut = of_sections(custom(b"producers", content[:-4]))
    assert sections.producers(sections.sections(cut)) == expected[:2]


def test_sections_with_an_unknown_number_are_kept():
    assert [(s.number, s.content) for s in sections.sections(of_sections(section(99, b"abc")))] == [
        (99, b"abc")
    ]


#: One function type, and one function with it.
START = section(1, b"\1\x60\0\0") + section(3, b"\1\0")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0asm",
        b"\0asm\x0d\0\1\0",  # a component
        b"(module)",  # the tool reads texts too
        of_sections(b"\1"),
        of_sections(b"\1\xff\xff\xff\xff\x0f"),
        of_sections(b"\1\xff\xff\xff\xff\x1f"),
        of_sections(b"\1\x80\x80\x80\x80\x80\x00"),
        of_sections(b"\0\0"),
        of_sections(section(1, b"\xff\xff\xff\xff\x0f")),
        of_sections(section(1, b"\0\0")),
        of_sections(section(99)),
        of_sections(section(3, b"\0"), section(1, b"\0")),
        of_sections(section(1, b"\0"), section(1, b"\0")),
        of_sections(section(3, b"\1\0")),
        of_sections(START),
        of_sections(START, section(10, b"\0")),
        of_sections(START, section(10, b"\1\5\0")),
        of_sections(section(5, b"\1\x80\1")),
        of_sections(section(7, b"\1\1\xff\0\0")),
        of_sections(section(9, b"\1\x08")),
        of_body(b"\0"),
        of_body(b"\0\x0b\x0b"),
        of_body(b"\0\2\x40\x0b"),
        of_body(b"\0\xff\0\x0b"),
        of_body(b"\0\x0e\xff\xff\xff\x7f\0\x0b"),
        of_body(b"\2\xff\xff\xff\xff\x0f\x7f\1\x7f\x0b"),
    ],
)
def test_what_is_no_module_is_refused_in_one_line(data):
    for read in (module.read, features):
        with pytest.raises(WasmError) as caught:
            read(data)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) > 10


def test_an_export_of_a_function_that_is_not_there_is_named():
    bad = bytes.fromhex(
        "0061736d010000000109026000017f6000017d02100103656e7608636c6f636b5f6d730000030201010707010372756e00630a"
        "09010700430000803f0b"
    )
    with pytest.raises(WasmError, match=r"function 99 of 2 is exported"):
        module.read_interface(bad)


def test_what_is_not_valid_has_no_features_and_is_read():
    data = compiled("(module (func (drop (i32.add (i64.const 1)))))")
    with pytest.raises(WasmError, match="type mismatch"):
        features(data)
    assert module.read(data).functions[0].code == ("i64.const 1", "i32.add", "drop")


def test_deep_nesting_and_many_locals_cost_little():
    depth = 50_000
    body = b"\1\xc0\x84\x03\x7f" + b"\2\x40" * depth + b"\x0b" * depth + b"\x0b"
    before = time.process_time()
    [function] = module.read(of_body(body)).functions
    assert count(function.code)["control"] == 2 * depth + 1
    assert time.process_time() - before < 5


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Returns replace(script): a shell script in place of wasm-tools."""

    def replace(script):
        path = tmp_path / "wasm-tools"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(wasm_tools, "executable", lambda: str(path))

    return replace


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -SEGV $$", "wasm-tools validate: ended by SIGSEGV"),
        (
            "echo 'panicked at x.rs:\n  oh' >&2; exit 101",
            "wasm-tools validate: exit status 101. panicked at x.rs: oh",
        ),
        ("echo 'error: bad\n\nCaused by:\n  0: \033[2Jmagic' >&2; exit 1", "bad Caused by: 0: magic"),
        ("while :; do :; done", "wasm-tools validate: ended by SIGXCPU"),
        ("while :; do echo more; done", "wasm-tools validate: "),
    ],
)
def test_a_tool_that_fails_at_a_module_is_a_finding_about_the_module(program, monkeypatch, script, message):
    monkeypatch.setitem(wasm_tools.LIMITS, resource.RLIMIT_CPU, 1)
    monkeypatch.setitem(wasm_tools.LIMITS, resource.RLIMIT_FSIZE, 1 << 16)
    program(script)
    with pytest.raises(WasmError) as caught:
        features(of_sections())
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -KILL $$", "wasm-tools validate was killed; is there enough memory?"),
        ("exec sleep 60", "wasm-tools validate did not end within 0.2 s"),
    ],
)
def test_a_tool_that_is_stopped_from_outside_is_an_error_in_one_line(program, monkeypatch, script, message):
    monkeypatch.setattr(wasm_tools, "_HANGS_S", 0.2)
    program(script)
    with pytest.raises(ProjectError) as caught:
        features(of_sections())
    assert str(caught.value) == message


def test_lower_limits_of_the_user_hold():
    """A tool that may have less memory than ours would be given still runs."""
    imports = "from pipeline.wasm import feature_probes, features"
    code = f"{imports}; print(*features.features(feature_probes.probe('simd128')))"
    command = f'ulimit -v 2000000 -t 50; exec "{sys.executable}" -c "{code}"'
    outcome = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (outcome.stdout, outcome.stderr) == ("simd128\n", "")


def test_a_tool_that_is_not_there_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(wasm_tools, "executable", lambda: str(tmp_path / "none"))
    with pytest.raises(ProjectError, match=r"does not start: .*; run: pip install -e \."):
        features(of_sections())


def refusal(data):
    """Why a module is refused when everything is read of it that ever is; None if it is not."""
    error = None
    for read in (features, module.read_interface, lambda data: code_diff.codes(module.read(data))):
        try:
            read(data)
        except WasmError as refused:
            error = refused
    return error


SEEDS = [compiled(PROGRAM), *map(feature_probes.probe, feature_probes.FEATURES)]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 10**6), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=4
    ),
)
def test_mutated_modules_end_in_nothing_but_our_error(data, changes):
    for place, inserted, removed in changes:
        at = 8 + place % max(1, len(data) - 8)
        data = data[:at] + inserted + data[at + removed :]
    before = time.process_time()
    error = refusal(data)
    assert error is None or "\n" not in str(error)
    assert time.process_time() - before < 2


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_nothing_but_our_error(data):
    for attempt in (data, of_sections(data), of_body(data)):
        refusal(attempt)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_as_frame_and_names_end_in_nothing_but_our_error(data):
    """The part that is read here, without the tool."""
    try:
        parts = sections.sections(of_sections(data))
        assert sections.without_custom(of_sections(data), parts).startswith(of_sections())
        sections.bodies(parts)
    except WasmError:
        pass
    for name in (b"name", b"target_features"):
        parts = sections.sections(of_sections(custom(name, data)))
        sections.names(parts)
        sections.target_features(parts)


@given(st.integers(1, 2**32 - 1))
def test_sizes_are_numbers_of_at_most_32_bits(number):
    with pytest.raises(WasmError, match=f"{number} bytes at byte .*, where 0 are left"):
        sections.sections(of_sections(b"\1", leb(number)))
    with pytest.raises(WasmError, match="more than 32 bits"):
        sections.sections(of_sections(b"\1", leb(number + 2**32)))
