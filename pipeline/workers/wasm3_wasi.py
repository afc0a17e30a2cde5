"""WASI preview 1 for wasm3: functions in Python that pywasm3 links to a module."""

import os
import time
from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401

_OK, _BADF, _INVAL, _IO, _NOSYS, _SPIPE = 0, 8, 28, 29, 52, 70
_CLOCKS = (time.time_ns, time.monotonic_ns, time.process_time_ns, time.thread_time_ns)


class Wasi:
    """What the guest may ask: its arguments, the time, random bytes and to write to standard output."""

    def __init__(self, argv: List[str]) -> None:
        self._argv = [word.encode() + b"\0" for word in argv]
        self._runtime = None  # type: Any
        self.exit_code = None  # type: Optional[int]

    def link(self, module: Any, runtime: Any) -> None:
        self._runtime = runtime
        bad = lambda *_: _BADF  # noqa: E731
        functions = {
            "args_get": ("i(ii)", self._args_get),
            "args_sizes_get": ("i(ii)", self._args_sizes_get),
            "clock_res_get": ("i(ii)", lambda clock, at: self._put((at, 1, 8))),
            "clock_time_get": ("i(iIi)", self._clock_time_get),
            "environ_get": ("i(ii)", lambda *_: _OK),
            "environ_sizes_get": ("i(ii)", lambda count, size: self._put((count, 0, 4), (size, 0, 4))),
            "fd_close": ("i(i)", self._standard(_OK)),
            "fd_fdstat_get": ("i(ii)", self._fd_fdstat_get),
            "fd_fdstat_set_flags": ("i(ii)", self._standard(_OK)),
            "fd_filestat_get": ("i(ii)", bad),
            "fd_prestat_dir_name": ("i(iii)", bad),
            "fd_prestat_get": ("i(ii)", bad),
            "fd_read": ("i(iiii)", lambda fd, _vectors, _count, at: _BADF if fd else self._put((at, 0, 4))),
            "fd_seek": ("i(iIii)", self._standard(_SPIPE)),
            "fd_write": ("i(iiii)", self._fd_write),
            "path_filestat_get": ("i(iiiii)", bad),
            "path_open": ("i(iiiiiIIii)", bad),
            "poll_oneoff": ("i(iiii)", lambda *_: _NOSYS),
            "proc_exit": ("v(i)", self._proc_exit),
            "random_get": ("i(ii)", self._random_get),
            "sched_yield": ("i()", lambda: _OK),
        }  # type: Dict[str, Tuple[str, Callable[..., Any]]]
        for name, (signature, function) in functions.items():
            module.link_function("wasi_snapshot_preview1", name, signature, function)

    @staticmethod
    def _standard(answer: int) -> Callable[..., int]:
        return lambda fd, *_: answer if 0 <= fd <= 2 else _BADF

    def _bytes(self, at: int, size: int) -> memoryview:
        """The guest's memory there; an exception, which is a trap, where it has none."""
        at, size = at & 0xFFFFFFFF, size & 0xFFFFFFFF
        memory = self._runtime.get_memory(0)  # anew: it moves when it grows
        if at + size > len(memory):
            raise IndexError("the guest names memory that it does not have")
        return memory[at : at + size]  # type: ignore[no-any-return]

    def _put(self, *values: Tuple[int, int, int]) -> int:
        for at, value, size in values:
            self._bytes(at, size)[:] = value.to_bytes(size, "little")
        return _OK

    def _get(self, at: int) -> int:
        return int.from_bytes(self._bytes(at, 4), "little")

    def _args_sizes_get(self, count: int, size: int) -> int:
        return self._put((count, len(self._argv), 4), (size, sum(map(len, self._argv)), 4))

    def _args_get(self, argv: int, buffer: int) -> int:
        for i, word in enumerate(self._argv):
            self._put((argv + 4 * i, buffer & 0xFFFFFFFF, 4))
            self._bytes(buffer, len(word))[:] = word
            buffer += len(word)
        return _OK

    def _clock_time_get(self, clock: int, _precision: int, at: int) -> int:
        return self._put((at, _CLOCKS[clock](), 8)) if 0 <= clock < len(_CLOCKS) else _INVAL

    def _random_get(self, at: int, size: int) -> int:
        self._bytes(at, size)[:] = os.urandom(size & 0xFFFFFFFF)
        return _OK

    def _fd_fdstat_get(self, fd: int, at: int) -> int:
        if not 0 <= fd <= 2:
            return _BADF
        # A character device, so that nobody seeks; the right to write, or to read.
        return self._put((at, 2, 8), (at + 8, 1 << 6 if fd else 1 << 1, 8), (at + 16, 0, 8))

    def _fd_write(self, fd: int, vectors: int, count: int, at: int) -> int:
        if fd not in (1, 2):
            return _BADF
        total = 0
        for i in range(count):
            data = self._bytes(self._get(vectors + 8 * i), self._get(vectors + 8 * i + 4))
            done = 0
            try:
                while fd == 1 and done < len(data):
                    done += os.write(1, data[done:])
            except OSError:  # the file is as large as the parent allows
                return _IO
            total += len(data)
        return self._put((at, total, 4))

    def _proc_exit(self, code: int) -> None:
        self.exit_code = code & 0xFFFFFFFF
        raise SystemExit  # unwinds the guest
