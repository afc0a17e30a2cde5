"""The functions between a command and its WASI: what they answer, and what of the module stays as it is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import wasmtime

WORKERS = Path(__file__).resolve().parents[2] / "pipeline" / "runtimes" / "workers"
NAMESPACE = "wasi_snapshot_preview1"
#: Calls of both kinds next to instructions of all sizes, some with the bytes of such a call in them.
MODULE = """(module
  (type $two (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (type $two)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $filestat (type $two)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table 1 funcref)
  (global $g (mut i64) (i64.const 0x1110))
  (func (export "fdstat") (param i32 i32) (result i32)
    (drop (f64.const 0x1.0110011001p3))
    (drop (f32.const 0x1.10p3))
    (drop (v128.const i32x4 0x01100110 0x02100210 0x01100110 0x03100310))
    (drop (i8x16.shuffle 16 1 16 2 16 3 16 1 16 2 16 3 16 1 16 2
      (v128.load (i32.const 64)) (v128.load offset=16 (i32.const 0))))
    (memory.fill (i32.const 4096) (i32.const 16) (i32.const 16))
    (block (block (block (br_table 0 1 2 (i32.const 16)))))
    (drop (select (result i32) (i32.const 16) (i32.const 1) (i32.const 0)))
    (global.set $g (i64.const -1104))
    (drop (i32.trunc_sat_f64_s (f64.const 16)))
    (drop (i8x16.extract_lane_s 1 (i32x4.splat (i32.const 0x110))))
    (call $fdstat (local.get 0) (local.get 1)))
  (func (export "filestat") (param i32 i32) (result i32)
    (if (result i32) (local.get 0)
      (then (call $filestat (local.get 0) (local.get 1)))
      (else (return_call $filestat (local.get 0) (local.get 1)))))
  (func (export "read") (param i32 i32 i32 i32) (result i32)
    (call $read (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "write") (param i32 i32 i32 i32) (result i32)
    (call $write (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"""


@pytest.fixture(scope="module")
def no_terminal():
    """Workers import other workers by their plain names."""
    sys.path.insert(0, str(WORKERS))
    try:
        return importlib.import_module("no_terminal")
    finally:
        sys.path.remove(str(WORKERS))


class Guest:
    """The module with a host that says of all descriptors that they are terminals."""

    def __init__(self, data, error=0):
        self.store = wasmtime.Store()
        self.asked = []
        i32 = wasmtime.ValType.i32()
        linker = wasmtime.Linker(self.store.engine)

        def host(name, place):
            def call(*values):
                self.asked.append((name, *values))
                if not error:
                    self.memory.write(self.store, b"\2\2", values[1] + place)
                return error

            return call

        for name, place, count in (("fd_fdstat_get", 0, 2), ("fd_filestat_get", 16, 2), ("fd_read", 512, 4)):
            kind = wasmtime.FuncType([i32] * count, [i32])
            linker.define_func(NAMESPACE, name, kind, host(name, place))
        linker.define_func(NAMESPACE, "fd_write", wasmtime.FuncType([i32] * 4, [i32]), host("fd_write", 512))
        self.exports = linker.instantiate(self.store, wasmtime.Module(self.store.engine, data)).exports(
            self.store
        )
        self.memory = self.exports["memory"]

    def call(self, name, *values):
        return self.exports[name](self.store, *values)

    def bytes(self, start, end):
        return bytes(self.memory.read(self.store, start, end))


@pytest.fixture(scope="module")
def module(no_terminal):
    return no_terminal.without_terminal(bytes(wasmtime.wat2wasm(MODULE)))


@pytest.mark.parametrize(("name", "place"), [("fdstat", 0), ("filestat", 16)])
def test_only_the_kind_of_the_first_three_is_changed(module, name, place):
    guest = Guest(module)
    for descriptor in range(5):
        guest.memory.write(guest.store, bytes(64), 128)
        assert guest.call(name, descriptor, 128) == 0
        kind = b"\0\2" if descriptor < 3 else b"\2\2"
        assert guest.bytes(128, 192) == bytes(place) + kind + bytes(62 - place)
    assert guest.asked == [(f"fd_{name}_get", descriptor, 128) for descriptor in range(5)]


def test_an_error_is_passed_on(module):
    guest = Guest(module, error=8)
    guest.memory.write(guest.store, b"\1" * 64, 128)
    assert guest.call("fdstat", 1, 128) == 8
    assert guest.bytes(128, 192) == b"\1" * 64


def test_a_read_is_into_the_first_piece_that_has_room(module):
    guest = Guest(module)
    pieces = [(900, 0), (901, 0), (902, 5), (903, 7)]
    raw = b"".join(number.to_bytes(4, "little") for piece in pieces for number in piece)
    guest.memory.write(guest.store, raw, 256)
    for start, count in ((0, 4), (1, 3), (2, 2), (2, 1), (0, 1), (0, 2), (0, 0)):
        guest.call("read", 0, 256 + 8 * start, count, 400)
    expected = [(2, 1), (2, 1), (2, 1), (2, 1), (0, 1), (1, 1), (0, 0)]
    assert guest.asked == [("fd_read", 0, 256 + 8 * start, count, 400) for start, count in expected]


def test_other_calls_are_as_they_were(module):
    guest = Guest(module)
    guest.call("write", 1, 256, 4, 400)
    assert guest.asked == [("fd_write", 1, 256, 4, 400)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0asm\1\0\0\0",
        b"\0asm\1\0\0\0\2\x7f",
        b"no module at all",
        wasmtime.wat2wasm(
            '(module (import "wasi_snapshot_preview1" "fd_write" (func)) (func (export "_start")))'
        ),
        bytes(wasmtime.wat2wasm('(module (import "env" "memory" (memory 1)) (func (export "_start")))')),
    ],
)
def test_what_asks_for_none_of_it_stays_as_it_is(no_terminal, data):
    data = bytes(data)
    assert no_terminal.without_terminal(data) == data


def test_what_has_an_unknown_instruction_stays_as_it_is(no_terminal):
    data = bytes(wasmtime.wat2wasm(MODULE))
    unknown = data.replace(b"\xfc\x0b\x00", b"\xfc\x7f\x00")  # memory.fill
    assert unknown != data
    assert no_terminal.without_terminal(unknown) == unknown
