"""WebAssembly modules damaged in every way that a disk, a network or an attacker may damage them."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable

from pipeline.wasm import wasm_tools

#: Opcodes that take and give the same types: each in place of any other is always valid.
_INTERCHANGEABLE = (
    range(0x46, 0x50),
    range(0x51, 0x5B),
    range(0x6A, 0x79),
    range(0x7C, 0x8B),
    range(0xA0, 0xA7),
)


def leb(number: int) -> bytes:
    """Unsigned LEB128."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def sections(data: bytes) -> list[tuple[int, bytes]]:
    """(id, content) of a module that is whole."""
    found, at = [], 8
    while at < len(data):
        size, begin = _unsigned(data, at + 1)
        found.append((data[at], data[begin : begin + size]))
        at = begin + size
    return found


def joined(parts: list[tuple[int, bytes]]) -> bytes:
    """The module of these sections."""
    return b"\0asm\1\0\0\0" + b"".join(
        bytes([number]) + leb(len(content)) + content for number, content in parts
    )


def bits_flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def code_changed(data: bytes, chance: random.Random) -> bytes:
    """A byte in the code section only: what compiles is a different program."""
    parts = sections(data)
    place = max(range(len(parts)), key=lambda i: (parts[i][0] == 10, len(parts[i][1])))
    content = bytearray(parts[place][1])
    content[chance.randrange(len(content))] = chance.randrange(256)
    parts[place] = (parts[place][0], bytes(content))
    return joined(parts)


@functools.lru_cache
def _operators(data: bytes) -> list[int]:
    """The offsets of operators that others can replace."""
    text = wasm_tools.run(data, "print", "--print-offsets").decode()
    instructions = re.findall(r"^\(;@([0-9a-f]+) *;\) +[if]\d\d\.[a-z_]+$", text, re.MULTILINE)
    offsets = [int(offset, 16) for offset in instructions]
    return [at for at in offsets if any(data[at] in opcodes for opcodes in _INTERCHANGEABLE)]


def operator_replaced(data: bytes, chance: random.Random) -> bytes:
    """A valid module, and a different program."""
    at = chance.choice(_operators(data))
    opcodes = next(opcodes for opcodes in _INTERCHANGEABLE if data[at] in opcodes)
    return data[:at] + bytes([chance.choice(opcodes)]) + data[at + 1 :]


def data_changed(data: bytes, chance: random.Random) -> bytes:
    """Some bytes of the data section: it always compiles."""
    parts = sections(data)
    place = max(range(len(parts)), key=lambda i: (parts[i][0] == 11, len(parts[i][1])))
    content = bytearray(parts[place][1])
    for _ in range(8):
        content[chance.randrange(len(content) // 8, len(content))] = chance.randrange(256)
    parts[place] = (parts[place][0], bytes(content))
    return joined(parts)


def truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def range_removed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.choice((1, 2, 16, 1024)) :]


def range_inserted(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.choice((1, 2, 16, 1024))) + data[at:]


def sections_swapped(data: bytes, chance: random.Random) -> bytes:
    """Or one of them twice, or gone."""
    parts = sections(data)
    one, other = chance.randrange(len(parts)), chance.randrange(len(parts))
    how = chance.randrange(3)
    if how == 0:
        parts[one], parts[other] = parts[other], parts[one]
    elif how == 1:
        parts.insert(one, parts[other])
    else:
        del parts[one]
    return joined(parts)


def size_changed(data: bytes, chance: random.Random) -> bytes:
    """A section that says that it is larger or smaller than it is."""
    parts = sections(data)
    place = chance.randrange(len(parts))
    number, content = parts[place]
    size = max(0, len(content) + chance.choice((-len(content), -100, -1, 1, 100, 1 << 16, 1 << 31)))
    head, tail = joined(parts[:place]), joined(parts[place + 1 :])[8:]
    padded = leb(size)[:-1] + bytes([leb(size)[-1] | 0x80]) + b"\x80" * chance.randrange(4) + b"\0"
    return head + bytes([number]) + chance.choice((leb(size), padded)) + content + tail


def count_huge(data: bytes, chance: random.Random) -> bytes:
    """A section that says that it has millions of things; or a memory, a table, locals of that size."""
    parts = sections(data)
    place = chance.randrange(len(parts))
    number, content = parts[place]
    huge = leb(chance.choice((1 << 16, 1 << 20, 10**8, (1 << 31) - 1, (1 << 32) - 1, 1 << 32, (1 << 64) - 1)))
    where = chance.choice((0, 1, 2, chance.randrange(len(content) + 1)))
    parts[place] = (number, content[:where] + huge + content[where + 1 :])
    return joined(parts)


MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bits flipped": bits_flipped,
    "a byte of its code changed": code_changed,
    "an operator replaced by one of its type": operator_replaced,
    "bytes of its data changed": data_changed,
    "truncated": truncated,
    "a range removed": range_removed,
    "a range inserted": range_inserted,
    "sections swapped, doubled or gone": sections_swapped,
    "a size changed": size_changed,
    "a count or number made huge": count_huge,
}
