"""A WASI command whose standard input and outputs are no terminals to it, whichever runtime says they are.

Some runtimes say of descriptors 0, 1 and 2 that they are character devices, where they are files and pipes: a
C library then takes them for a terminal, and flushes each line. And of a read into several pieces of memory
some put what comes after a short first piece into the second one. So between the command and its imports come
functions that correct the answers and read into one piece. They are compiled with the module: a call of the
host would cost more than what it is for.
"""

from typing import Callable, Dict, List, Tuple  # noqa: F401 - in comments

import wasm_code
from wasm_code import leb

_NAMESPACES = (b"wasi_snapshot_preview1", b"wasi_unstable")
_IMPORTS, _FUNCTIONS, _CODE = 2, 3, 10
_GET, _SET, _TEE, _CALL, _END = 0x20, 0x21, 0x22, 0x10, 0x0B
_I32, _EMPTY = 0x7F, 0x40


def without_terminal(data: bytes) -> bytes:
    """The module with such functions; as it is, where it asks for none of that or cannot be read."""
    try:
        return _rewritten(data)
    except (IndexError, wasm_code.Unknown):
        return data


def _rewritten(data: bytes) -> bytes:
    sections = wasm_code.sections(data)
    parts = dict(sections)
    if not {_IMPORTS, _FUNCTIONS, _CODE} <= set(parts):
        return data
    imported = wasm_code.imported_functions(parts[_IMPORTS])
    types, at = wasm_code.vector(parts[_FUNCTIONS])
    added = []  # type: List[Tuple[int, bytes]]
    new_numbers = {}  # type: Dict[int, int]
    for number, (namespace, name, kind) in enumerate(imported):
        if namespace in _NAMESPACES and name in _BODIES:
            new_numbers[number] = len(imported) + types + len(added)
            added.append((kind, _BODIES[name](number)))
    if not added:
        return data
    kinds = b"".join(leb(kind) for kind, _ in added)
    parts[_FUNCTIONS] = leb(types + len(added)) + parts[_FUNCTIONS][at:] + kinds
    bodies = [wasm_code.with_calls(body, new_numbers) for body in wasm_code.bodies(parts[_CODE])]
    bodies += [body for _, body in added]
    parts[_CODE] = leb(len(bodies)) + b"".join(leb(len(body)) + body for body in bodies)
    made = data[:8]
    for number, content in sections:
        content = parts[number] if number else content
        made += bytes([number]) + leb(len(content)) + content
    return made


def _correcting(place: int) -> Callable[[int], bytes]:
    """Calls, and makes the kind of descriptors 0, 1 and 2 one without a number, a byte at this place."""

    def body(number: int) -> bytes:
        call = bytes([_GET, 0, _GET, 1, _CALL]) + leb(number) + bytes([_TEE, 2])
        ours = bytes([0x45, _GET, 0, 0x41, 3, 0x49, 0x71])  # no error, and below 3
        store = bytes([0x04, _EMPTY, _GET, 1, 0x41, 0, 0x3A, 0, place, _END])
        return bytes([1, 1, _I32]) + call + ours + store + bytes([_GET, 2, _END])

    return body


def _reading(number: int) -> bytes:
    """Leaves out empty pieces at the start, and reads into one."""
    again = bytes([_GET, 2, 0x41, 2, 0x4F])  # there are two or more
    empty = bytes([_GET, 1, 0x28, 2, 4, 0x45])  # the first one has no bytes
    following = bytes([_GET, 1, 0x41, 8, 0x6A, _SET, 1, _GET, 2, 0x41, 1, 0x6B, _SET, 2, 0x0C, 2])
    loop = again + bytes([0x04, _EMPTY]) + empty + bytes([0x04, _EMPTY]) + following + bytes([_END, _END])
    one = bytes([_GET, 2, 0x41, 0, 0x47])  # or none
    call = bytes([_GET, 0, _GET, 1]) + one + bytes([_GET, 3, _CALL]) + leb(number)
    return bytes([0, 0x03, _EMPTY]) + loop + bytes([_END]) + call + bytes([_END])


_BODIES = {
    b"fd_fdstat_get": _correcting(0),
    b"fd_filestat_get": _correcting(16),
    b"fd_read": _reading,
}  # type: Dict[bytes, Callable[[int], bytes]]
