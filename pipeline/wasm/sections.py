"""The frame of a WebAssembly module: sections, function bodies as bytes, and the names of functions.

No proposal has changed this frame, so sections with unknown numbers are read as well. Nothing is checked
that is not needed to find the next section. Source: WebAssembly core specification 3.0, "Binary Format".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CUSTOM, CODE = 0, 10
_HEAD = b"\0asm\1\0\0\0"
#: How a component begins, in each version of the component model until now.
COMPONENT = b"\0asm\x0d\0\1\0"
_FUNCTION_NAMES, _GLOBAL_NAMES = 1, 7


class WasmError(ValueError):
    """A module that cannot be read: one line."""


@dataclass(frozen=True)
class Section:
    """``start`` and ``end``: the whole section in the file, with its number and size, in bytes."""

    number: int
    name: str  # of a custom section, else ""
    content: bytes  # of a custom section: what follows its name
    start: int
    end: int


@dataclass(frozen=True)
class Names:
    """What the name section calls functions and globals, by index."""

    functions: dict[int, str]
    globals: dict[int, str]


class _Reader:
    """A place in bytes; all methods raise WasmError at their end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise WasmError(f"{size} bytes at byte {self.at}, where {len(self.data) - self.at} are left")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self) -> int:
        """An unsigned LEB128 number of 32 bits."""
        value = 0
        for shift in range(0, 35, 7):
            [byte] = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80 and value < 1 << 32:
                return value
        raise WasmError(f"a number of more than 32 bits before byte {self.at}")

    def sized(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        """A name; what is not UTF-8 in it becomes U+FFFD."""
        return self.sized().decode("utf-8", "replace")


def sections(data: bytes) -> list[Section]:
    """The sections in the order of the file; raises WasmError for what is no module."""
    if not data.startswith(_HEAD):
        what = "it is a component" if data.startswith(COMPONENT) else "it does not begin as a module"
        raise WasmError(f"{what}, expected a core module of version 1")
    reader = _Reader(data, len(_HEAD))
    found = []
    while reader:
        start = reader.at
        [number] = reader.take(1)
        content = _Reader(reader.sized())
        name = content.text() if number == CUSTOM else ""
        found.append(Section(number, name, content.data[content.at :], start, reader.at))
    return found


def without_custom(data: bytes, parts: Iterable[Section]) -> bytes:
    """The module without its custom sections: they mean nothing to its code, and may hold anything."""
    return _HEAD + b"".join(data[part.start : part.end] for part in parts if part.number != CUSTOM)


def bodies(parts: Iterable[Section]) -> list[bytes]:
    """The function bodies, each with its local variables in front; raises WasmError."""
    found = []
    for part in parts:
        if part.number == CODE:
            reader = _Reader(part.content)
            found += [reader.sized() for _ in range(reader.number())]
    return found


def _named(parts: Iterable[Section], name: str) -> Iterator[_Reader]:
    """The content of each custom section of this name."""
    return (_Reader(part.content) for part in parts if part.name == name)


def names(parts: Iterable[Section]) -> Names:
    """What the name section says, up to the first thing in it that cannot be read."""
    found = Names({}, {})
    with contextlib.suppress(WasmError):
        for reader in _named(parts, "name"):
            _read_names(reader, found)
    return found


def _read_names(reader: _Reader, found: Names) -> None:
    while reader:
        [number] = reader.take(1)
        subsection = _Reader(reader.sized())
        named = {_FUNCTION_NAMES: found.functions, _GLOBAL_NAMES: found.globals}.get(number)
        if named is not None:
            for _ in range(subsection.number()):
                index = subsection.number()
                named[index] = subsection.text()


def target_features(parts: Iterable[Section]) -> list[str]:
    """The features that the module declares ("+simd128"), up to the first that cannot be read."""
    found: list[str] = []
    with contextlib.suppress(WasmError):
        for reader in _named(parts, "target_features"):
            for _ in range(reader.number()):
                found.append(reader.take(1).decode("latin-1") + reader.text())
    return found


def producers(parts: Iterable[Section]) -> list[str]:
    """What the module says made it, such as "language Rust", up to the first that cannot be read.

    Source: tool-conventions, ProducersSection.md.
    """
    found: list[str] = []
    with contextlib.suppress(WasmError):
        for reader in _named(parts, "producers"):
            for _ in range(reader.number()):
                field = reader.text()
                for _ in range(reader.number()):
                    found.append(" ".join(filter(None, (field, reader.text(), reader.text()))))
    return found
