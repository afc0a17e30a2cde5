"""What a guest of wasm3 can ask of its descriptors: {name: (pywasm3's signature, function)}."""

import time
from typing import Any, Callable, Dict, Tuple

from wasm3_host.files import (
    BADF,
    DIRECTORY,
    FLAGS,
    INVAL,
    NAMETOOLONG,
    NOTDIR,
    NOTSOCK,
    NOTSUP,
    OK,
    PERM,
    REGULAR_FILE,
    SPIPE,
    SYNCS,
    UNKNOWN,
    Failed,
    Files,
    Memory,
)

Calls = Dict[str, Tuple[str, Callable[..., Any]]]
#: What would change something below a folder, and where among its arguments the folders and the paths are.
_CHANGES = {
    "path_create_directory": ("i(iii)", (0,), (1,)),
    "path_link": ("i(iiiiiii)", (0, 4), (2, 5)),
    "path_remove_directory": ("i(iii)", (0,), (1,)),
    "path_rename": ("i(iiiiii)", (0, 3), (1, 4)),
    "path_symlink": ("i(iiiii)", (2,), (0, 3)),
    "path_unlink_file": ("i(iii)", (0,), (1,)),
}
_SOCKETS = {
    "sock_accept": "i(iii)",
    "sock_recv": "i(iiiiii)",
    "sock_send": "i(iiiii)",
    "sock_shutdown": "i(ii)",
}
#: Calls that say only whether the descriptor is one of these kinds, and then this.
_FILE, _STORED = (REGULAR_FILE,), (REGULAR_FILE, DIRECTORY)
_FIXED = {
    "fd_allocate": ("i(iII)", _FILE, NOTSUP),
    "fd_datasync": ("i(i)", _FILE, OK),
    "fd_fdstat_set_rights": ("i(iII)", _STORED, NOTSUP),
    "fd_filestat_set_size": ("i(iI)", _FILE, PERM),
    "fd_sync": ("i(i)", _FILE, OK),
}
_CLOCK, _FD_READ, _FD_WRITE = 0, 1, 2
_ABSOLUTE = 1
#: Nanoseconds, 146 years: Python counts no more than twice as many.
_LONGEST_SLEEP = 1 << 62


class DescriptorCalls:
    """The calls, over a guest's files and its memory."""

    def __init__(self, files: Files, memory: Memory) -> None:
        self._files, self._memory = files, memory

    def all(self) -> Calls:
        calls = {
            "fd_advise": ("i(iIIi)", self._advise),
            "fd_close": ("i(i)", self._files.close),
            "fd_fdstat_get": ("i(ii)", self._fdstat),
            "fd_fdstat_set_flags": ("i(ii)", self._set_flags),
            "fd_filestat_get": ("i(ii)", self._filestat),
            "fd_filestat_set_times": ("i(iIIi)", self._set_times),
            "fd_pread": ("i(iiiIi)", self._pread),
            "fd_prestat_dir_name": ("i(iii)", self._prestat_dir_name),
            "fd_prestat_get": ("i(ii)", self._prestat),
            "fd_pwrite": ("i(iiiIi)", lambda fd, *_: SPIPE if self._files.output(fd) else BADF),
            "fd_read": ("i(iiii)", self._read),
            "fd_readdir": ("i(iiiIi)", self._readdir),
            "fd_renumber": ("i(ii)", self._files.renumber),
            "fd_seek": ("i(iIii)", lambda fd, by, how, at: self._put64(at, self._files.seek(fd, by, how))),
            "fd_tell": ("i(ii)", lambda fd, at: self._put64(at, self._files.seekable(fd).position)),
            "path_filestat_get": ("i(iiiii)", self._path_filestat),
            "path_filestat_set_times": ("i(iiiiIIi)", self._path_set_times),
            "path_open": ("i(iiiiiIIii)", self._path_open),
            "path_readlink": ("i(iiiiii)", self._readlink),
            "poll_oneoff": ("i(iiii)", self._poll),
        }  # type: Calls
        for name, (signature, kinds, answer) in _FIXED.items():
            calls[name] = (signature, self._fixed(kinds, answer))
        for name, (signature, folders, paths) in _CHANGES.items():
            calls[name] = (signature, self._refused(folders, paths))
        for name, signature in _SOCKETS.items():
            calls[name] = (signature, lambda fd, *_: NOTSOCK if self._files.get(fd) else BADF)
        return {name: (signature, _numbered(call)) for name, (signature, call) in calls.items()}

    def _fixed(self, kinds: Tuple[int, ...], answer: int) -> Callable[..., int]:
        return lambda fd, *_: answer if self._files.of_kind(fd, *kinds) else BADF

    def _refused(self, folders: Tuple[int, ...], paths: Tuple[int, ...]) -> Callable[..., int]:
        def call(*values: int) -> int:
            for place in folders:
                self._files.of_kind(values[place], DIRECTORY)
            for place in paths:
                self._memory.text(values[place], values[place + 1])
            return PERM

        return call

    def _put64(self, at: int, value: int) -> int:
        return self._memory.put((at, value, 8))

    def _fdstat(self, fd: int, at: int) -> int:
        found = self._files.get(fd)
        base, inherited = found.rights
        kind = found.kind | found.flags << 16
        return self._memory.put((at, kind, 8), (at + 8, base, 8), (at + 16, inherited, 8))

    def _advise(self, fd: int, _offset: int, size: int, _: int) -> int:
        self._files.of_kind(fd, REGULAR_FILE)
        return INVAL if size < 0 else OK

    def _set_times(self, fd: int, _accessed: int, _changed: int, flags: int) -> int:
        _check_times(flags)
        self._files.of_kind(fd, *_STORED)
        return PERM

    def _path_set_times(self, fd: int, _: int, path: int, size: int, *others: int) -> int:
        _check_times(others[-1])
        self._files.of_kind(fd, DIRECTORY)
        self._memory.text(path, size)
        return PERM

    def _set_flags(self, fd: int, flags: int) -> int:
        if flags & ~FLAGS:
            raise RuntimeError("a call of WASI has flags that there are not")
        file = self._files.of_kind(fd, REGULAR_FILE)
        if flags & SYNCS:
            return INVAL
        file.flags = flags
        return OK

    def _filestat(self, fd: int, at: int) -> int:
        found = self._files.get(fd)
        return self._put_status(at, found.name, found.kind)

    def _path_filestat(self, fd: int, _flags: int, path: int, size: int, at: int) -> int:
        folder = self._files.of_kind(fd, DIRECTORY)
        return self._put_status(at, *self._files.find(folder, self._memory.text(path, size)))

    def _put_status(self, at: int, name: str, kind: int) -> int:
        # No device, one link, and no time.
        self._memory.bytes(at, 64)[:] = bytes(64)
        if kind == UNKNOWN:
            return OK
        inode, size = self._files.inode(name, kind), self._files.size(name, kind)
        start = (at, 1, 8), (at + 8, inode, 8), (at + 16, kind, 1)
        return self._memory.put(*start, (at + 24, 1, 8), (at + 32, size, 8))

    def _prestat(self, fd: int, at: int) -> int:
        if not self._files.get(fd).first:
            return BADF
        return self._memory.put((at, 0, 4), (at + 4, 1, 4))  # a folder, with a name of one byte

    def _prestat_dir_name(self, fd: int, at: int, size: int) -> int:
        if not self._files.get(fd).first:
            return NOTDIR
        return self._memory.put((at, ord("/"), 1)) if size else NAMETOOLONG

    def _path_open(self, fd: int, _: int, path: int, size: int, flags: int, rights: int, *others: int) -> int:
        _inherited, how, at = others
        opened = self._files.open(fd, self._memory.text(path, size), flags, rights, how)
        return self._memory.put((at, opened, 4))

    def _readlink(self, fd: int, path: int, size: int, *_: int) -> int:
        self._files.find(self._files.of_kind(fd, DIRECTORY), self._memory.text(path, size))
        return INVAL  # there are no links

    def _read(self, fd: int, vectors: int, count: int, at: int) -> int:
        self._files.read(fd, 0)  # whether it can be read
        total = 0
        for data in self._memory.vectors(vectors, count):
            got = self._files.read(fd, len(data))
            data[: len(got)] = got
            total += len(got)
            if len(got) < len(data):
                break
        return self._memory.put((at, total, 4))

    def _pread(self, fd: int, vectors: int, count: int, position: int, at: int) -> int:
        self._files.read(fd, 0, position)
        total = 0
        for data in self._memory.vectors(vectors, count):
            got = self._files.read(fd, len(data), position + total)
            data[: len(got)] = got
            total += len(got)
            if len(got) < len(data):
                break
        return self._memory.put((at, total, 4))

    def _readdir(self, fd: int, buffer: int, size: int, cookie: int, at: int) -> int:
        """As many entries as there is room for, the last one cut off."""
        entries, cookie = b"", cookie & (1 << 64) - 1
        for number, (name, inode, kind) in enumerate(self._files.entries(fd)[cookie:], cookie + 1):
            raw = name.encode()
            for value in (number, inode, len(raw) | kind << 32):
                entries += value.to_bytes(8, "little")
            entries += raw
        entries = entries[: size & 0xFFFFFFFF]
        self._memory.bytes(buffer, len(entries))[:] = entries
        return self._memory.put((at, len(entries), 4))

    def _poll(self, subscriptions: int, events: int, count: int, at: int) -> int:
        """Sleep until the first event. A descriptor is always ready."""
        if not count:
            return INVAL
        waits = [self._wait(subscriptions + 48 * i) for i in range(count & 0xFFFFFFFF)]
        if min(waits) > 0:
            time.sleep(min(min(waits), _LONGEST_SLEEP) / 1e9)
        happened = [subscriptions + 48 * i for i, wait in enumerate(waits) if wait == min(waits)]
        for i, one in enumerate(happened):
            event, kind = events + 32 * i, self._memory.get(one + 8, 1)
            self._memory.bytes(event, 32)[:] = bytes(32)
            self._memory.put((event, self._memory.get(one, 8), 8), (event + 10, kind, 1))
            self._memory.put((event + 16, int(kind != _CLOCK), 8))  # bytes, at least
        return self._memory.put((at, len(happened), 4))

    def _wait(self, at: int) -> int:
        """Nanoseconds until what a subscription is for."""
        kind, subject = self._memory.get(at + 8, 1), self._memory.get(at + 16)
        if kind > _FD_WRITE:
            raise Failed(INVAL)
        if kind != _CLOCK:
            found = self._files.get(subject)
            if kind == _FD_WRITE and found.kind == REGULAR_FILE:
                raise Failed(PERM)
            if found.kind == DIRECTORY or (found.kind == UNKNOWN and (kind == _FD_READ) != (found.host == 0)):
                raise Failed(BADF)
            return 0
        timeout, flags = self._memory.get(at + 24, 8), self._memory.get(at + 40, 2)
        if subject > 1 or flags > _ABSOLUTE:
            raise Failed(INVAL)
        if flags == _ABSOLUTE:
            timeout -= time.monotonic_ns() if subject else time.time_ns()
        return max(0, timeout)


def _check_times(flags: int) -> None:
    """A time is set to one that is given or to the present one, not to both."""
    if flags & 3 == 3 or flags & 12 == 12:
        raise Failed(INVAL)


def _numbered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with a failure as the number that it returns; nothing returned is success."""

    def call(*values: int) -> Any:
        try:
            return function(*values) or OK
        except Failed as error:
            return error.args[0]

    return call
