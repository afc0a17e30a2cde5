"""Modules of newer proposals, and with odd custom sections, under every kind of worker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.experiment import matrix
from pipeline.measure.guest import Guest
from pipeline.measure.probes.missing_features import missing_features
from pipeline.runtimes.launch import start
from pipeline.wasm import wasm_tools
from pipeline.wasm.features import features
from tests.contract.conftest import LOSES_OUTPUT

WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))'
SAYS = "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))"
DATA = r'(data (i32.const 0) "\08\00\00\00\03\00\00\00ok\0a")'
MEMORY = f'(memory (export "memory") 1) {DATA}'
THROWER = "(tag $e (param i32)) (func $throw (param i32) (throw $e (local.get 0)))"
COUNT = "(br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))"
CAUGHT = f"(if (i32.eq (local.get $sum) (i32.const 4950)) (then {SAYS}))"
#: Throw a hundred numbers through a call, add what is caught, and print "ok" if the sum is right.
NEW = """(loop $again
    (block $caught (result i32)
      (try_table (catch $e $caught) (call $throw (local.get $i))) (unreachable))
    (local.set $sum (i32.add (local.get $sum)))"""
OLD = """(loop $again
    try (call $throw (local.get $i)) catch $e local.get $sum i32.add local.set $sum end"""


def throwing(loop):
    locals_ = "(local $i i32) (local $sum i32)"
    return f'{WRITE} {MEMORY} {THROWER} (func (export "_start") {locals_} {loop} {COUNT}) {CAUGHT})'


def if_so(condition):
    return f'(func (export "_start") (if {condition} (then {SAYS})))'


START = f'(func (export "_start") {SAYS})'
NODE = "(i32.eq (struct.get $node 0 (struct.new $node (i32.const 7))) (i32.const 7))"
#: The low and the high half of a product are -2 and 1.
WIDE = "(i64.eq (i64.add (i64.mul_wide_u (i64.const -1) (i64.const 2))) (i64.const -1))"
MODULES = {
    "exceptions": throwing(NEW),
    "legacy exceptions": throwing(OLD),
    "uncaught": f'{WRITE} {MEMORY} (tag $e) (func (export "_start") {SAYS} (throw $e))',
    "memory64": f'{WRITE} (memory (export "memory") i64 1) {DATA.replace("i32", "i64")} {START}',
    "shared": f'{WRITE} (memory (export "memory") 1 1 shared) {DATA} {START}',
    "no imports": f'{MEMORY} (func (export "_start"))',
    "multimemory": f"{WRITE} (memory 1) {MEMORY.replace('i32.const', 'memory 1) (i32.const')} {START}",
    "gc": f"{WRITE} {MEMORY} (type $node (struct (field (mut i32)))) {if_so(NODE)}",
    "function-references": f"""{WRITE} {MEMORY} (type $t (func)) (func $says (type $t) {SAYS})
      (elem declare func $says) (func (export "_start") (call_ref $t (ref.func $says)))""",
    "custom-page-sizes": f'{WRITE} (memory (export "memory") 64 (pagesize 1)) {DATA} {START}',
    "wide-arithmetic": f"{WRITE} {MEMORY} {if_so(WIDE)}",
}
#: One of each worker; of those that are compiled by different compilers, two.
NAMES = (
    *("wasmtime.cranelift", "wasmtime.winch", "v8.liftoff", "jsc.omg", "spidermonkey.ion", "wasm3"),
    *("wasm2c.clang-O1", "wasmer.singlepass", "wasmer-sdk.cranelift", "wazero.compiler", "wasmedge.aot"),
    *("wasmtime-crate.cranelift", "wasmtime-crate.winch", "wasmtime-crate.pulley"),
)
#: Custom sections that engines skip, by their bytes after the number 0 and the size.
ODD = {
    "a name that is not UTF-8": b"\x04name\x01\x06\x01\x00\x03\xff\xfeA",
    "a name section that ends within a number": b"\x04name\x01\x06\xff\xff\xff\xff\x0f\x01",
    "bytes that are no name section": b"\x04name\xff\xff\xff",
    "bytes that are no producers": b"\x09producers\xff\xff",
    "bytes that are no features": b"\x0ftarget_features\xff",
}


@pytest.fixture
def protocol(prepared):
    return replace(matrix.load({}).protocol, load_timeout_s=120)


@pytest.fixture(params=NAMES)
def backend(request, chosen):
    return chosen(request.param)


def outcome(backend, protocol, data, tmp_path):
    """What a module prints, or the features that the backend lacks."""
    path, used = tmp_path / "module.wasm", features(data)
    path.write_bytes(data)
    missing = missing_features(backend, protocol, used)
    if missing:
        return missing
    backend = backend.with_features(used)
    with start(backend, protocol) as worker:
        guest = Guest(worker, backend.name, protocol, forks=backend.forks)
        guest.load(str(path), backend.options)
        answer = worker.request({"op": "run", "argv": ["x"], "watch": False}, 60)
        return answer["outcome"], answer["stdout"]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_runs_right_or_needs_what_the_backend_lacks(backend, protocol, tmp_path, name):
    data = wasm_tools.run(f"(module {MODULES[name]})".encode(), "parse")
    expected = {"uncaught": ("trap", "ok\n"), "no imports": ("exit", "")}.get(name, ("exit", "ok\n"))
    found = outcome(backend, protocol, data, tmp_path)
    if not isinstance(found, list):
        lost = expected[0] == "trap" and backend.name.startswith(LOSES_OUTPUT)
        assert found == ((expected[0], "") if lost else expected)
        return
    lacking = {
        "memory64": {"wasmer.singlepass", "wasmer-sdk.cranelift", "wazero.compiler"},
        "shared": {"spidermonkey.ion", "wasm3", "wasmer.singlepass", "wasmtime-crate.pulley"},
        "exceptions": {
            *("wasmtime.winch", "wasm3", "wasmer.singlepass", "wasmtime-crate.winch", "wasmedge.aot"),
        },
        "legacy exceptions": {
            *("wasmtime.cranelift", "wasmtime.winch", "wasm3", "wasmer.singlepass", "wasmer-sdk.cranelift"),
            *("wazero.compiler", "wasmtime-crate.cranelift", "wasmtime-crate.winch", "wasmtime-crate.pulley"),
            "wasmedge.aot",
        },
        "multimemory": {"wasm3", "wasmer.singlepass", "wazero.compiler"},
        "function-references": {
            *("wasmtime.winch", "wasm3", "wasm2c.clang-O1", "wasmer.singlepass", "wasmer-sdk.cranelift"),
            "wasmtime-crate.winch",
        },
        "custom-page-sizes": {
            *("v8.liftoff", "jsc.omg", "spidermonkey.ion", "wasmer.singlepass", "wasmer-sdk.cranelift"),
            *("wazero.compiler", "wasmedge.aot"),
        },
        "wide-arithmetic": {
            *("v8.liftoff", "spidermonkey.ion", "wasm3", "wasm2c.clang-O1", "wasmer.singlepass"),
            *("wazero.compiler", "wasmedge.aot"),
        },
    }
    lacking["uncaught"] = lacking["exceptions"]
    lacking["gc"] = {*lacking["function-references"], "wazero.compiler"}
    assert backend.name in lacking[name], found


def test_custom_sections_may_hold_anything(backend, protocol, tmp_path):
    data = wasm_tools.run(f'(module {WRITE} {MEMORY} (func (export "_start") {SAYS}))'.encode(), "parse")
    odd = b"".join(b"\0" + bytes([len(content)]) + content for content in ODD.values())
    for module in (data + odd, data[:8] + odd + data[8:]):
        assert outcome(backend, protocol, module, tmp_path) == ("exit", "ok\n")
