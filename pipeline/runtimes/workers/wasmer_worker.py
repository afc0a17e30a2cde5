"""Runs a module in Wasmer 1.1, compiled by the compiler package that the options name.

Runs on CPython 3.7 to 3.10, the only ones that this release has wheels for.
"""

import ctypes
import importlib
import os
import re
import sys
import time
from typing import Any, Callable, Tuple

import bench
import clock
import elf
import inputs
import serve
from no_terminal import without_terminal

#: Of a trap's backtrace: the name of a function.
_FRAME = re.compile(r"\s+at (.+) \(")
#: Reads standard input to its end.
_READER = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 65536))
    (loop $again
      (i32.store (i32.const 8) (i32.const 0))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (i32.load (i32.const 8))))))"""


def _import_compiler(compiler: str) -> Any:
    if compiler == "llvm":
        # Its version table still names libtinfo.so.5, while the bundled file was renamed: since
        # glibc 2.36 that does not load unless an object of this name is known already. The parent
        # puts a folder with such a link on LD_LIBRARY_PATH.
        try:
            ctypes.CDLL("libtinfo.so.5")
        except OSError:
            pass  # older loaders do not need it
    return importlib.import_module("wasmer_compiler_" + compiler)


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    started = time.perf_counter()
    compiler = _import_all(options["compiler"])
    runtime_seconds = time.perf_counter() - started
    import wasmer
    from wasmer import wasi

    store = wasmer.Store(wasmer.engine.JIT(compiler.Compiler))
    with open(path, "rb") as stream:
        data = stream.read()
    timed = options.get("clock")
    if not timed:
        data = without_terminal(data)
    before = elf.executable_bytes()
    started = time.perf_counter()
    module = _compile(store, data)
    compile_seconds = time.perf_counter() - started
    code_bytes = elf.executable_bytes() - before
    # Strictly: with no imports but WASI's.
    version = None if timed else wasi.get_version(module, strict=not options.get("bench"))
    if not timed and not module.imports:
        version = wasi.Version.SNAPSHOT1  # as good as any
    if not timed and (version is None or not any(export.name == "_start" for export in module.exports)):
        raise serve.Refused("not a WASI command: no WASI imports or no export _start")
    run = _timed(store, module, timed) if timed else _command(store, module, version, options)
    return run, {
        "runtime_seconds": runtime_seconds,
        "compile_seconds": compile_seconds,
        "code_bytes": code_bytes,
        "version": wasmer.__version__,
        "proof": {"compiler": store.compiler_name, "engine": store.engine_name},
    }


def _import_all(compiler: str) -> Any:
    """Import the runtime and the compiler; raises Unavailable where PyPI has only a stub of them."""
    try:
        package = _import_compiler(compiler)
        importlib.import_module("wasmer")
        return package
    except ImportError as error:
        if "is not available on this system" not in str(error):
            raise
        # A stub, which PyPI has for every version without a wheel.
        python = "%d.%d" % sys.version_info[:2]
        raise serve.Unavailable("this release does not run on CPython %s: %s" % (python, error))


def _compile(store: Any, data: bytes) -> Any:
    import wasmer

    try:
        return wasmer.Module(store, data)
    except RuntimeError as error:
        raise serve.Refused(str(error))
    except BaseException as error:
        # A fault of this release's compiler, not of the module: Cranelift's on some SIMD code.
        if type(error).__name__ != "PanicException":
            raise
        raise serve.Unavailable("this release's compiler panics on the module: %s" % error)


def _timed(store: Any, module: Any, kind: str) -> serve.Run:
    """Runs of a module that exports ``run``, on a clock of this worker."""

    def run(request: serve.Facts) -> serve.Facts:
        timer = clock.MillisecondClock(kind, request["speed"])
        score, facts = _call(module, _clock_only(store, kind, timer), "run")
        return dict(facts, returned=timer.returned(score))

    return run


def _command(store: Any, module: Any, version: Any, options: serve.Facts) -> serve.Run:
    """Runs of a WASI command."""
    from wasmer import wasi

    # This release gives a guest a folder only to read and write.
    copy = inputs.Copy(options["files"]) if "files" in options else None
    forget_input = _reader(store) if "stdin" in options else lambda: None

    def run(request: serve.Facts) -> serve.Facts:
        argv = request["argv"]
        state = wasi.StateBuilder(argv[0]).arguments(argv[1:]).environments(options.get("env", {}))
        if copy:
            copy.restore()
            state.map_directory("/", copy.path)
        environment = state.finalize()
        imports = environment.generate_import_object(store, version)
        part = bench.TimedPart()
        if options.get("bench"):
            _give_part(imports, store, part)
        try:
            facts = _call(module, imports, "_start")[1]
        except serve.Exit as error:
            error.facts["bench_seconds"] = part.seconds
            raise
        finally:
            forget_input()
        return dict(facts, bench_seconds=part.seconds)

    return run


def _give_part(imports: Any, store: Any, part: bench.TimedPart) -> None:
    import wasmer

    kind = wasmer.FunctionType([], [])
    # It takes no bound methods.
    functions = {"start": lambda: part.start(), "end": lambda: part.end()}
    given = {name: wasmer.Function(store, function, kind) for name, function in functions.items()}
    imports.register(bench.NAMESPACE, given)


def _call(module: Any, imports: Any, name: str) -> Tuple[Any, serve.Facts]:
    import wasmer

    facts = {}  # type: serve.Facts
    try:
        begun = time.perf_counter()
        exports = wasmer.Instance(module, imports).exports
        if name == "run" and any(export.name == clock.INITIALIZE for export in module.exports):
            getattr(exports, clock.INITIALIZE)()
        start = getattr(exports, name)
        started = time.perf_counter()
        facts["instantiate_seconds"] = started - begun
        try:
            return start(), facts
        finally:
            facts["wall_seconds"] = time.perf_counter() - started
    except RuntimeError as error:
        raise _ended(str(error), facts)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise serve.Trap("a panic of Wasmer's own: %s" % error)


def _reader(store: Any) -> Callable[[], None]:
    """A function that drops what the runtime has read ahead: the next guest would be given it."""
    import wasmer
    from wasmer import wasi

    module = wasmer.Module(store, wasmer.wat2wasm(_READER))

    def read() -> None:
        serve.set_input(os.devnull)
        imports = wasi.StateBuilder("reader").finalize().generate_import_object(store, wasi.Version.SNAPSHOT1)
        wasmer.Instance(module, imports).exports._start()

    return read


def _clock_only(store: Any, kind: str, timer: clock.MillisecondClock) -> Any:
    """The imports of a module that exports ``run``: see clock.py."""
    import wasmer

    result = {"i32": wasmer.Type.I32, "i64": wasmer.Type.I64}[kind]
    imports = wasmer.ImportObject()
    imports.register("env", {"clock_ms": wasmer.Function(store, timer, wasmer.FunctionType([], [result]))})
    return imports


def _ended(message: str, facts: serve.Facts) -> Exception:
    """What Wasmer's one kind of error stands for: an exit status or a trap."""
    marker = "WASI exited with code: "
    if marker in message:
        digits = message.split(marker, 1)[1].split()[0]
        return serve.Exit(int(digits), facts)
    lines = message.splitlines()
    frames = [_FRAME.match(line) for line in lines]
    return serve.Trap(lines[0] if lines else "trap", [frame[1] for frame in frames if frame])


if __name__ == "__main__":
    serve.serve(load)
