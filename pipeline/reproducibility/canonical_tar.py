"""A tar archive that has only one form, and a strict reader of it that writes nothing.

Plain ustar (POSIX.1-1988) without compression, because compressors differ between machines: regular
files only, sorted, no owners, no times. An archive in any other form is refused, also a harmless one.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Mapping

from pipeline.core.errors import BadInput

_BLOCK = tarfile.BLOCKSIZE
MOST_BYTES = 64 << 20
MOST_MEMBERS = 2000
#: A name: components of printable ASCII without separators of any system; ustar has room for 100 bytes.
_COMPONENT = re.compile(r"[A-Za-z0-9_+=@,()~^ .-]{1,90}")
_NAME_BYTES = 100
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.DIRTYPE: "a folder",
    tarfile.FIFOTYPE: "a fifo",
}


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive of {name: content}; raises ValueError for a name that no reader here would accept."""
    parts = []
    for name in sorted(members):
        if _objection(name):
            raise ValueError(f"{name!r}: {_objection(name)}")
        content = members[name]
        parts += [header(name, len(content)), content, bytes(-len(content) % _BLOCK)]
    return b"".join([*parts, bytes(2 * _BLOCK)])


def header(name: str, size: int) -> bytes:
    """The block in front of a member's content."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o755 if name.endswith(".exe") else 0o644
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


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
    lowered: set[str] = set()
    at = 0
    while data[at : at + _BLOCK].strip(b"\0"):
        info = _member(data, at, where)
        if info.name.lower() in lowered:
            raise BadInput(f"{where}: {info.name}: this name occurs twice (or differs in case only)")
        lowered.add(info.name.lower())
        members[info.name] = data[at + _BLOCK : at + _BLOCK + info.size]
        if len(members) > MOST_MEMBERS:
            raise BadInput(f"{where}: more than {MOST_MEMBERS} members")
        at += _BLOCK + info.size + -info.size % _BLOCK
    if data != pack(members):
        raise BadInput(f"{where}: headers, order, padding or end are not as doit run bundle writes them")
    return members


def _member(data: bytes, at: int, where: str) -> tarfile.TarInfo:
    """The header at a byte of an archive; only that of a regular file with a name and a size that may be."""
    try:
        info = tarfile.TarInfo.frombuf(data[at : at + _BLOCK], "latin-1", "strict")
    except (tarfile.HeaderError, ValueError):
        expected = "expected a file that doit run bundle made"
        raise BadInput(f"{where}: no ustar archive at byte {at}; {expected}") from None
    label = f"{where}: {info.name[:_NAME_BYTES]!a}"
    if info.type != tarfile.REGTYPE:
        kind = _KINDS.get(info.type, f"a member of tar's type {info.type.decode('latin-1')!a}")
        raise BadInput(f"{label}: {kind}; only regular files are accepted")
    # tarfile ends a name at its first NUL; what follows may only be padding.
    field = data[at : at + _NAME_BYTES].rstrip(b"\0").decode("latin-1")
    if _objection(field):
        raise BadInput(f"{label}: {_objection(field)}")
    if info.name != field:  # a prefix field, which tarfile puts before the name
        raise BadInput(f"{label}: a name of more than {_NAME_BYTES - 1} bytes")
    if not 0 <= info.size <= len(data) - at - _BLOCK:
        raise BadInput(f"{label}: its size exceeds the archive")
    return info


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
        return "a name with characters or components that are not accepted"
    return ""
