"""A program's parts with a digest each, so that two builds are told apart by section and by function.

The lock keeps these instead of the programs, and can still say on another machine what is different there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.wasm import decoder
from pipeline.wasm.instructions import WasmError

#: {"sections": {name: part}, "functions": {name: part}}; a part is "size in bytes:start of its SHA-256".
Anatomy = dict[str, dict[str, str]]

#: Names of wasm's sections by their ids (WebAssembly core specification, 5.5.2).
_SECTIONS = (
    "custom",
    "type",
    "import",
    "function",
    "table",
    "memory",
    "global",
    "export",
    "start",
    "element",
    "code",
    "data",
    "data count",
    "tag",
)
_MOST_NAMED = 3
_ELF64_LITTLE = b"\x7fELF\x02\x01"


def anatomy(data: bytes) -> Anatomy:
    """The parts of a wasm module or an ELF program; of anything else, nothing."""
    try:
        if data.startswith(b"\0asm"):
            return _wasm(data)
        if data.startswith(_ELF64_LITTLE):
            return {"sections": dict(_numbered(_elf(data))), "functions": {}}
    except (WasmError, struct.error, ValueError, OverflowError, IndexError):
        pass  # what is damaged has no parts; its digest still says that it is another
    return {"sections": {}, "functions": {}}


def _part(content: bytes) -> str:
    return f"{len(content)}:{hashlib.sha256(content).hexdigest()[:16]}"


def _wasm(data: bytes) -> Anatomy:
    module = decoder.parse(data)

    def sections() -> Iterator[tuple[str, bytes]]:
        for section in module.sections:
            known = _SECTIONS[section.id] if section.id < len(_SECTIONS) else str(section.id)
            name = f"custom {section.name}" if section.name else known
            yield name, data[section.offset : section.offset + section.size]

    functions = ((function.name, function.body) for function in module.functions)
    return {"sections": dict(_numbered(sections())), "functions": dict(_numbered(functions))}


def _elf(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the sections of a 64-bit little-endian ELF program."""
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
    for header in headers[1:]:
        start = headers[names][4] + header[0]
        name = data[start : data.index(b"\0", start)].decode("ascii")
        empty = header[1] == 8  # SHT_NOBITS: a size without content
        yield name, b"" if empty else data[header[4] : header[4] + header[5]]


def _numbered(parts: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    """A name that occurs again is "name (2)"."""
    seen: dict[str, int] = {}
    for name, content in parts:
        label = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)
        seen[label] = seen.get(label, 0) + 1
        yield (label if seen[label] == 1 else f"{label} ({seen[label]})"), _part(content)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Which sections and functions of the one are not what they are in the other, and how; "" if none."""
    found = []
    for kind, singular in (("sections", "section"), ("functions", "function")):
        mine, theirs = one.get(kind, {}), other.get(kind, {})
        changed = [
            f"{singular} {name}: {_difference(mine.get(name), theirs.get(name))}"
            # What is new or gone comes first: it changes the numbers that the others call functions by.
            for name in sorted(
                dict.fromkeys([*theirs, *mine]), key=lambda each: each in mine and each in theirs
            )
            if mine.get(name) != theirs.get(name)
        ]
        more = len(changed) - _MOST_NAMED
        found += changed[:_MOST_NAMED] + ([f"{more} {kind} more"] if more > 0 else [])
    return "; ".join(found)


def _difference(mine: str | None, theirs: str | None) -> str:
    """How a part is not what it should be; ``theirs`` is what is expected."""
    if mine is None:
        return "it is missing"
    if theirs is None:
        return f"it should not be there ({mine.partition(':')[0]} bytes)"
    size, expected = mine.partition(":")[0], theirs.partition(":")[0]
    return f"{size} bytes, not the same ones" if size == expected else f"{size} bytes in place of {expected}"
