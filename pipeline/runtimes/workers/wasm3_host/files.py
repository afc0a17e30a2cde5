"""What calls of WASI are about in wasm3: a guest's memory, and what it has open: input, outputs, and files.

The files are in memory, below "/", and can only be read.

All answers are those of Wasmtime, with a folder that is read-only: tests/contract/test_wasi.py.
"""

import os
from typing import Any, Dict, List, Optional, Tuple  # noqa: F401 - in comments

OK, BADF, ILSEQ, INVAL, MFILE, NAMETOOLONG, NOENT, NOTDIR = 0, 8, 25, 28, 33, 37, 44, 54
NOTSOCK, NOTSUP, PERM, SPIPE = 57, 58, 63, 70
#: Standard input and outputs are files of a kind that WASI has no number for: no guest sees a terminal.
UNKNOWN, DIRECTORY, REGULAR_FILE = 0, 3, 4
_O_CREAT, _O_DIRECTORY, _O_TRUNC = 1, 2, 8
_APPEND, _NONBLOCK = 1, 4
SYNCS = 2 | 8 | 16
FLAGS = _APPEND | _NONBLOCK | SYNCS
#: Descriptors at a time, and bytes of a path and of a part of it, at most.
_MOST_OPEN, _LONGEST_PATH, _LONGEST_PART = 256, 4095, 255
#: The last position.
LAST = (1 << 63) - 1
_READ, _WRITE = 1 << 1, 1 << 6
#: Of a file, of a folder that was opened, and of the folder "/" with what is opened by it.
_FILE_RIGHTS, _FOLDER_RIGHTS, _ROOT_RIGHTS, _BELOW_ROOT = 0x3FFFFFBF, 0x3FB7FFBB, 0x7B7FE00, 0xFF7FFFF


class Memory:
    """The memory of a pywasm3 runtime. What the guest does not have is an exception, which is a trap."""

    def __init__(self) -> None:
        self.runtime = None  # type: Any

    def bytes(self, at: int, size: int) -> memoryview:
        at, size = at & 0xFFFFFFFF, size & 0xFFFFFFFF
        memory = self.runtime.get_memory(0)  # each time: it moves when it grows
        if at + size > len(memory):
            raise IndexError("a call of WASI names memory that the guest does not have")
        return memory[at : at + size]  # type: ignore[no-any-return]

    def put(self, *values: Tuple[int, int, int]) -> int:
        """Write numbers: (place, value, bytes) of each; returns WASI's number for success."""
        for at, value, size in values:
            self.bytes(at, size)[:] = value.to_bytes(size, "little")
        return 0

    def get(self, at: int, size: int = 4) -> int:
        return int.from_bytes(self.bytes(at, size), "little")

    def text(self, at: int, size: int) -> str:
        try:
            return self.bytes(at, size).tobytes().decode()
        except UnicodeDecodeError:
            raise Failed(ILSEQ)

    def vectors(self, at: int, count: int) -> List[memoryview]:
        """The pieces of memory that a list of them names."""
        each = range(at, at + 8 * (count & 0xFFFFFFFF), 8)
        return [self.bytes(self.get(vector), self.get(vector + 4)) for vector in each]


class Failed(Exception):
    """What the guest asked for cannot be; the argument is WASI's number for it."""


class Descriptor:
    """What one number of the guest's stands for; ``host`` is the worker's own, of input and outputs."""

    def __init__(
        self, kind: int, rights: Tuple[int, int], name: str = "", host: Optional[int] = None
    ) -> None:
        self.kind, self.rights, self.name, self.host = kind, rights, name, host
        self.first = False  # the folder that is there from the start
        self.position = self.flags = 0


class Files:
    """The descriptors of one guest; ``contents`` is {name: content}, or nothing for a guest without files."""

    def __init__(self, contents: Optional[Dict[str, bytes]] = None) -> None:
        self._contents = contents or {}
        self._tree = _tree(self._contents)
        self._open = [Descriptor(UNKNOWN, (_READ, _READ), host=0)]  # type: List[Optional[Descriptor]]
        self._open += [Descriptor(UNKNOWN, (_WRITE, _WRITE), host=host) for host in (1, 2)]
        if contents is not None:
            root = Descriptor(DIRECTORY, (_ROOT_RIGHTS, _BELOW_ROOT))
            root.first = True
            self._open.append(root)

    def get(self, fd: int) -> Descriptor:
        found = self._open[fd] if 0 <= fd < len(self._open) else None
        if found is None:
            raise Failed(BADF)
        return found

    def output(self, fd: int) -> int:
        """The worker's own descriptor to which a guest's writes."""
        host = self.get(fd).host
        if not host:
            raise Failed(BADF)
        return host

    def of_kind(self, fd: int, *kinds: int) -> Descriptor:
        found = self.get(fd)
        if found.kind not in kinds:
            raise Failed(BADF)
        return found

    def seekable(self, fd: int) -> Descriptor:
        """A file in which there are positions."""
        found = self.get(fd)
        if found.kind != REGULAR_FILE:
            raise Failed(SPIPE if found.kind == UNKNOWN else BADF)
        return found

    def _add(self, descriptor: Descriptor) -> int:
        """The number of a descriptor: the highest that was closed, or a new one."""
        free = [fd for fd, found in enumerate(self._open) if found is None]
        if not free:
            if len(self._open) == _MOST_OPEN:
                raise Failed(MFILE)
            free = [len(self._open)]
            self._open.append(None)
        self._open[free[-1]] = descriptor
        return free[-1]

    def close(self, fd: int) -> None:
        self.get(fd)
        self._open[fd] = None

    def renumber(self, source: int, target: int) -> None:
        self.get(target)
        moved = self.get(source)
        if source != target:
            self._open[target], self._open[source] = moved, None

    def find(self, folder: Descriptor, path: str) -> Tuple[str, int]:
        """(name, kind) to which a path from a folder leads, part by part."""
        if "\0" in path:
            raise Failed(INVAL)
        if len(path.encode()) > _LONGEST_PATH:
            raise Failed(NAMETOOLONG)
        if not path:
            raise Failed(NOENT)
        if path.startswith("/"):
            raise Failed(PERM)
        parts = []  # type: List[str]
        above = [folder.name] if folder.name else []
        for number, word in enumerate(path.split("/")):
            plain = word in ("", ".")
            if "/".join(above + parts) not in self._tree and not (plain and number == 0):
                raise Failed(NOTDIR if "/".join(above + parts) in self._contents else NOENT)
            if len(word.encode()) > _LONGEST_PART:
                raise Failed(NAMETOOLONG)
            if word == "..":
                if not parts:
                    raise Failed(PERM)
                parts.pop()
            elif not plain:
                parts.append(word)
        name = "/".join(above + parts)
        if name in self._tree:
            return name, DIRECTORY
        if name not in self._contents:
            raise Failed(NOENT)
        return name, REGULAR_FILE

    def open(self, fd: int, path: str, flags: int, rights: int, how: int) -> int:
        """A descriptor of the file or folder that is there, to read."""
        folder = self.get(fd)
        if folder.kind != DIRECTORY:
            raise Failed(NOTDIR if folder.kind == REGULAR_FILE else BADF)
        if how & SYNCS:
            raise Failed(NOTSUP)
        if flags & (_O_CREAT | _O_TRUNC) or rights & _WRITE:
            raise Failed(PERM)
        name, kind = self.find(folder, path)
        if kind == DIRECTORY:
            return self._add(Descriptor(DIRECTORY, (_FOLDER_RIGHTS, _FOLDER_RIGHTS), name))
        if flags & _O_DIRECTORY:
            raise Failed(NOTDIR)
        opened = Descriptor(REGULAR_FILE, (_FILE_RIGHTS, _FILE_RIGHTS), name)
        opened.flags = how & (_APPEND | _NONBLOCK)
        return self._add(opened)

    def read(self, fd: int, size: int, position: Optional[int] = None) -> bytes:
        """What comes next, or what is at a position, which then does not move; nothing at the end."""
        found = self.get(fd)
        if found.kind == DIRECTORY or found.host:
            raise Failed(BADF)
        if found.kind == UNKNOWN:
            if position is not None:
                raise Failed(SPIPE)
            return os.read(0, size)
        start = found.position if position is None else position
        if start < 0 or start + size > LAST:
            raise Failed(INVAL)
        data = self._contents[found.name][start : start + size]
        if position is None:
            found.position += len(data)
        return data

    def seek(self, fd: int, offset: int, whence: int) -> int:
        file = self.seekable(fd)
        if whence not in (0, 1, 2):
            raise Failed(INVAL)
        position = offset + (0, file.position, self.size(file.name, file.kind))[whence]
        if not 0 <= position <= LAST:
            raise Failed(INVAL)
        file.position = position
        return position

    def inode(self, name: str, kind: int) -> int:
        """A number of its own for each file and folder."""
        if kind == DIRECTORY:
            return 1 + 2 * list(self._tree).index(name)
        return 2 + 2 * list(self._contents).index(name)

    def size(self, name: str, kind: int) -> int:
        return len(self._contents[name]) if kind == REGULAR_FILE else 0

    def entries(self, fd: int) -> List[Tuple[str, int, int]]:
        """(name, inode, kind) of all that is in a folder."""
        folder = self.of_kind(fd, DIRECTORY).name
        own = self.inode(folder, DIRECTORY)
        found = [(".", own, DIRECTORY), ("..", own, DIRECTORY)]
        for name, kind in sorted(self._tree[folder].items()):
            path = folder + "/" + name if folder else name
            found.append((name, self.inode(path, kind), kind))
        return found


def _tree(contents: Dict[str, bytes]) -> Dict[str, Dict[str, int]]:
    """{folder: {what is in it: kind}}; the guest's "/" is ""."""
    tree = {"": {}}  # type: Dict[str, Dict[str, int]]
    for name in contents:
        above = ""
        parts = name.split("/")
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            tree[above][part] = REGULAR_FILE if last else DIRECTORY
            above = above + "/" + part if above else part
            if not last:
                tree.setdefault(above, {})
    return tree
