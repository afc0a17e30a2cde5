"""What is wrong with a module's interface is one sentence; what a runtime can run has none."""

import pytest
import wasmtime

from pipeline.core.model import Interface
from pipeline.wasm import interface, wasm_tools
from pipeline.wasm.wasi_preview1 import FUNCTIONS, NAMESPACE

WRITE = f'(import "{NAMESPACE}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))'
WRITES = "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))"
MEMORY = '(memory (export "memory") 1)'
START = '(func (export "_start"))'
CLOCK = '(import "env" "clock_ms" (func $clock (result i32)))'
PART = ('(import "bench" "start" (func))', '(import "bench" "end" (func))')
RUN = '(func (export "run") (result f32) (f32.const 1))'


def module(*parts):
    return wasm_tools.run(f"(module {' '.join(parts)})".encode(), "parse")


def trouble(*parts):
    return interface.check(module(*parts)).trouble


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ((WRITE, MEMORY, START), Interface.COMMAND),
        ((MEMORY, START), Interface.COMMAND),  # it imports nothing
        ((WRITE, MEMORY, START, '(func (export "_initialize"))'), Interface.COMMAND),
        ((WRITE, "(memory 1)", '(memory (export "memory") 1)', START), Interface.COMMAND),
        ((WRITE, '(memory (export "memory") i64 1)', START), Interface.COMMAND),
        ((WRITE, '(memory (export "memory") (export "other") 1)', START), Interface.COMMAND),
        ((WRITE, MEMORY, START, "(func $own) (func $first (call $own)) (start $first)"), Interface.COMMAND),
        # It might call anything by a table.
        (
            (
                *(WRITE, MEMORY, START, "(type $none (func)) (table funcref (elem $two))"),
                f"(func $one (call_indirect (type $none) (i32.const 0))) (func $two {WRITES}) (start $one)",
            ),
            Interface.COMMAND,
        ),
        ((*PART, MEMORY, START), Interface.BENCH),
        ((WRITE, PART[0], MEMORY, START), Interface.BENCH),
        ((CLOCK, RUN), Interface.RUN32),
        ((CLOCK.replace("i32", "i64"), RUN, '(func (export "_initialize"))'), Interface.RUN64),
        (
            (f'(import "{NAMESPACE}" (item "proc_exit" (func (param i32))))', MEMORY, START),
            Interface.COMMAND,
        ),
    ],
)  # fmt: skip
def test_what_can_be_run_has_no_trouble(parts, kind):
    assert interface.check(module(*parts)) == interface.Checked(kind, None)


ONLY = "expected functions of wasi_snapshot_preview1 only"


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            ('(import "env" "now" (func (result f64)))', MEMORY, START),
            f"it imports env.now, which no host here gives; {ONLY}",
        ),
        (
            ('(import "env" "g" (global i32)) (import "js" "f" (func))', MEMORY, START),
            f"it imports env.g, js.f, which no host here gives; {ONLY}",
        ),
        (
            (*(f'(import "env" "f{i}" (func))' for i in range(6)), MEMORY, START),
            f"it imports env.f0, env.f1, env.f2, env.f3 and 2 more, which no host here gives; {ONLY}",
        ),
        (
            ('(import "env" "memory" (memory 1))', WRITE, '(export "memory" (memory 0))', START),
            "it imports the memory env.memory; expected a memory of its own, exported as memory",
        ),
        (
            (CLOCK, MEMORY, START),  # a clock without run
            f"it imports env.clock_ms, which no host here gives; {ONLY}",
        ),
        (
            ('(import "wasi:io/streams@0.2.3" "drop" (func))', MEMORY, START),
            "it imports wasi:io/streams@0.2.3 (drop), of WASI 0.2 or later; "
            "expected WASI preview 1: build it for wasm32-wasip1",
        ),
        (
            ('(import "wasi_unstable" "proc_exit" (func (param i32)))', MEMORY, START),
            f"it imports wasi_unstable.proc_exit, of the WASI before preview 1; {ONLY}: "
            "build it with a newer SDK",
        ),
        (
            (
                '(import "env" "memory" (memory 1 2 shared))',
                '(import "wasi" "thread-spawn" (func (param i32) (result i32)))',
                START,
            ),
            "it imports wasi.thread-spawn: it needs threads, which no guest has here",
        ),
        (
            (f'(import "{NAMESPACE}" "fd_open" (func (param i32) (result i32)))', MEMORY, START),
            "it imports wasi_snapshot_preview1.fd_open, which WASI preview 1 does not have",
        ),
        (
            (f'(import "{NAMESPACE}" "fd_close" (func (param i32)))', MEMORY, START),
            "it imports wasi_snapshot_preview1.fd_close as (func (param i32)); "
            "WASI preview 1 has (func (param i32) (result i32))",
        ),
        (
            (f'(import "{NAMESPACE}" "args_get" (func (param i64 i64) (result i32)))', MEMORY, START),
            "it imports wasi_snapshot_preview1.args_get as (func (param i64 i64) (result i32)) of a 64-bit "
            "memory; WASI preview 1 has (func (param i32 i32) (result i32))",
        ),
        (
            (f'(import "{NAMESPACE}" "fd_write" (global i32))', MEMORY, START),
            "it imports wasi_snapshot_preview1.fd_write, a global; WASI has functions only",
        ),
        (
            (WRITE, MEMORY, '(func (export "_start") (result i32) (i32.const 0))'),
            "its export _start is (func (result i32)); expected a function without parameters and results",
        ),
        (
            (WRITE, '(memory (export "memory") (export "_start") 1)'),
            "its export _start is a memory; expected a function without parameters and results",
        ),
        (
            (WRITE, '(memory (export "mem") 1)', START),
            "it exports its memory as mem; WASI wants its memory exported as memory",
        ),
        ((WRITE, START), "it exports no memory; WASI wants its memory exported as memory"),
        (
            (WRITE, START, '(memory 1) (global (export "memory") i32 (i32.const 0))'),
            "it exports no memory; WASI wants its memory exported as memory",
        ),
        (
            (WRITE, MEMORY, '(func (export "_initialize")) (func (export "bench"))'),
            "it is a reactor: it exports _initialize and no _start; expected a command, which has _start",
        ),
        (
            (),
            f"it exports nothing and imports nothing; {interface.EXPECTED}",
        ),
        (
            (CLOCK, '(func (export "run") (result f64) (f64.const 1))'),
            "its export run has the type (func (result f64)), its import env.clock_ms the type "
            f"(func (result i32)); {interface.EXPECTED}",
        ),
        (
            (CLOCK, RUN, '(func (export "_initialize") (param i32))'),
            "its export _initialize is (func (param i32)); "
            "expected a function without parameters and results",
        ),
        (
            (WRITE, MEMORY, START, f"(func $one (call $two)) (func $two {WRITES}) (start $one)"),
            "its start section calls wasi_snapshot_preview1.fd_write, before a host can reach its memory; "
            "call it from _start",
        ),
        (
            ('(import "bench" "start" (func (param i32)))', MEMORY, START),
            "it imports bench.start as (func (param i32)); expected (func)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_run_has_one_sentence(parts, sentence):
    found = interface.check(module(*parts)).trouble
    assert found == sentence
    assert "\n" not in found


def test_a_component_and_what_is_no_module_are_told_apart():
    assert interface.check(b"\0asm\x0d\0\1\0").trouble == "it is a component (WASI 0.2); give a core module"
    found = interface.check(b"\0asm\1\0\0\0\1").trouble
    assert found.startswith("it is no WebAssembly module: ")


def test_what_only_wasm_tools_cannot_read_is_left_to_the_engines():
    unknown = module(WRITE, MEMORY, START) + b"\x63\x01\x00"
    assert interface.check(unknown) == interface.Checked(Interface.COMMAND, None)


def test_names_of_imports_cannot_write_to_the_terminal():
    assert "\033" not in trouble('(import "e\\1b[2Jnv" "f" (func))', MEMORY, START)


def linked(functions):
    """Whether wasmtime's WASI gives a module these functions, {name: type}."""
    imports = (f'(import "{NAMESPACE}" "{name}" {type_})' for name, type_ in functions.items())
    store = wasmtime.Store()
    linker = wasmtime.Linker(store.engine)
    linker.define_wasi()
    store.set_wasi(wasmtime.WasiConfig())
    try:
        linker.instantiate(store, wasmtime.Module(store.engine, module(*imports, MEMORY, START)))
    except wasmtime.WasmtimeError:
        return False
    return True


def test_the_functions_of_wasi_are_those_that_wasmtime_has():
    assert linked(FUNCTIONS)
    assert len(FUNCTIONS) == 46
    for name, type_ in FUNCTIONS.items():
        assert not linked({name: type_.replace("(func", "(func (param f32)")}), name
