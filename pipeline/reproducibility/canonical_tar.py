"""A tar archive that has only one form, and a reader of it that trusts nothing and writes nothing.

Plain ustar (POSIX.1-1988) without compression, because compressors differ between machines: regular
files only, sorted, no owners, no times. Whatever is in another form is refused, also where it is harmless.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping

from pipeline.core.errors import BadInput

_BLOCK = 512
_END = bytes(2 * _BLOCK)
MOST_BYTES = 64 << 20
MOST_MEMBERS = 2000
#: A name: components of printable ASCII without separators of any system; ustar has room for 100 bytes.
_COMPONENT = re.compile(r"[A-Za-z0-9_+=@,()~^ .-]{1,90}")
_NAME_BYTES = 100
_KINDS = {
    b"\0": "an old regular file",
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a fifo",
    b"x": "a pax extension",
    b"g": "a pax extension",
    b"L": "a GNU extension",
    b"K": "a GNU extension",
    b"S": "a sparse file",
}


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive of {name: content}; raises ValueError for a name that no reader here would take."""
    parts = []
    for name in sorted(members):
        if _objection(name):
            raise ValueError(f"{name!r}: {_objection(name)}")
        content = members[name]
        parts += [_header(name, len(content)), content, bytes(-len(content) % _BLOCK)]
    return b"".join([*parts, _END])


def _header(name: str, size: int) -> bytes:
    mode = b"0000755" if name.endswith(".exe") else b"0000644"
    fields = [
        name.encode("ascii").ljust(_NAME_BYTES, b"\0"),
        mode + b"\0",
        b"0000000\0" * 2,  # user and group
        f"{size:011o}".encode() + b"\0",
        b"00000000000\0",  # time
        b" " * 8,  # in place of the checksum while it is computed
        b"0" + bytes(100),  # a regular file, no link
        b"ustar\0" + b"00",
    ]
    raw = b"".join(fields).ljust(_BLOCK, b"\0")
    return raw[:148] + f"{sum(raw):06o}\0 ".encode() + raw[156:]


def load(path: str) -> bytes:
    """Read a file that may be anything; raises BadInput for what is no archive of a sane size."""
    try:
        # Without waiting: the other end of a fifo may never come.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadInput(f"{path}: not a regular file; expected one that doit run bundle made")
            if status.st_size > MOST_BYTES:
                raise BadInput(f"{path}: {status.st_size} bytes; a bundle has at most {MOST_BYTES}")
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; expected a file that doit run bundle made") from None


def unpack(data: bytes, where: str) -> dict[str, bytes]:
    """{name: content}; raises BadInput naming the member that is not as ``pack`` would write it."""
    members: dict[str, bytes] = {}
    seen: set[str] = set()
    at = 0
    while data[at : at + _BLOCK].strip(b"\0"):
        header = data[at : at + _BLOCK]
        name = header[:_NAME_BYTES].rstrip(b"\0").decode("latin-1")
        label = f"{where}: {_shown(name)}"
        if len(header) < _BLOCK or header[257:262] != b"ustar":
            raise BadInput(
                f"{where}: no ustar archive at byte {at}; expected a file that doit run bundle made"
            )
        kind = header[156:157]
        if kind != b"0":
            raise BadInput(f"{label}: {_KINDS.get(kind, 'of an unknown kind')}; only regular files are taken")
        if _objection(name):
            raise BadInput(f"{label}: {_objection(name)}")
        if name.lower() in seen:
            raise BadInput(f"{label}: this name stands there twice (or differs in case only)")
        size = _octal(header[124:136])
        if size is None or size > len(data) - at - _BLOCK:
            raise BadInput(f"{label}: it says a size that the archive does not have")
        if header != _header(name, size):
            raise BadInput(f"{label}: its header is not as doit run bundle writes it")
        seen.add(name.lower())
        members[name] = data[at + _BLOCK : at + _BLOCK + size]
        if len(members) > MOST_MEMBERS:
            raise BadInput(f"{where}: more than {MOST_MEMBERS} members")
        at += _BLOCK + size + -size % _BLOCK
    if data != pack(members):
        raise BadInput(f"{where}: order, padding or end are not as doit run bundle writes them")
    return members


def _octal(field: bytes) -> int | None:
    return int(field[:11], 8) if re.fullmatch(rb"[0-7]{11}\0", field) else None


def _objection(name: str) -> str:
    """Why a name is refused; "" where it is not."""
    if len(name) > _NAME_BYTES - 1:
        return f"a name of more than {_NAME_BYTES - 1} bytes"
    if name.startswith("/"):
        return "an absolute path"
    parts = name.split("/")
    if ".." in parts:
        return "a path out of its folder"
    if not all(_COMPONENT.fullmatch(part) and part != "." for part in parts):
        return "a name with characters or components that are not taken"
    return ""


def _shown(name: str) -> str:
    return ascii(name[:_NAME_BYTES])
