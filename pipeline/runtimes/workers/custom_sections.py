"""Custom sections of a module: they mean nothing to its code, and some runtimes trip over them."""

from typing import Optional, Tuple


def without(data: bytes, name: Optional[bytes] = None) -> bytes:
    """The module without its custom sections of a name, or without any; what is no module stays as it is."""
    kept, at = data[:8], 8
    while at < len(data):
        size, start = _leb(data, at + 1)
        length, name_start = _leb(data, start)
        if data[at] != 0 or name not in (None, data[name_start : name_start + length]):
            kept += data[at : start + size]
        at = start + size
    return kept


def _leb(data: bytes, at: int) -> Tuple[int, int]:
    """An unsigned LEB128 number, and what follows it; 0 where the module ends, which runtimes refuse."""
    number = shift = 0
    while at < len(data):
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return number, at
