"""A bare script for any program: wasmtime's own API and a native process in turn, nothing of the project.

    python bare_program.py MODULE NATIVE PAIRS PROCESSOR < DESCRIPTION

The description is JSON: {"args": […], "stdin": path, "files": folder or null, "env": {…}, "status": number}.
Prints JSON: [[runs/s, native runs/s, CPU share, native CPU share], …], by the host's clock around each run.
"""

import json
import os
import sys
import tempfile
import time

import wasmtime


def in_wasmtime(path, given):
    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, path)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()

    def run():
        store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.argv = given["args"]
        wasi.env = list(given["env"].items())
        wasi.stdin_file = given["stdin"]
        wasi.stdout_file = "/proc/self/fd/1"
        if given["files"]:
            wasi.preopen_dir(given["files"], "/")
        store.set_wasi(wasi)
        try:
            linker.instantiate(store, module).exports(store)["_start"](store)
        except wasmtime.ExitTrap as error:
            return 0, error.code
        return 0, 0

    return run


def in_process(path, given):
    def run():
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(given["stdin"], os.O_RDONLY), 0)
            os.chdir(given["files"] or "/")
            os.execve(path, given["args"], given["env"])
        _, status, usage = os.wait4(pid, 0)
        return usage.ru_utime + usage.ru_stime, os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1

    return run


def timed(run, given):
    """(runs/s, CPU share) of one run."""
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    wall, cpu = time.perf_counter(), time.process_time()
    child, status = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu + child
    assert status == given["status"], status
    return 1 / wall, cpu / wall


def main():
    module, native, pairs, processor = sys.argv[1:]
    given = json.load(sys.stdin)
    answers = os.dup(1)
    with tempfile.TemporaryFile() as output:
        os.dup2(output.fileno(), 1)
    runs = [in_wasmtime(module, given), in_process(native, given)]
    os.sched_setaffinity(0, {int(processor)})
    for run in runs * 3:
        timed(run, given)
    rows = []
    for pair in range(int(pairs)):
        order = (0, 1) if pair % 2 == 0 else (1, 0)
        found = {i: timed(runs[i], given) for i in order}
        rows.append([found[0][0], found[1][0], found[0][1], found[1][1]])
    os.write(answers, json.dumps(rows).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
