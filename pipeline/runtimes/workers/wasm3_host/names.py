"""The names of a module's functions, which wasm3 is not given, and a trap's backtrace with them."""

import os
import re
from typing import Dict, Iterator, Tuple

import serve
from wasm_code import number_or_zero

#: wasm3 prints this, and a line for each function, on standard error.
_HEAD = b"==== wasm backtrace:\n"
_FRAME = re.compile(r" *\d+: 0x[0-9a-f]+ - [^!]*!(?:\$func(\d+)|(.+))")
#: Bytes of standard error in which it is looked for.
_MOST = 1 << 20


def without_names(data: bytes) -> Tuple[bytes, Dict[int, str]]:
    """The module without the names of its functions, and these: wasm3 looks for an export among them first.

    Where wasm-ld exports a wrapper as "_start", the function of that name runs no constructors.
    """
    kept, names, at = data[:8], {}, 8  # type: bytes, Dict[int, str], int
    while at < len(data):
        size, start = number_or_zero(data, at + 1)
        length, name = number_or_zero(data, start)
        if data[at] != 0 or data[name : name + length] != b"name":
            kept += data[at : start + size]
        else:
            names.update(_functions(data[name + length : start + size]))
        at = start + size
    return kept, names


def _functions(section: bytes) -> Iterator[Tuple[int, str]]:
    """(number, name) of each function in a name section."""
    at = 0
    while at < len(section):
        kind, (size, start) = section[at], number_or_zero(section, at + 1)
        at = start + size
        if kind != 1:
            continue
        count, place = number_or_zero(section, start)
        for _ in range(count):
            if place >= len(section):  # a damaged one
                return
            number, place = number_or_zero(section, place)
            length, place = number_or_zero(section, place)
            yield number, section[place : place + length].decode("utf-8", "replace")
            place += length


def trap(reason: str, names: Dict[int, str], before: int) -> serve.Trap:
    """What wasm3 says of a trap; the backtrace is taken off standard error, which had ``before`` bytes."""
    printed = os.pread(2, _MOST, before)
    head = printed.rfind(_HEAD)
    frames = []
    if head >= 0:
        lines = printed[head + len(_HEAD) :].decode("utf-8", "replace").splitlines()
        for found in filter(None, map(_FRAME.match, lines)):
            frames.append(names.get(int(found[1]), "function " + found[1]) if found[1] else found[2])
        os.ftruncate(2, before + head)
        os.lseek(2, 0, os.SEEK_END)
    return serve.Trap(reason or "trap", frames)
