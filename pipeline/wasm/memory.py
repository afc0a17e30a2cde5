"""The memories of a module: how large they are at first, and the same module with a limit to their growth."""

from __future__ import annotations

import contextlib

from pipeline.wasm.sections import CODE, Section, WasmError, sections

_MEMORY = 5
_PAGE_BYTES = 65536
#: memory.grow of memory 0; other code may have the same bytes.
_GROW = b"\x40\x00"
#: Limits without a maximum, and with one; all other kinds are left as they are.
_OPEN, _CLOSED = 0, 1


def initial_bytes(data: bytes) -> int | None:
    """The size of a module's memories when it begins; None where that cannot be read."""
    with contextlib.suppress(WasmError, IndexError):
        return sum(first * _PAGE_BYTES for first, _ in _limits(_memories(sections(data))))
    return None


def limited(data: bytes, most_bytes: int) -> bytes:
    """The module with memories that grow to so many bytes at most; unchanged where it does not grow.

    The rest of it is the same: engines make the same code of it.
    """
    with contextlib.suppress(WasmError, IndexError):
        parts = sections(data)
        code = b"".join(part.content for part in parts if part.number == CODE)
        part = _memories(parts)
        if part is None or _GROW not in code:
            return data
        most = most_bytes // _PAGE_BYTES
        found = _limits(part)
        content = _number(len(found))
        for first, last in found:
            last = most if last is None else min(last, most)
            content += bytes([_CLOSED]) + _number(first) + _number(max(first, last))
        return data[: part.start] + bytes([_MEMORY]) + _number(len(content)) + content + data[part.end :]
    return data


def _memories(parts: list[Section]) -> Section | None:
    return next((part for part in parts if part.number == _MEMORY), None)


def _limits(part: Section | None) -> list[tuple[int, int | None]]:
    """(initial pages, most pages) of each memory that is defined; raises WasmError for what is not known."""
    if part is None:
        return []
    count, at = _read(part.content, 0)
    found: list[tuple[int, int | None]] = []
    for _ in range(count):
        kind, at = part.content[at], at + 1
        if kind not in (_OPEN, _CLOSED):
            raise WasmError(f"a memory of kind {kind}")
        first, at = _read(part.content, at)
        last = None
        if kind == _CLOSED:
            last, at = _read(part.content, at)
        found.append((first, last))
    return found


def _read(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where the next thing begins."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def _number(value: int) -> bytes:
    """A number as LEB128."""
    found = b""
    while value >= 0x80:
        found, value = found + bytes([value & 0x7F | 0x80]), value >> 7
    return found + bytes([value])
