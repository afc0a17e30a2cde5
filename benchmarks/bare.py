"""A bare script: a runtime's own API and a native process in alternating chunks, nothing of the project.

    python bare.py RUNTIME MODULE NATIVE PAIRS CHUNK_SECONDS PROCESSOR

Prints JSON: [[score, native score, CPU share, native CPU share], ...]. Runs on any CPython from 3.7 on,
under the interpreter that has the runtime; its own argument parsing, timing and output reading.
"""

import json
import os
import re
import sys
import tempfile
import time


def wasmtime_cranelift(module_path):
    import wasmtime

    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, module_path)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()

    def run(argv):
        store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.argv = argv
        wasi.stdout_file = "/proc/self/fd/1"
        store.set_wasi(wasi)
        try:
            linker.instantiate(store, module).exports(store)["_start"](store)
        except wasmtime.ExitTrap:
            pass

    return run


def wasmer_llvm(module_path):
    import ctypes

    try:
        ctypes.CDLL("libtinfo.so.5")
    except OSError:
        pass
    import wasmer
    import wasmer_compiler_llvm

    store = wasmer.Store(wasmer.engine.JIT(wasmer_compiler_llvm.Compiler))
    with open(module_path, "rb") as stream:
        module = wasmer.Module(store, stream.read())
    version = wasmer.wasi.get_version(module, strict=True)

    def run(argv):
        builder = wasmer.wasi.StateBuilder(argv[0])
        imports = builder.arguments(argv[1:]).finalize().generate_import_object(store, version)
        try:
            wasmer.Instance(module, imports).exports._start()
        except RuntimeError:
            pass

    return run


def native(path):
    def run(argv):
        pid = os.fork()
        if pid == 0:
            os.execve(path, argv, {})
        _, status, usage = os.wait4(pid, 0)
        assert status == 0
        return usage.ru_utime + usage.ru_stime

    return run


def chunk(run, iterations):
    """(score, CPU share) of one run, from what the guest printed."""
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    wall, cpu = time.perf_counter(), time.process_time()
    child = run(["coremark", "0", "0", "0x66", str(iterations)])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu + (child or 0)
    text = os.pread(1, 4096, 0).decode()
    return iterations / float(re.search(r"Total time \(secs\): (\S+)", text)[1]), cpu / wall


def main():
    runtime, module, reference, pairs, seconds, processor = sys.argv[1:]
    answers = os.dup(1)
    with tempfile.TemporaryFile() as output:
        os.dup2(output.fileno(), 1)
    guests = [globals()[runtime](module), native(reference)]
    counts = []
    for guest in guests:
        iterations = 50
        for _ in range(6):
            iterations = max(1, round(chunk(guest, iterations)[0] * float(seconds)))
        counts.append(iterations)
    os.sched_setaffinity(0, {int(processor)})
    rows = []
    for pair in range(int(pairs)):
        order = (0, 1) if pair % 2 == 0 else (1, 0)
        found = {i: chunk(guests[i], counts[i]) for i in order}
        rows.append([found[0][0], found[1][0], found[0][1], found[1][1]])
    os.write(answers, json.dumps(rows).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
