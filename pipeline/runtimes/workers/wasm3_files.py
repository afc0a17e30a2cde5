"""What a guest of wasm3 has open: input, output, and files in memory below "/", which it can only read."""

import os
from typing import Dict, List, Optional  # noqa: F401

OK, BADF, ISDIR, NOENT, NOSYS, ROFS, SPIPE, NOTCAPABLE = 0, 8, 31, 44, 52, 69, 70, 76
INVAL, NOTDIR = 28, 54
CHARACTER_DEVICE, DIRECTORY, REGULAR_FILE = 2, 3, 4
#: The descriptor of the folder "/".
ROOT = 3
_O_CREAT, _O_DIRECTORY, _O_TRUNC = 1, 2, 8
_RIGHT_READ, _RIGHT_SEEK, _RIGHT_TELL, _RIGHT_WRITE, _RIGHT_STAT = 1 << 1, 1 << 2, 1 << 5, 1 << 6, 1 << 21
_ALL_RIGHTS = (1 << 29) - 1


class Failed(Exception):
    """What the guest asked for cannot be; the argument is WASI's number for it."""


class File:
    """One open file."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content, self.position = name, content, 0


class Files:
    """The descriptors of one guest; ``contents`` is {name: content}, or nothing for a guest without files."""

    def __init__(self, contents: Optional[Dict[str, bytes]] = None) -> None:
        self._contents = contents
        self._open = {}  # type: Dict[int, File]

    def kind(self, fd: int) -> int:
        """WASI's file type of a descriptor."""
        if 0 <= fd < ROOT:
            return CHARACTER_DEVICE  # so that a guest does not seek
        if fd == ROOT and self._contents is not None:
            return DIRECTORY
        if fd in self._open:
            return REGULAR_FILE
        raise Failed(BADF)

    def rights(self, fd: int) -> int:
        if self.kind(fd) == REGULAR_FILE:
            return _RIGHT_READ | _RIGHT_SEEK | _RIGHT_TELL | _RIGHT_STAT
        # The folder's: what may be asked of a file in it; to write is refused when one is opened.
        return _ALL_RIGHTS if fd == ROOT else _RIGHT_WRITE if fd else _RIGHT_READ

    def file(self, fd: int) -> File:
        """The file that a descriptor stands for."""
        kind = self.kind(fd)
        if kind != REGULAR_FILE:
            raise Failed(SPIPE if kind == CHARACTER_DEVICE else BADF)
        return self._open[fd]

    def find(self, fd: int, path: str) -> Optional[str]:
        """The name of the file that a path from a folder leads to; None for a folder."""
        if self.kind(fd) != DIRECTORY:
            raise Failed(NOTDIR)
        assert self._contents is not None
        if path.startswith("/"):
            raise Failed(NOTCAPABLE)
        parts = []  # type: List[str]
        for part in path.split("/"):
            if part == "..":
                if not parts:
                    raise Failed(NOTCAPABLE)
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        name = "/".join(parts)
        if name in self._contents and not path.endswith("/"):
            return name
        if parts and not any(known.startswith(name + "/") for known in self._contents):
            raise Failed(NOTDIR if name in self._contents else NOENT)
        return None

    def open(self, fd: int, path: str, flags: int, rights: int) -> int:
        """A descriptor of the file that is there, to read."""
        try:
            name = self.find(fd, path)
        except Failed as error:
            if error.args == (NOENT,) and flags & _O_CREAT:
                raise Failed(ROFS) from None
            raise
        if name is None:
            raise Failed(ISDIR)
        if flags & _O_DIRECTORY:
            raise Failed(NOTDIR)
        if flags & _O_TRUNC or rights & _RIGHT_WRITE:
            raise Failed(ROFS)
        assert self._contents is not None
        free = next(n for n in range(ROOT + 1, ROOT + 2 + len(self._open)) if n not in self._open)
        self._open[free] = File(name, self._contents[name])
        return free

    def close(self, fd: int) -> None:
        self.kind(fd)
        self._open.pop(fd, None)

    def read(self, fd: int, size: int, position: Optional[int] = None) -> bytes:
        """What comes next, or what is at a position, which then does not move; nothing at the end."""
        if fd == 0 and position is None:
            return os.read(0, size)
        file = self.file(fd)
        start = file.position if position is None else position
        data = file.content[start : start + size]
        if position is None:
            file.position += len(data)
        return data

    def seek(self, fd: int, offset: int, whence: int) -> int:
        file = self.file(fd)
        if whence not in (0, 1, 2):
            raise Failed(INVAL)
        position = offset + (0, file.position, len(file.content))[whence]
        if position < 0:
            raise Failed(INVAL)
        file.position = position
        return position

    def inode(self, name: str) -> int:
        """A number of its own for each file."""
        return 1 + list(self._contents or ()).index(name)

    def size(self, name: str) -> int:
        return len((self._contents or {})[name])
