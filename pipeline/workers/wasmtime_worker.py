"""Runs a module in Wasmtime, compiled by the strategy and level that the options name."""

import re
import time
from importlib import metadata
from typing import Tuple

import elf
import serve
import wasmtime


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    config = wasmtime.Config()
    config.cranelift_opt_level = options["opt_level"]
    engine = wasmtime.Engine(config)
    with open(path, "rb") as stream:
        data = stream.read()
    started = time.perf_counter()
    try:
        module = wasmtime.Module(engine, data)
    except wasmtime.WasmtimeError as error:
        raise serve.Refused(str(error).splitlines()[0]) from None
    compile_seconds = time.perf_counter() - started
    if not any(export.name == "_start" for export in module.exports):
        raise serve.Refused("not a WASI command: it exports no _start")
    image = bytes(module.serialize())
    linker = wasmtime.Linker(engine)
    linker.define_wasi()

    def run(request: serve.Facts) -> serve.Facts:
        store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.argv = request["argv"]
        wasi.stdout_file = "/proc/self/fd/1"
        store.set_wasi(wasi)
        try:
            instance = linker.instantiate(store, module)
            start = instance.exports(store)["_start"]
            assert isinstance(start, wasmtime.Func)
            started = time.perf_counter()
            start(store)
            return {"wall_seconds": time.perf_counter() - started}
        except wasmtime.ExitTrap as error:
            if error.code:
                raise serve.Exit(error.code) from None
            return {}
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise serve.Trap(_reason(str(error))) from None

    return run, {
        "compile_seconds": compile_seconds,
        "code_bytes": len(elf.section(image, ".text")),
        "version": metadata.version("wasmtime"),
        "proof": _proof(image),
    }


def _proof(image: bytes) -> serve.Facts:
    """What the compiled module itself says of the compiler that made it.

    Wasmtime writes the settings of the code generator into the image, and refuses an image whose
    settings differ from the engine's: (length, name, 0, length, value) for each named choice.
    """
    engine = elf.section(image, ".wasmtime.engine")
    choices = {}  # type: serve.Facts
    for name in (b"opt_level", b"regalloc_algorithm"):
        found = re.search(re.escape(bytes([len(name)]) + name + b"\0") + b"(.)([a-z_]+)", engine)
        if found:
            choices[name.decode()] = found[2][: found[1][0]].decode()
    triple = re.search(rb"[a-z0-9_]+-[a-z]+-[a-z]+-[a-z]+", engine)
    # Only Cranelift has a register allocator to choose.
    compiler = "cranelift" if "regalloc_algorithm" in choices else "unknown"
    return dict(choices, compiler=compiler, target=triple[0].decode() if triple else None)


def _reason(message: str) -> str:
    """The cause of a trap: the last line of Wasmtime's message, after the backtrace."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1] if lines else "trap"


if __name__ == "__main__":
    serve.serve(load)
