"""The smallest WebAssembly programs that need one feature each, to ask a backend what it has.

Each is a WASI command: it exports ``memory`` and ``_start``, which executes what the feature is about once
and returns, and imports one function, because some backends take no module for a command without. A
backend without the feature refuses it or traps. Names are those of ``wasm_features``, encodings those of
the specification's binary format.

What they ask for is what compilers write: bulk-memory is memory.copy and memory.fill, atomics an access
to a memory that is not shared, exception-handling the instructions of release 3.0 (try_table).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.core.errors import ProjectError, near_miss

_I32, _V128, _FUNCREF, _EXTERN = 0x7F, 0x7B, 0x70, 0x6F
_VOID = 0x40
_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _ELEMENT, _CODE = 1, 2, 3, 4, 5, 6, 7, 9, 10
_I32_CONST, _I64_CONST, _DROP, _END = 0x41, 0x42, bytes([0x1A]), bytes([0x0B])
_LOAD, _I32_ADD, _HAS_MEMORY, _WIDE = 0x28, 0x6A, 0x40, 4


def _number(value: int) -> bytes:
    """Unsigned LEB128."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _list(items: Sequence[bytes]) -> bytes:
    return _number(len(items)) + b"".join(items)


def _sized(content: bytes) -> bytes:
    return _number(len(content)) + content


def _prefixed(prefix: int, number: int, *immediates: int) -> bytes:
    return bytes([prefix]) + _number(number) + bytes(immediates)


def _type(results: Sequence[int] = ()) -> bytes:
    """A function type without parameters."""
    return bytes([0x60, 0]) + _sized(bytes(results))


def _memory(flags: int = 0) -> bytes:
    """A memory of one page, and no maximum."""
    return bytes([flags, 1])


#: Functions by index: the import, _start, and what it may call.
_START, _NEXT = 1, 2
_ZERO = bytes([_I32_CONST, 0])
_ZERO_V128 = _prefixed(0xFD, 12, *bytes(16))


@dataclass(frozen=True)
class _Program:
    """What may differ between the probes; ``code`` is that of _start, without its end."""

    code: bytes = b""
    types: tuple[bytes, ...] = (_type(),)
    further: tuple[bytes, ...] = ()  # bodies of functions after _start, of its type
    table: bool = False  # one that holds the first of them
    memories: tuple[bytes, ...] = (_memory(),)
    globals: tuple[bytes, ...] = ()
    exports: tuple[bytes, ...] = ()
    locals: bytes = _list([])

    def encode(self) -> bytes:
        bodies = [(self.locals, self.code), *((_list([]), body) for body in self.further)]
        exports = [_export("memory", 2, 0), _export("_start", 0, _START), *self.exports]
        exit_ = _name("wasi_snapshot_preview1") + _name("proc_exit") + bytes([0]) + _number(len(self.types))
        sections = (
            (_TYPE, [*self.types, bytes([0x60]) + _list([bytes([_I32])]) + _list([])]),
            (_IMPORT, [exit_]),
            (_FUNCTION, [_number(0) for _ in bodies]),
            (_TABLE, [bytes([_FUNCREF, 0, 1])] if self.table else []),
            (_MEMORY, self.memories),
            (_GLOBAL, self.globals),
            (_EXPORT, exports),
            (_ELEMENT, [bytes([0]) + _ZERO + _END + _list([_number(_NEXT)])] if self.table else []),
            (_CODE, [_sized(locals_ + body + _END) for locals_, body in bodies]),
        )
        return b"\0asm\1\0\0\0" + b"".join(bytes([i]) + _sized(_list(c)) for i, c in sections if c)


def _name(text: str) -> bytes:
    return _sized(text.encode())


def _export(name: str, kind: int, index: int) -> bytes:
    return _name(name) + bytes([kind]) + _number(index)


def _global(mutable: bool, value: bytes) -> bytes:
    return bytes([_I32, mutable]) + value + _END


def _bulk_memory() -> _Program:
    copy, fill = _prefixed(0xFC, 10, 0, 0), _prefixed(0xFC, 11, 0)
    return _Program(3 * _ZERO + copy + 3 * _ZERO + fill)


def _mutable_globals() -> _Program:
    set_ = bytes([0x24, 0])
    return _Program(_ZERO + set_, globals=(_global(True, _ZERO),), exports=(_export("g", 3, 0),))


def _multivalue() -> _Program:
    """A block that leaves two values."""
    block = bytes([0x02, 1]) + 2 * _ZERO + _END
    return _Program(block + 2 * _DROP, types=(_type(), _type([_I32, _I32])))


def _overlong() -> _Program:
    """An indirect call through table 0, whose index takes five bytes."""
    call = bytes([0x11, 0, 0x80, 0x80, 0x80, 0x80, 0])
    return _Program(_ZERO + call, further=(b"",), table=True)


def _atomics() -> _Program:
    add = _prefixed(0xFE, 0x1E, 2, 0)  # i32.atomic.rmw.add, aligned to 2**2 bytes
    return _Program(2 * _ZERO + add + _DROP)


def _exceptions() -> _Program:
    """A try_table that catches nothing."""
    return _Program(bytes([0x1F, _VOID]) + _list([]) + _END)


def _legacy_exceptions() -> _Program:
    return _Program(bytes([0x06, _VOID, 0x19]) + _END)


def _memory64() -> _Program:
    load = bytes([_I64_CONST, 0, _LOAD, 2, 0])
    return _Program(load + _DROP, memories=(_memory(_WIDE),))


def _multimemory() -> _Program:
    """A load from the second memory."""
    load = bytes([_LOAD, 2 | _HAS_MEMORY, 1, 0])
    return _Program(_ZERO + load + _DROP, memories=(_memory(), _memory()))


def _extended_const() -> _Program:
    value = 2 * _ZERO + bytes([_I32_ADD])
    return _Program(bytes([0x23, 0]) + _DROP, globals=(_global(False, value),))


def _simd() -> _Program:
    """What a vectorised loop is made of: some compilers know the types and a part of the instructions."""
    local = bytes([0x21, 0]), bytes([0x20, 0])  # local.set, local.get
    code = b""
    for const, splat in ((_ZERO, 15), (_ZERO, 16), (_ZERO, 17), (bytes([_I64_CONST, 0]), 18)):
        code += const + _prefixed(0xFD, splat) + local[0]
    code += _ZERO + _prefixed(0xFD, 0, 0, 0) + local[0]  # v128.load
    code += _ZERO + _prefixed(0xFD, 5, 0, 0) + local[0]  # v128.load32x2_s
    code += local[1] + local[1] + _prefixed(0xFD, 13, *range(16)) + local[0]  # i8x16.shuffle
    for extend in (
        135,
        138,
        167,
    ):  # i16x8.extend_low_i8x16_s, i16x8.extend_high_i8x16_u, i32x4.extend_low_i16x8_s
        code += local[1] + _prefixed(0xFD, extend) + local[0]
    for binary in (
        110,
        142,
        149,
        174,
        181,
        186,
        206,
        78,
        80,
        81,
    ):  # add, mul of each shape, dot, and, or, xor
        code += local[1] + local[1] + _prefixed(0xFD, binary) + local[0]
    code += _ZERO + local[1] + _prefixed(0xFD, 11, 0, 0)  # v128.store
    code += local[1] + _prefixed(0xFD, 27, 0) + _DROP  # i32x4.extract_lane
    return _Program(code, locals=_list([bytes([1, _V128])]))


_PROBES: dict[str, Callable[[], _Program]] = {
    "atomics": _atomics,
    "bulk-memory": _bulk_memory,
    "call-indirect-overlong": _overlong,
    "exception-handling": _exceptions,
    "extended-const": _extended_const,
    "legacy-exceptions": _legacy_exceptions,
    "memory64": _memory64,
    "multimemory": _multimemory,
    "multivalue": _multivalue,
    "mutable-globals": _mutable_globals,
    "nontrapping-fptoint": lambda: _Program(bytes([0x43, 0, 0, 0, 0]) + _prefixed(0xFC, 0) + _DROP),
    "reference-types": lambda: _Program(bytes([0xD0, _EXTERN, 0xD1]) + _DROP),
    "relaxed-simd": lambda: _Program(2 * _ZERO_V128 + _prefixed(0xFD, 0x100) + _DROP),
    "sign-ext": lambda: _Program(_ZERO + bytes([0xC0]) + _DROP),
    "simd128": _simd,
    "tail-call": lambda: _Program(bytes([0x12, _NEXT]), further=(b"",)),
}

#: All that can be asked for.
FEATURES: tuple[str, ...] = tuple(_PROBES)


def probe(feature: str) -> bytes:
    """A module that needs this feature and no other, but relaxed-simd, which is nothing without simd128."""
    if feature not in _PROBES:
        raise ProjectError(f"no probe for {feature!r}{near_miss(feature, FEATURES)}")
    return _PROBES[feature]().encode()


def baseline() -> bytes:
    """The same without any feature: where this does not run, the probes tell nothing."""
    return _Program().encode()
