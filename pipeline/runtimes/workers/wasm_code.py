"""The binary format of modules, as far as custom sections and calls of imported functions are found in it.

What is not known here is an exception: nothing is guessed.
"""

from typing import Dict, List, Tuple

#: Opcodes by what follows them: so many LEB128 numbers, or so many bytes.
_NUMBERS = {
    **dict.fromkeys((0x02, 0x03, 0x04, 0x06), 1),  # blocks
    **dict.fromkeys((0x07, 0x08, 0x09, 0x0C, 0x0D, 0x10, 0x12, 0x14, 0x15, 0x18), 1),
    **dict.fromkeys((0x11, 0x13), 2),  # indirect calls
    **dict.fromkeys((*range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD0, 0xD2, 0xD5, 0xD6), 1),
    **dict.fromkeys((0x00, 0x01, 0x05, 0x0A, 0x0B, 0x0F, 0x19, 0x1A, 0x1B, 0xD1, 0xD3, 0xD4), 0),
    **dict.fromkeys(range(0x45, 0xC5), 0),
}
_BYTES = {0x43: 4, 0x44: 8}
_BULK = {**dict.fromkeys((*range(8), *range(19, 23)), 0), 8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2}
_BULK.update({15: 1, 16: 1, 17: 1})
_CALLS = (0x10, 0x12)


class Unknown(Exception):
    """What is not known here, or no module."""


def leb(number: int) -> bytes:
    """A number as unsigned LEB128."""
    made = b""
    while number > 0x7F:
        made += bytes([number & 0x7F | 0x80])
        number >>= 7
    return made + bytes([number])


def number_at(data: bytes, at: int) -> Tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    number = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
    raise Unknown


def sections(data: bytes) -> List[Tuple[int, bytes]]:
    """(number, content) of each section."""
    found, at = [], 8
    while at < len(data):
        size, start = number_at(data, at + 1)
        if start + size > len(data):
            raise Unknown
        found.append((data[at], data[start : start + size]))
        at = start + size
    return found


def without_custom_sections(data: bytes) -> bytes:
    """The module without what means nothing to its code; what is no module stays what it is."""
    kept, at = data[:8], 8
    while at < len(data):
        size, start = number_or_zero(data, at + 1)
        if data[at] != 0:
            kept += data[at : start + size]
        at = start + size
    return kept


def number_or_zero(data: bytes, at: int) -> Tuple[int, int]:
    """As number_at; 0 where the module ends, which runtimes refuse."""
    number = shift = 0
    while at < len(data):
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return number, at


def vector(content: bytes) -> Tuple[int, int]:
    """How many items a section has, and where the first one begins."""
    return number_at(content, 0)


def imported_functions(content: bytes) -> List[Tuple[bytes, bytes, int]]:
    """(namespace, name, type) of each; any other import is unknown here."""
    count, at = vector(content)
    found = []
    for _ in range(count):
        words = []
        for _ in range(2):
            size, start = number_at(content, at)
            words.append(content[start : start + size])
            at = start + size
        if at >= len(content) or content[at] != 0:
            raise Unknown
        kind, at = number_at(content, at + 1)
        found.append((words[0], words[1], kind))
    return found


def bodies(content: bytes) -> List[bytes]:
    """The functions of a code section."""
    count, at = vector(content)
    found = []
    for _ in range(count):
        size, start = number_at(content, at)
        found.append(content[start : start + size])
        at = start + size
    return found


def with_calls(body: bytes, new_numbers: Dict[int, int]) -> bytes:
    """A function's body with calls of other functions, {number: new number}."""
    # Most have no such bytes, and need not be read.
    if not any(
        bytes([call, number & 0x7F | more]) in body
        for call in _CALLS
        for number in new_numbers
        for more in (0, 0x80)
    ):
        return body
    count, at = number_at(body, 0)
    for _ in range(count):  # of locals: how many, and their type
        _, at = number_at(body, at)
        _, at = number_at(body, at)
    made, copied = b"", 0
    while at < len(body):
        end = _end_of(body, at)
        if body[at] in _CALLS:
            number, _ = number_at(body, at + 1)
            if number in new_numbers:
                made += body[copied : at + 1] + leb(new_numbers[number])
                copied = end
        at = end
    return made + body[copied:]


def _end_of(body: bytes, at: int) -> int:
    """Where the instruction that begins there ends."""
    code, at = body[at], at + 1
    if code in _NUMBERS:
        return _skip(body, at, _NUMBERS[code])
    if code in _BYTES:
        return at + _BYTES[code]
    if 0x28 <= code <= 0x3E:
        return _memory(body, at)
    if code in (0x0E, 0x1C):  # br_table with its default, and select with types
        count, at = number_at(body, at)
        return _skip(body, at, count + (code == 0x0E))
    if code == 0x1F:  # try_table
        count, at = number_at(body, _skip(body, at, 1))
        for _ in range(count):
            at = _skip(body, at + 1, 2 if body[at] < 2 else 1)
        return at
    if code not in (0xFC, 0xFD, 0xFE):
        raise Unknown
    code_2, at = number_at(body, at)
    if code == 0xFC and code_2 in _BULK:
        return _skip(body, at, _BULK[code_2])
    if code == 0xFD:
        return _vector_instruction(body, at, code_2)
    if code == 0xFE:
        return at + 1 if code_2 == 3 else _memory(body, at)
    raise Unknown


def _vector_instruction(body: bytes, at: int, code: int) -> int:
    if code <= 11 or 84 <= code <= 93:
        return _memory(body, at) + (84 <= code <= 91)
    if code in (12, 13):
        return at + 16
    return at + (21 <= code <= 34)


def _memory(body: bytes, at: int) -> int:
    """After alignment and offset, and the memory's number where the alignment says that there is one."""
    alignment, at = number_at(body, at)
    return _skip(body, at, 2 if alignment & 0x40 else 1)


def _skip(body: bytes, at: int, count: int) -> int:
    for _ in range(count):
        _, at = number_at(body, at)
    return at
