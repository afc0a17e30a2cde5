"""WASI preview 1 for wasm3: functions in Python that pywasm3 links to a module."""

import os
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from wasm3_files import BADF, DIRECTORY, INVAL, NOSYS, OK, REGULAR_FILE, ROFS, Failed, Files

_IO, _NAMETOOLONG = 29, 37
_CLOCKS = (time.time_ns, time.monotonic_ns, time.process_time_ns, time.thread_time_ns)


#: What would change a file, and what there is none of, with their signatures.
_CHANGES = {
    "fd_allocate": "i(iII)",
    "fd_filestat_set_size": "i(iI)",
    "fd_filestat_set_times": "i(iIIi)",
    "path_create_directory": "i(iii)",
    "path_filestat_set_times": "i(iiiiIIi)",
    "path_link": "i(iiiiiii)",
    "path_remove_directory": "i(iii)",
    "path_rename": "i(iiiiii)",
    "path_symlink": "i(iiiii)",
    "path_unlink_file": "i(iii)",
}
_MISSING = {
    "fd_advise": "i(iIIi)",
    "fd_datasync": "i(i)",
    "fd_fdstat_set_rights": "i(iII)",
    "fd_pwrite": "i(iiiIi)",
    "fd_readdir": "i(iiiIi)",
    "fd_renumber": "i(ii)",
    "fd_sync": "i(i)",
    "path_readlink": "i(iiiiii)",
    "poll_oneoff": "i(iiii)",
    "proc_raise": "i(i)",
    "sock_accept": "i(iii)",
    "sock_recv": "i(iiiiii)",
    "sock_send": "i(iiiii)",
    "sock_shutdown": "i(ii)",
}


class Wasi:
    """What the guest may ask for: arguments, environment, the time, random bytes, input, output, files."""

    def __init__(
        self,
        argv: List[str],
        contents: Optional[Dict[str, bytes]] = None,
        env: Optional[Dict[str, str]] = None,
    ) -> None:
        self._argv = [word.encode() + b"\0" for word in argv]
        self._env = [("%s=%s" % item).encode() + b"\0" for item in (env or {}).items()]
        self._files = Files(contents)
        self._runtime = None  # type: Any
        self.exit_code = None  # type: Optional[int]

    def link(self, module: Any, runtime: Any) -> None:
        self._runtime = runtime
        functions = {
            "args_get": ("i(ii)", lambda *at: self._texts_get(self._argv, *at)),
            "args_sizes_get": ("i(ii)", lambda *at: self._text_sizes_get(self._argv, *at)),
            "clock_res_get": ("i(ii)", lambda clock, at: self._put((at, 1, 8))),
            "clock_time_get": ("i(iIi)", self._clock_time_get),
            "environ_get": ("i(ii)", lambda *at: self._texts_get(self._env, *at)),
            "environ_sizes_get": ("i(ii)", lambda *at: self._text_sizes_get(self._env, *at)),
            "fd_write": ("i(iiii)", self._fd_write),
            "proc_exit": ("v(i)", self._proc_exit),
            "random_get": ("i(ii)", self._random_get),
            "sched_yield": ("i()", lambda: OK),
        }  # type: Dict[str, Tuple[str, Callable[..., Any]]]
        of_files = {
            "fd_close": ("i(i)", self._fd_close),
            "fd_fdstat_get": ("i(ii)", self._fd_fdstat_get),
            "fd_fdstat_set_flags": ("i(ii)", self._fd_fdstat_set_flags),
            "fd_filestat_get": ("i(ii)", self._fd_filestat_get),
            "fd_pread": ("i(iiiIi)", self._fd_pread),
            "fd_prestat_dir_name": ("i(iii)", self._fd_prestat_dir_name),
            "fd_prestat_get": ("i(ii)", self._fd_prestat_get),
            "fd_read": ("i(iiii)", self._fd_read),
            "fd_seek": ("i(iIii)", self._fd_seek),
            "fd_tell": ("i(ii)", lambda fd, at: self._fd_seek(fd, 0, 1, at)),
            "path_filestat_get": ("i(iiiii)", self._path_filestat_get),
            "path_open": ("i(iiiiiIIii)", self._path_open),
        }  # type: Dict[str, Tuple[str, Callable[..., Any]]]
        functions.update((name, (signature, _numbered(call))) for name, (signature, call) in of_files.items())
        functions.update((name, (signature, lambda *_: ROFS)) for name, signature in _CHANGES.items())
        functions.update((name, (signature, lambda *_: NOSYS)) for name, signature in _MISSING.items())
        for name, (signature, function) in functions.items():
            module.link_function("wasi_snapshot_preview1", name, signature, function)

    def _bytes(self, at: int, size: int) -> memoryview:
        """The guest's memory there; an exception, which is a trap, where it has none."""
        at, size = at & 0xFFFFFFFF, size & 0xFFFFFFFF
        memory = self._runtime.get_memory(0)  # each time: it moves when it grows
        if at + size > len(memory):
            raise IndexError("the guest names memory that it does not have")
        return memory[at : at + size]  # type: ignore[no-any-return]

    def _put(self, *values: Tuple[int, int, int]) -> int:
        for at, value, size in values:
            self._bytes(at, size)[:] = value.to_bytes(size, "little")
        return OK

    def _get(self, at: int) -> int:
        return int.from_bytes(self._bytes(at, 4), "little")

    def _text_sizes_get(self, texts: List[bytes], count: int, size: int) -> int:
        return self._put((count, len(texts), 4), (size, sum(map(len, texts)), 4))

    def _texts_get(self, texts: List[bytes], pointers: int, buffer: int) -> int:
        for i, word in enumerate(texts):
            self._put((pointers + 4 * i, buffer & 0xFFFFFFFF, 4))
            self._bytes(buffer, len(word))[:] = word
            buffer += len(word)
        return OK

    def _clock_time_get(self, clock: int, _precision: int, at: int) -> int:
        return self._put((at, _CLOCKS[clock](), 8)) if 0 <= clock < len(_CLOCKS) else INVAL

    def _random_get(self, at: int, size: int) -> int:
        self._bytes(at, size)[:] = os.urandom(size & 0xFFFFFFFF)
        return OK

    def _fd_close(self, fd: int) -> int:
        self._files.close(fd)
        return OK

    def _fd_fdstat_get(self, fd: int, at: int) -> int:
        kind, rights = self._files.kind(fd), self._files.rights(fd)
        return self._put((at, kind, 8), (at + 8, rights, 8), (at + 16, rights if kind == DIRECTORY else 0, 8))

    def _fd_fdstat_set_flags(self, fd: int, _flags: int) -> int:
        self._files.kind(fd)
        return OK

    def _fd_filestat_get(self, fd: int, at: int) -> int:
        kind = self._files.kind(fd)
        return self._put_status(at, kind, self._files.file(fd).name if kind == REGULAR_FILE else None)

    def _path_filestat_get(self, fd: int, _flags: int, path: int, size: int, at: int) -> int:
        name = self._files.find(fd, self._path(path, size))
        return self._put_status(at, DIRECTORY if name is None else REGULAR_FILE, name)

    def _put_status(self, at: int, kind: int, name: Optional[str]) -> int:
        # No device, one link, and no time.
        self._bytes(at, 64)[:] = bytes(64)
        inode, size = (0, 0) if name is None else (self._files.inode(name), self._files.size(name))
        return self._put((at + 8, inode, 8), (at + 16, kind, 1), (at + 24, 1, 8), (at + 32, size, 8))

    def _fd_prestat_get(self, fd: int, at: int) -> int:
        if self._files.kind(fd) != DIRECTORY:
            return BADF
        return self._put((at, 0, 4), (at + 4, 1, 4))  # a folder, with a name of one byte

    def _fd_prestat_dir_name(self, fd: int, at: int, size: int) -> int:
        if self._files.kind(fd) != DIRECTORY:
            return BADF
        return self._put((at, ord("/"), 1)) if size else _NAMETOOLONG

    def _path(self, at: int, size: int) -> str:
        return self._bytes(at, size).tobytes().decode("utf-8", "replace")

    def _path_open(self, fd: int, _: int, path: int, size: int, flags: int, rights: int, *others: int) -> int:
        at = others[-1]
        return self._put((at, self._files.open(fd, self._path(path, size), flags, rights), 4))

    def _fd_seek(self, fd: int, offset: int, whence: int, at: int) -> int:
        return self._put((at, self._files.seek(fd, offset, whence), 8))

    def _fd_read(self, fd: int, vectors: int, count: int, at: int) -> int:
        total = 0
        for data in self._vectors(vectors, count):
            got = self._files.read(fd, len(data))
            data[: len(got)] = got
            total += len(got)
            if len(got) < len(data):
                break
        return self._put((at, total, 4))

    def _fd_pread(self, fd: int, vectors: int, count: int, position: int, at: int) -> int:
        total = 0
        for data in self._vectors(vectors, count):
            got = self._files.read(fd, len(data), (position & 0xFFFFFFFFFFFFFFFF) + total)
            data[: len(got)] = got
            total += len(got)
        return self._put((at, total, 4))

    def _vectors(self, at: int, count: int) -> List[memoryview]:
        each = range(at, at + 8 * count, 8)
        return [self._bytes(self._get(vector), self._get(vector + 4)) for vector in each]

    def _fd_write(self, fd: int, vectors: int, count: int, at: int) -> int:
        if fd not in (1, 2):
            return BADF
        total = 0
        for data in self._vectors(vectors, count):
            done = 0
            try:
                while done < len(data):
                    done += os.write(fd, data[done:])
            except OSError:  # the file is as large as the parent allows
                return _IO
            total += len(data)
        return self._put((at, total, 4))

    def _proc_exit(self, code: int) -> None:
        self.exit_code = code & 0xFFFFFFFF
        raise SystemExit  # unwinds the guest


def _numbered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with a failure as the number that it returns."""

    def call(*values: int) -> Any:
        try:
            return function(*values)
        except Failed as error:
            return error.args[0]

    return call
