"""Runs a module in Wasmtime, any release from 0.40 to 50, compiled as the options say."""

import ctypes
import hashlib
import inspect
import math
import os
import re
import time
from typing import Any, Optional, Tuple

import bench
import clock
import elf
import inputs
import installed
import serve
from wasmtime_host import library, settings

_LIBRARY = os.environ.get("WASMTIME_LIBRARY")
_complete = library.take(_LIBRARY) if _LIBRARY else None
_STARTED = time.perf_counter()
import wasmtime  # noqa: E402 - the time that it takes is a fact of its own
from wasmtime import _ffi as ffi  # noqa: E402

if _complete:
    _complete()
_RUNTIME_SECONDS = time.perf_counter() - _STARTED
#: A library of the user's has a release of its own: only the proof tells it.
_VERSION = None if _LIBRARY else installed.version("wasmtime")
_WHO = "Wasmtime " + _VERSION if _VERSION else "this library of Wasmtime"
#: wasmtime_strategy_t; the package's own setter knows no Winch.
_STRATEGIES = {"cranelift": 1, "winch": 2}
#: {feature of a module: what turns it on}, each the middle of the name of a function of the C API.
_SWITCHES = {
    "atomics": ("wasm_threads", "shared_memory"),
    "custom-page-sizes": ("wasm_custom_page_sizes",),
    "exception-handling": ("wasm_exceptions",),
    "function-references": ("wasm_function_references",),
    "gc": ("wasm_function_references", "wasm_gc"),
    "memory64": ("wasm_memory64",),
    "multimemory": ("wasm_multi_memory",),
    "relaxed-simd": ("wasm_relaxed_simd",),
    "tail-call": ("wasm_tail_call",),
    "wide-arithmetic": ("wasm_wide_arithmetic",),
}
_CLOCK_TIME_GET = ("wasi_snapshot_preview1", "clock_time_get")
#: Clocks of WASI that the engine has not, and after how many questions for one a guest is ended.
_CPU_CLOCKS, _MOST_REFUSALS = (2, 3), 1000
#: Numbers of WASI's errors.
_BADF, _FAULT = 8, 21
#: More than any run burns: a unit an instruction of wasm, but for those that cost nothing.
_MOST_FUEL = 1 << 62


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        engine = _engine(options)
        started = time.perf_counter()
        module = wasmtime.Module(engine, data)
        compile_seconds = time.perf_counter() - started
    except wasmtime.WasmtimeError as error:
        raise serve.Refused(" ".join(str(error).split("Stack backtrace")[0].split()))
    timed = options.get("clock")
    if not timed and not any(export.name == "_start" for export in module.exports):
        raise serve.Refused("not a WASI command: it exports no _start")
    image = bytes(module.serialize())
    proof = _proof(image, options)
    if proof["compiler"] != options["compiler"]:
        # Releases before Winch take its number for Cranelift.
        raise serve.Unavailable("%s has no %s" % (_WHO, options["compiler"].capitalize()))
    # With Pulley this is its bytecode.
    code = elf.section(image, ".text")
    return _timed(engine, module, timed, options) if timed else _command(engine, module, options), {
        "runtime_seconds": _RUNTIME_SECONDS,
        "compile_seconds": compile_seconds,
        "code_bytes": len(code),
        "code_sha256": hashlib.sha256(code).hexdigest(),
        "version": _VERSION,
        "proof": proof,
    }


def _command(engine: wasmtime.Engine, module: wasmtime.Module, options: serve.Facts) -> serve.Run:
    usual = wasmtime.Linker(engine)
    usual.define_wasi()
    asks_for_time = any((each.module, each.name) == _CLOCK_TIME_GET for each in module.imports)
    files = options.get("files")
    read_only = _read_only()
    copy = inputs.Copy(files) if files and not read_only else None

    def run(request: serve.Facts) -> serve.Facts:
        if copy:
            copy.restore()
        begun = time.perf_counter()
        store = _store(engine, options)
        wasi = wasmtime.WasiConfig()
        wasi.argv = request["argv"]
        if "env" in options:
            wasi.env = list(options["env"].items())
        wasi.stdout_file = "/proc/self/fd/1"
        wasi.inherit_stderr()
        if "stdin" in options:
            _give_input(wasi, request.get("stdin") or options["stdin"])
        if files:
            wasi.preopen_dir(copy.path if copy else files, "/", **read_only)
        store.set_wasi(wasi)
        facts = {}  # type: serve.Facts
        watch = asks_for_time and request.get("watch_clocks", False)
        given = None
        if options.get("bench") or "speed" in request or watch:
            given = _Given(engine, store, bool(options.get("bench")), request.get("speed"), watch)
        try:
            exports = (given.linker if given else usual).instantiate(store, module).exports(store)
            start = exports["_start"]
            assert isinstance(start, wasmtime.Func)
            if given:
                given.memory = exports["memory"]
            started = time.perf_counter()
            facts["instantiate_seconds"] = started - begun
            try:
                start(store)
            finally:
                facts["wall_seconds"] = time.perf_counter() - started
                if given:
                    facts.update(given.facts())
                if options.get("fuel"):
                    facts["instructions"] = _MOST_FUEL - store.get_fuel()
        except wasmtime.ExitTrap as error:
            if error.code:
                _blame_clock(given)
                raise serve.Exit(error.code, facts)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            _blame_clock(given)
            raise _trap(str(error))
        return facts

    return run


def _store(engine: wasmtime.Engine, options: serve.Facts) -> wasmtime.Store:
    """With as much fuel, and as late a deadline, as no run needs, where the engine counts."""
    store = wasmtime.Store(engine)
    if options.get("fuel") or settings.is_on(options, "consume-fuel"):
        before_16 = not hasattr(store, "set_fuel")
        getattr(store, "add_fuel" if before_16 else "set_fuel")(_MOST_FUEL)
    if settings.is_on(options, "epoch-interruption"):
        store.set_epoch_deadline(_MOST_FUEL)
    return store


def _give_input(wasi: wasmtime.WasiConfig, path: str) -> None:
    give = getattr(ffi, "wasi_config_set_stdin_bytes", None)
    if give is None:  # before release 3
        wasi.stdin_file = path
        return
    # Of a file, releases 20 to 41 read ahead, and trap a guest that comes too early.
    with open(path, "rb") as stream:
        data = stream.read()
    content = ffi.wasm_byte_vec_t()
    array = (ffi.wasm_byte_t * len(data)).from_buffer_copy(data)
    ffi.wasm_byte_vec_new(ctypes.byref(content), len(data), array)
    give(_pointer(wasi), ctypes.byref(content))  # which takes what is in it


def _pointer(item: Any) -> Any:
    """What the package's object stands for in C: a method in newer releases, an attribute in older ones."""
    return item.ptr() if hasattr(item, "ptr") else item._ptr


def _read_only() -> serve.Facts:
    """What makes a folder read-only, in each generation of the package's call; nothing where it cannot."""
    known = inspect.signature(wasmtime.WasiConfig.preopen_dir).parameters
    if "fs_mutable" in known:
        return {"fs_mutable": False}
    if "dir_perms" in known:
        module = wasmtime  # type: Any
        return {"dir_perms": module.DirPerms.READ_ONLY, "file_perms": module.FilePerms.READ_ONLY}
    return {}


def _timed(engine: wasmtime.Engine, module: wasmtime.Module, kind: str, options: serve.Facts) -> serve.Run:
    """Runs of a module that exports ``run`` and imports ``env.clock_ms`` of this kind: see clock.py."""

    def run(request: serve.Facts) -> serve.Facts:
        begun = time.perf_counter()
        store = _store(engine, options)
        timer = clock.MillisecondClock(kind, request["speed"])
        host, _callback = _clock_ms(store, kind, timer)
        try:
            exports = wasmtime.Instance(store, module, [host]).exports(store)
            if clock.INITIALIZE in exports:
                exports[clock.INITIALIZE](store)  # type: ignore[operator]
            start = exports["run"]
            assert isinstance(start, wasmtime.Func)
            started = time.perf_counter()
            score = start(store)
            wall_seconds = time.perf_counter() - started
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise _trap(str(error))
        return {
            "wall_seconds": wall_seconds,
            "instantiate_seconds": started - begun,
            "returned": timer.returned(score),
        }

    return run


def _clock_ms(
    store: wasmtime.Store, kind: str, timer: clock.MillisecondClock
) -> Tuple[wasmtime.Func, object]:
    """The timer as a function of the host, and what must live as long as that."""
    number, value_type = {"i32": (0, wasmtime.ValType.i32), "i64": (1, wasmtime.ValType.i64)}[kind]

    @ffi.wasmtime_func_callback_t
    def callback(_env, _caller, _values, _count, results, _size):  # type: ignore
        value = timer()
        result = results[0]
        result.kind = number
        setattr(result.of, kind, value)
        return 0

    return _function(store, wasmtime.FuncType([], [value_type()]), callback), callback


class _Given:
    """Functions of ours for one run, with the engine's or in their place; ``memory`` is the guest's.

    They belong to the run's store, and cannot be taken out of a linker: so it has a linker of its own.
    """

    memory = None  # type: Any

    def __init__(
        self,
        engine: wasmtime.Engine,
        store: wasmtime.Store,
        times_part: bool,
        speed: Optional[float],
        watch: bool,
    ) -> None:
        self.refusals = 0
        self.linker = wasmtime.Linker(engine)
        self.linker.allow_shadowing = True
        self.linker.define_wasi()
        self._store = store
        self._part = bench.TimedPart()
        self._timer = None if speed is None else clock.Clock(speed)
        self._callbacks = []  # type: list[Any]  # or they are gone before they are called
        if times_part:
            self._give_part()
        if self._timer is not None:
            self._give_clock(self._timer)
        elif watch:
            self._watch_clocks()

    def facts(self) -> serve.Facts:
        """Of the run that is over."""
        found = {"bench_seconds": self._part.seconds}  # type: serve.Facts
        if self._timer is not None:
            found["returned"] = self._timer.returned(math.nan)
        return found

    def _define(self, space: str, name: str, function: Any) -> None:
        define = self.linker.define  # type: Any
        takes_store = "store" in inspect.signature(define).parameters  # since release 6
        define(*([self._store] if takes_store else []), space, name, function)

    def _give_part(self) -> None:
        for name, function in (("start", self._part.start), ("end", self._part.end)):
            # As a default, or both would be the last one.
            @ffi.wasmtime_func_callback_t
            def callback(_env, _caller, _values, _count, _results, _size, function=function):  # type: ignore
                function()
                return 0

            self._callbacks.append(callback)
            self._define(bench.NAMESPACE, name, _function(self._store, wasmtime.FuncType([], []), callback))

    def _give_clock(self, timer: clock.Clock) -> None:
        @ffi.wasmtime_func_callback_t
        def callback(_env, _caller, values, _count, results, _size):  # type: ignore
            results[0].kind = 0
            results[0].of.i32 = self._put64(values[2].of.i32, timer.wasi_ns(values[0].of.i32))
            timer.leave()
            return 0

        self._callbacks.append(callback)
        self._define(*_CLOCK_TIME_GET, _function(self._store, _of_clock_time_get(), callback))

    def _watch_clocks(self) -> None:
        """Answer as the engine does, and note what it refuses."""

        def time_get(number: int, _precision: int, at: int) -> int:
            if number not in _CPU_CLOCKS:
                return self._put64(at, (time.monotonic_ns if number else time.time_ns)())
            self.refusals += 1
            if self.refusals > _MOST_REFUSALS:  # it waits for what does not come
                _blame_clock(self)
            return _BADF

        self._define(*_CLOCK_TIME_GET, wasmtime.Func(self._store, _of_clock_time_get(), time_get))

    def _put64(self, at: int, value: int) -> int:
        """Write a number into the guest's memory; the number of an error where it has no such place."""
        at &= 0xFFFFFFFF
        # One that threads may share belongs to no store.
        store = [self._store] if isinstance(self.memory, wasmtime.Memory) else []
        if at + 8 > self.memory.data_len(*store):
            return _FAULT
        where = ctypes.addressof(self.memory.data_ptr(*store).contents) + at
        ctypes.memmove(where, value.to_bytes(8, "little"), 8)
        return 0


def _of_clock_time_get() -> wasmtime.FuncType:
    i32, i64 = wasmtime.ValType.i32, wasmtime.ValType.i64
    return wasmtime.FuncType([i32(), i64(), i32()], [i32()])


def _blame_clock(given: Optional[_Given]) -> None:
    """Raises Unavailable where the engine has refused the guest a clock."""
    if given and given.refusals:
        raise serve.Unavailable("needs the CPU-time clock, which Wasmtime does not have")


def _function(store: wasmtime.Store, signature: wasmtime.FuncType, callback: Any) -> wasmtime.Func:
    """A function of the host.

    By the C API: what the package's own functions do around a call takes some 10 us of the guest's time.
    """
    context = store._context() if callable(store._context) else store._context
    function = ffi.wasmtime_func_t()
    no_finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)()
    ffi.wasmtime_func_new(context, _pointer(signature), callback, None, no_finalizer, ctypes.byref(function))
    return wasmtime.Func._from_raw(function)


def _engine(options: serve.Facts) -> wasmtime.Engine:
    """The engine that the options describe; raises serve.Unavailable where this release has none such."""
    for name, value in options.get("settings", {}).items():
        if _aborts(dict(options, features=[], settings={name: value})) and not _aborts(
            dict(options, features=[], settings={})
        ):
            raise serve.Unavailable("%s refuses %s=%s" % (_WHO, name, value))
    plain = options["compiler"] == "cranelift" and "target" not in options
    features = options.get("features")
    bare = dict(options, features=[])
    if features and _aborts(options) and not _aborts(bare):
        raise serve.Refused("this engine cannot turn on %s" % ", ".join(features))
    if not plain and _aborts(bare):
        wanted = str(options.get("target") or options["compiler"]).capitalize()
        raise serve.Unavailable("%s has no %s" % (_WHO, wanted))
    return wasmtime.Engine(_config(options))


def _config(options: serve.Facts) -> wasmtime.Config:
    config = wasmtime.Config()
    pointer = _pointer(config)
    ffi.wasmtime_config_strategy_set(pointer, _STRATEGIES[options["compiler"]])
    for feature in options.get("features", ()):
        for name in _SWITCHES[feature]:
            switch = getattr(ffi.dll, "wasmtime_config_%s_set" % name, None)
            if switch is not None:  # a release without it has not the feature, or not without being asked
                switch.argtypes, switch.restype = [ctypes.c_void_p, ctypes.c_bool], None
                switch(ctypes.cast(pointer, ctypes.c_void_p), True)
    _set_stack(pointer, serve.engine_stack())
    if options.get("fuel"):
        config.consume_fuel = True
    settings.apply(ffi, pointer, options.get("settings", {}), _WHO)
    if "opt_level" in options:
        config.cranelift_opt_level = options["opt_level"]
    if "target" in options:
        # The library has it in releases whose package does not.
        target_set = getattr(ffi.dll, "wasmtime_config_target_set", None)
        if target_set is None:
            raise serve.Unavailable("%s has no choice of a target" % _WHO)
        target_set.argtypes, target_set.restype = [ctypes.c_void_p, ctypes.c_char_p], ctypes.c_void_p
        if target_set(ctypes.cast(pointer, ctypes.c_void_p), options["target"].encode()):
            raise serve.Unavailable("%s does not know %s" % (_WHO, options["target"]))
    return config


def _set_stack(pointer: Any, size: int) -> None:
    """How much of the thread's stack a guest may use, in bytes."""
    # Some releases want the stack of asynchronous calls, of which there are none, to be as large.
    of_calls = getattr(ffi.dll, "wasmtime_config_async_stack_size_set", None)
    if of_calls is not None:
        of_calls.argtypes, of_calls.restype = [ctypes.c_void_p, ctypes.c_uint64], None
        of_calls(ctypes.cast(pointer, ctypes.c_void_p), size)
    ffi.wasmtime_config_max_wasm_stack_set(pointer, size)


def _aborts(options: serve.Facts) -> bool:
    """Whether asking for such an engine ends the process, as it does in releases built without it."""
    _config(options)  # raises what can be found out here
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            wasmtime.Engine(_config(options))
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def _proof(image: bytes, options: serve.Facts) -> serve.Facts:
    """What the compiled module shows of the compiler that made it.

    Wasmtime writes its release, the target and the code generator's settings into the image: "opt_level", 0,
    the value's length, the value, with numbers of 1 byte, before release 25 of 4 and 8 bytes. Its calling
    convention tells Winch: an engine of Cranelift refuses such an image.
    """
    try:
        settings = elf.section(image, ".wasmtime.engine")
    except ValueError:  # until release 1 they follow the ELF image
        settings = image[image.index(b"\0wasmtime-aot") :]
    target = _found(rb"[a-z0-9_]+-[a-z]+-[a-z]+(-[a-z]+)?", settings)
    proof = {
        "compiler": _compiler(image, options),
        "release": _found(rb"\d+(\.\d+)*", settings),
        "target": target,
        "code": target.split("-")[0] if target.startswith("pulley") else "machine",
    }
    level = re.search(rb"opt_level(?:\0(.)|\0{4}(.)\0{7})([a-z_]+)", settings, re.DOTALL)
    if level and proof["compiler"] == "cranelift":  # Winch has no levels
        proof["opt_level"] = level[3][: (level[1] or level[2])[0]].decode()
    return proof


def _found(pattern: bytes, settings: bytes) -> str:
    found = re.search(pattern, settings)
    return found[0].decode() if found else ""


def _compiler(image: bytes, options: serve.Facts) -> str:
    engine = wasmtime.Engine(_config(dict(options, compiler="cranelift")))
    try:
        wasmtime.Module.deserialize(engine, image)
    except wasmtime.WasmtimeError as error:
        return "winch" if "compiled with Winch calling convention" in str(error) else "unknown"
    return "cranelift"


def _trap(message: str) -> serve.Trap:
    """Its cause, which is after the backtrace, in older releases before it, and the functions' names."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("wasm trap:")]
    frames = [re.match(r"\d+:\s+0x[0-9a-f]+ - (?:[^!]*!)?(.+)", line) for line in lines]
    return serve.Trap((named or lines or ["trap"])[-1], [frame[1] for frame in frames if frame])


if __name__ == "__main__":
    serve.serve(load)
