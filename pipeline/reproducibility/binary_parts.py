"""A program's parts with a digest each, so that two builds can be compared by section and by function.

The lock keeps these instead of the programs, and can still say on a different machine what differs there.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator

from pipeline.wasm import module, sections

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
    """The parts of a wasm module or an ELF program; what cannot be read has none."""
    try:
        if data.startswith(b"\0asm"):
            return {"sections": dict(_numbered(_wasm_sections(data))), "functions": _wasm_functions(data)}
        if data.startswith(_ELF64_LITTLE):
            return {"sections": dict(_numbered(_elf(data))), "functions": {}}
    except (struct.error, ValueError, OverflowError, IndexError):
        pass  # its digest still says that it is different
    return {"sections": {}, "functions": {}}


def _part(content: bytes) -> str:
    return f"{len(content)}:{hashlib.sha256(content).hexdigest()[:16]}"


def _wasm_sections(data: bytes) -> Iterator[tuple[str, bytes]]:
    for section in sections.sections(data):
        known = _SECTIONS[section.number] if section.number < len(_SECTIONS) else str(section.number)
        yield f"custom {section.name}" if section.name else known, section.content


def _wasm_functions(data: bytes) -> dict[str, str]:
    try:
        functions = module.read_interface(data).functions
    except sections.WasmError:
        return {}
    return dict(_numbered((function.name, function.body) for function in functions))


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


def _numbered(parts: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    """A name that occurs again is "name (2)"."""
    seen: dict[str, int] = {}
    for name, content in parts:
        label = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)
        seen[label] = seen.get(label, 0) + 1
        yield (label if seen[label] == 1 else f"{label} ({seen[label]})"), _part(content)


def differences(one: Anatomy, expected: Anatomy) -> str:
    """Which sections and functions differ from the expected ones, and how; "" if none."""
    texts = []
    for kind, singular in (("sections", "section"), ("functions", "function")):
        here, there = one.get(kind, {}), expected.get(kind, {})
        changed = [
            f"{singular} {name}: {_difference(here.get(name), there.get(name))}"
            # What is new or gone comes first: it changes the numbers that the others call functions by.
            for name in sorted(
                dict.fromkeys([*there, *here]), key=lambda each: each in here and each in there
            )
            if here.get(name) != there.get(name)
        ]
        more = len(changed) - _MOST_NAMED
        texts += changed[:_MOST_NAMED] + ([f"{more} {kind} more"] if more > 0 else [])
    return "; ".join(texts)


def _difference(part: str | None, expected: str | None) -> str:
    """How a part differs from the expected one."""
    if part is None:
        return "it is missing"
    size = part.partition(":")[0]
    if expected is None:
        return f"it should not be there ({size} bytes)"
    right = expected.partition(":")[0]
    return f"{size} bytes, not the same ones" if size == right else f"{size} bytes in place of {right}"
