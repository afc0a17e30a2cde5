"""WebAssembly's bytes: a reader that never leaves them, and the instructions that stand in them.

What is read may be anything. Whatever is not a well-formed encoding ends in a ``WasmError`` that names
the byte; every loop consumes at least one byte a turn, and no count is believed that is larger than
the bytes that are left. Well-formed is not valid: types, and indexes inside code, are not checked.

The encodings are those of the specification's chapter "Binary Format", release 3.0, as far as
``wasm_opcodes`` has the instructions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pipeline.wasm.opcodes import OPERATIONS, PREFIXED_BITS, PREFIXES

#: byte -> value type. Those of garbage collection and typed function references are unknown.
VALUE_TYPES = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x70: "funcref",
    0x6F: "externref",
    0x69: "exnref",
}
REFERENCE_TYPES = ("funcref", "externref", "exnref")
_HEAP_TYPES = {0x70: "func", 0x6F: "extern", 0x69: "exn"}
_NO_RESULT = 0x40
#: catch clause of try_table -> whether a tag follows it
_CATCHES = {0: True, 1: True, 2: False, 3: False}
#: In the alignment of a memory access: the index of the memory follows.
_HAS_MEMORY = 0x40

#: One immediate, by its shape: block: value type, "" or the index of a type; memarg: (log2 of the
#: alignment, offset in bytes, memory); labels: targets, the default last; types, heap: names; lanes: 16
#: numbers; f32, f64, v128: the bits as a number; catches: (clause, tag or -1, label) one after the other.
Immediate = int | str | tuple[int, ...] | tuple[str, ...]


class WasmError(ValueError):
    """Not a well-formed module: one line that ends with the place, ``offset`` bytes from the start."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"{what} at byte {offset}")
        self.offset = offset


class Instruction(NamedTuple):
    """One instruction; ``immediates`` are described by ``shape``, one each."""

    offset: int  # bytes
    size: int  # bytes, with its immediates
    opcode: int  # as in wasm_opcodes: a prefix and the number after it are one
    mnemonic: str
    kind: str
    shape: tuple[str, ...]
    immediates: tuple[Immediate, ...]


class Reader:
    """A place in a range of bytes. All methods that read raise WasmError at the range's end."""

    __slots__ = ("at", "base", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None, base: int = 0) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end
        self.base = base  # of data, in the file, for messages

    def error(self, what: str, at: int | None = None) -> WasmError:
        return WasmError(what, self.base + (self.at if at is None else at))

    def part(self, size: int, what: str) -> Reader:
        """A reader of the next bytes only; this one goes on behind them."""
        start = self.at
        self.skip(size, what)
        return Reader(self.data, start, self.at, self.base)

    def skip(self, size: int, what: str) -> None:
        if size > self.end - self.at:
            raise self.error(f"{what} of {size} bytes where {self.end - self.at} are left")
        self.at += size

    def take(self, size: int, what: str) -> bytes:
        self.skip(size, what)
        return self.data[self.at - size : self.at]

    def finish(self, what: str) -> None:
        if self.at != self.end:
            raise self.error(f"{what} ends {self.end - self.at} bytes early")

    def byte(self) -> int:
        if self.at >= self.end:
            raise self.error("end of the bytes in the middle of something")
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self, bits: int = 32) -> int:
        """An unsigned LEB128 number of so many bits; redundant bytes are allowed up to its width."""
        return self._number(bits, signed=False)

    def signed(self, bits: int = 32) -> int:
        """A signed LEB128 number of so many bits."""
        return self._number(bits, signed=True)

    def _number(self, bits: int, signed: bool) -> int:
        start = self.at
        value = shift = 0
        byte = 0x80
        while byte & 0x80:
            if shift >= bits:
                raise self.error(f"number of more than {bits} bits", start)
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
        if signed and byte & 0x40:
            value -= 1 << shift
        low, high = (-1 << (bits - 1), 1 << (bits - 1)) if signed else (0, 1 << bits)
        if not low <= value < high:
            raise self.error(f"number of more than {bits} bits", start)
        return value

    def count(self, what: str) -> int:
        """How many of something follow, each of one byte or more."""
        start = self.at
        number = self.unsigned()
        if number > self.end - self.at:
            raise self.error(f"{number} {what} in {self.end - self.at} bytes", start)
        return number

    def name(self, what: str) -> str:
        start = self.at
        raw = self.take(self.unsigned(), what)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.error(f"{what} that is not UTF-8", start) from None

    def choice(self, known: dict[int, str], what: str) -> str:
        """What a byte stands for."""
        byte = self.byte()
        if byte not in known:
            raise self.error(f"unknown {what} 0x{byte:02x}", self.at - 1)
        return known[byte]

    def value_type(self) -> str:
        return self.choice(VALUE_TYPES, "value type")


def _block(reader: Reader) -> Immediate:
    byte = reader.data[reader.at] if reader.at < reader.end else -1
    if byte == _NO_RESULT:
        reader.at += 1
        return ""
    if byte in VALUE_TYPES:
        return reader.value_type()
    start = reader.at
    index = reader.signed(33)
    if index < 0:
        raise reader.error(f"unknown block type 0x{byte:02x}", start)
    return index


def _memarg(reader: Reader) -> Immediate:
    start = reader.at
    flags = reader.unsigned()
    if flags >= 2 * _HAS_MEMORY:
        raise reader.error(f"unknown alignment {flags}", start)
    memory = reader.unsigned() if flags & _HAS_MEMORY else 0
    # 64 bits in 64-bit memories; which memory it is, is not known here.
    return flags & ~_HAS_MEMORY, reader.unsigned(64), memory


def _catches(reader: Reader) -> Immediate:
    found: list[int] = []
    for _ in range(reader.count("catch clauses")):
        clause = reader.byte()
        if clause not in _CATCHES:
            raise reader.error(f"unknown catch clause 0x{clause:02x}", reader.at - 1)
        tag = reader.unsigned() if _CATCHES[clause] else -1
        found += [clause, tag, reader.unsigned()]
    return tuple(found)


def _zero(reader: Reader) -> Immediate:
    if reader.byte() != 0:
        raise reader.error("a byte that must be zero is not", reader.at - 1)
    return 0


_SPECIAL: dict[str, Callable[[Reader], Immediate]] = {
    "block": _block,
    "memarg": _memarg,
    "catches": _catches,
    "zero": _zero,
    "i32": lambda r: r.signed(32),
    "i64": lambda r: r.signed(64),
    "f32": lambda r: int.from_bytes(r.take(4, "f32"), "little"),
    "f64": lambda r: int.from_bytes(r.take(8, "f64"), "little"),
    "v128": lambda r: int.from_bytes(r.take(16, "v128"), "little"),
    "lane": lambda r: r.byte(),
    "lanes": lambda r: tuple(r.take(16, "lanes")),
    "labels": lambda r: tuple(r.unsigned() for _ in range(r.count("labels") + 1)),
    "types": lambda r: tuple(r.value_type() for _ in range(r.count("types"))),
    "heap": lambda r: r.choice(_HEAP_TYPES, "heap type"),
}


def _instruction(reader: Reader) -> Instruction:
    start = reader.at
    opcode = reader.byte()
    shown = f"0x{opcode:02x}"
    if opcode in PREFIXES:
        number = reader.unsigned()
        shown += f" 0x{number:02x}"
        opcode = -1 if number >> PREFIXED_BITS else opcode << PREFIXED_BITS | number
    operation = OPERATIONS.get(opcode)
    if operation is None:
        raise reader.error(f"unknown opcode {shown}", start)
    mnemonic, shape, kind = operation
    immediates = tuple(_SPECIAL[s](reader) if s in _SPECIAL else reader.unsigned() for s in shape)
    return Instruction(reader.base + start, reader.at - start, opcode, mnemonic, kind, shape, immediates)


#: instruction that goes on in a block -> what may be open there
_CONTINUES = {"else": ("if",), "catch": ("try", "catch"), "catch_all": ("try", "catch"), "delegate": ("try",)}
_OPENS = ("block", "loop", "if", "try", "try_table")


def expression(reader: Reader) -> Iterator[Instruction]:
    """The instructions up to the ``end`` that belongs to the place where the reader is, with it."""
    open_ = ["expression"]
    while open_:
        found = _instruction(reader)
        name = found.mnemonic
        if name in _CONTINUES:
            if open_[-1] not in _CONTINUES[name]:
                raise WasmError(f"{name} in {open_[-1]}", found.offset)
            open_[-1] = name
        if name in _OPENS:
            open_.append(name)
        elif name in ("end", "delegate"):
            open_.pop()
        yield found


def local_types(reader: Reader) -> list[tuple[int, str]]:
    """The local variables a body begins with, as (how many, value type)."""
    start = reader.at
    found = [(reader.unsigned(), reader.value_type()) for _ in range(reader.count("groups of locals"))]
    if sum(number for number, _ in found) >= 1 << 32:
        raise reader.error("more than 2**32 locals", start)
    return found


def instructions(body: bytes, start: int = 0) -> Iterator[Instruction]:
    """A function's instructions, from its body as in the code section: with its local variables.

    Offsets count from the body's first byte, which is byte ``start``. Raises WasmError, on the way.
    """
    reader = Reader(body, base=start)
    local_types(reader)
    yield from expression(reader)
    reader.finish("function")


def kinds(body: bytes, start: int = 0) -> Counter[str]:
    """How many instructions of each kind (``wasm_opcodes.KINDS``) a body has."""
    return Counter(i.kind for i in instructions(body, start))
