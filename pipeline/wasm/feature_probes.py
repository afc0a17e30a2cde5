"""The smallest WebAssembly programs that need one feature each, to ask a backend what it has.

Each is a WASI command: it exports ``memory`` and ``_start``, which executes what the feature is about once
and returns, and imports one function, because some backends take no module for a command without. A backend
without the feature refuses it or traps. Names are those of ``wasm.features``.

They use what compilers write: bulk-memory is memory.copy and memory.fill, atomics an access to a memory that
is not shared, exception-handling the instructions of release 3.0 (try_table).
"""

from __future__ import annotations

from pipeline.core.errors import ProjectError, near_miss
from pipeline.wasm import wasm_tools

_MEMORY = "(memory 1)"
_VECTOR_VALUES = (
    "i8x16.splat (i32.const 0)",
    "i16x8.splat (i32.const 0)",
    "i32x4.splat (i32.const 0)",
    "i64x2.splat (i64.const 0)",
    "v128.load (i32.const 0)",
    "v128.load32x2_s (i32.const 0)",
    "i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get 0) (local.get 0)",
    *(
        f"{unary} (local.get 0)"
        for unary in ("i16x8.extend_low_i8x16_s", "i16x8.extend_high_i8x16_u", "i32x4.extend_low_i16x8_s")
    ),
    *(
        f"{binary} (local.get 0) (local.get 0)"
        for binary in (
            *("i8x16.add", "i16x8.add", "i32x4.add", "i64x2.add", "i16x8.mul", "i32x4.mul"),
            *("i32x4.dot_i16x8_s", "v128.and", "v128.or", "v128.xor"),
        )
    ),
)
#: What a vectorised loop consists of: some compilers know the types and only a part of the instructions.
_VECTOR_LOOP = (
    f"(local v128) {' '.join(f'(local.set 0 ({value}))' for value in _VECTOR_VALUES)} "
    "(v128.store (i32.const 0) (local.get 0)) (drop (i32x4.extract_lane 0 (local.get 0)))"
)
_ZERO_VECTOR = "(v128.const i64x2 0 0)"

#: An index of five bytes, which no text asks for: instructions without effect make room for it.
_OVERLONG = (b"\x11\x00\x00" + 4 * b"\x01", b"\x11\x00" + 4 * b"\x80" + b"\x00")

_IMPORT = '(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))'
_GROUP = '(import "wasi_snapshot_preview1" (item "proc_exit" (func (param i32))))'
_DECLARED = "(func) (global funcref (ref.func 2))"

#: feature -> (what _start does, what the module has besides: types from 1 on, memories, globals, function 2)
_PROBES: dict[str, tuple[str, str]] = {
    "atomics": ("(drop (i32.atomic.rmw.add (i32.const 0) (i32.const 0)))", _MEMORY),
    "bulk-memory": (
        "(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))"
        "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))",
        _MEMORY,
    ),
    "call-indirect-overlong": (
        "(call_indirect (i32.const 0)) nop nop nop nop",
        f"{_MEMORY} (table 1 funcref) (elem (i32.const 0) 2) (func)",
    ),
    "compact-imports": ("", _MEMORY),
    "custom-descriptors": (
        "(drop (struct.new_desc 1 (struct.new 2)))",
        f"(rec (type (descriptor 2) (struct)) (type (describes 1) (struct))) {_MEMORY}",
    ),
    "custom-page-sizes": ("(drop (i32.load8_u (i32.const 0)))", "(memory 1 (pagesize 1))"),
    "exception-handling": ("try_table end", _MEMORY),
    "extended-const": (
        "(drop (global.get 0))",
        f"{_MEMORY} (global i32 (i32.add (i32.const 0) (i32.const 0)))",
    ),
    "function-references": ("(call_ref 0 (ref.func 2))", f"{_MEMORY} {_DECLARED}"),
    "gc": ("(drop (struct.new 1 (i32.const 0)))", f"(type (struct (field (mut i32)))) {_MEMORY}"),
    "legacy-exceptions": ("try catch_all end", _MEMORY),
    "memory-control": ("(memory.discard (i32.const 0) (i32.const 0))", _MEMORY),
    "memory64": ("(drop (i32.load (i64.const 0)))", "(memory i64 1)"),
    "multimemory": ("(drop (i32.load 1 (i32.const 0)))", f"{_MEMORY} (memory 1)"),
    "multivalue": ("(block (result i32 i32) (i32.const 0) (i32.const 0)) drop drop", _MEMORY),
    "mutable-globals": (
        "(global.set 0 (i32.const 0))",
        f'{_MEMORY} (global (export "g") (mut i32) (i32.const 0))',
    ),
    "nontrapping-fptoint": ("(drop (i32.trunc_sat_f32_s (f32.const 0)))", _MEMORY),
    "reference-types": ("(drop (ref.is_null (ref.null extern)))", _MEMORY),
    "relaxed-simd": (f"(drop (i8x16.relaxed_swizzle {_ZERO_VECTOR} {_ZERO_VECTOR}))", _MEMORY),
    "shared-everything-threads": (
        "(drop (global.atomic.get seqcst 0))",
        f"{_MEMORY} (global (shared mut i32) (i32.const 0))",
    ),
    "sign-ext": ("(drop (i32.extend8_s (i32.const 0)))", _MEMORY),
    "simd128": (_VECTOR_LOOP, _MEMORY),
    "stack-switching": (
        "(resume 1 (cont.new 1 (ref.func 2)))",
        f"(type (cont 0)) {_MEMORY} {_DECLARED}",
    ),
    "tail-call": ("(return_call 2)", f"{_MEMORY} (func)"),
    "wide-arithmetic": ("(i64.mul_wide_u (i64.const 3) (i64.const 4)) drop drop", _MEMORY),
}

#: All that can be asked for.
FEATURES: tuple[str, ...] = tuple(_PROBES)


def probe(feature: str) -> bytes:
    """A module that needs this feature and no other; relaxed-simd needs simd128 too."""
    if feature not in _PROBES:
        raise ProjectError(f"no probe for {feature!r}{near_miss(feature, FEATURES)}")
    module = _assembled(*_PROBES[feature], _GROUP if feature == "compact-imports" else _IMPORT)
    return module.replace(*_OVERLONG) if feature == "call-indirect-overlong" else module


def baseline() -> bytes:
    """The same without any feature: the probes show nothing about a backend that does not run this."""
    return _assembled("", _MEMORY, _IMPORT)


def printing(line: bytes) -> bytes:
    """A WASI command that prints a line."""
    data = "".join(f"\\{byte:02x}" for byte in (8, 0, 0, 0, len(line) + 1, 0, 0, 0, *line, 10))
    text = f"""(module (import "wasi_snapshot_preview1" "fd_write"
      (func (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1) (data (i32.const 0) "{data}")
      (func (export "_start")
        (drop (call 0 (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 1024)))))"""
    return wasm_tools.run(text.encode(), "parse")


def trapping() -> bytes:
    """A WASI command that the runtime must stop."""
    return _assembled("unreachable", _MEMORY, _IMPORT)


def _assembled(code: str, definitions: str, imported: str) -> bytes:
    text = f"""(module (type (func)) {imported}
      (export "memory" (memory 0)) (func (export "_start") {code}) {definitions})"""
    return wasm_tools.run(text.encode(), "parse")
