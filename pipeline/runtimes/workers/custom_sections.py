"""Custom sections of a module: they mean nothing to its code, and some runtimes trip over them."""

from typing import Tuple


def without(data: bytes) -> bytes:
    """The module without its custom sections; what is no module stays what it is."""
    kept, at = data[:8], 8
    while at < len(data):
        size, start = leb(data, at + 1)
        if data[at] != 0:
            kept += data[at : start + size]
        at = start + size
    return kept


def leb(data: bytes, at: int) -> Tuple[int, int]:
    """An unsigned LEB128 number, and what follows it; 0 where the module ends, which runtimes refuse."""
    number = shift = 0
    while at < len(data):
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return number, at
