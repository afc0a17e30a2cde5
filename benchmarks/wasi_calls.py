"""What a call of WASI costs under each backend, ns: a write of one byte, and a look at the clock.

Usage: python benchmarks/wasi_calls.py [BACKEND …]    (after doit run build and doit run runtime)

Two runs of different length are subtracted, so that starting is not counted; the quickest of some tries
counts. The host's clock measures. Under native code the same calls are system calls and a C library's clock.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipeline.core import paths  # noqa: E402 - found by the line above
from pipeline.experiment import matrix  # noqa: E402
from pipeline.runtimes.backends import discover  # noqa: E402
from pipeline.runtimes.launch import start  # noqa: E402
from pipeline.runtimes.worker_process import Worker  # noqa: E402
from toolchain import discover as toolchains  # noqa: E402
from toolchain.model import NATIVE, WASM  # noqa: E402

SOURCE = r"""
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char *argv[])
{
    struct timespec now;
    for (long i = atol(argv[2]); i > 0; i--)
        if (argv[1][0] == 'w' ? write(1, "x", 1) != 1 : clock_gettime(CLOCK_MONOTONIC, &now))
            return 1;
    return 0;
}
"""
FEW, MANY, TRIES = 1000, 41_000, 5
#: JavaScriptCore maps 4 GiB for a memory, for a moment.
MEMORY_MIB = 6144


def main(names: list[str]) -> None:
    """Print a line for each backend."""
    protocol = replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)
    with tempfile.TemporaryDirectory() as folder:
        guests = {target: built(Path(folder), target) for target in (WASM, NATIVE)}
        print(f"{'backend':28}{'write':>10}{'clock':>10}  ns a call")
        for name, backend in discover().items():
            if names and name not in names:
                continue
            with start(backend, protocol) as worker:
                path = guests[NATIVE if backend.native else WASM]
                loaded = worker.request({"op": "load", "path": path, "options": dict(backend.options)}, 60)
                if {"refused", "unavailable"} & set(loaded):
                    continue
                costs = [cost_ns(worker, what) for what in ("write", "clock")]
            print(f"{name:28}{costs[0]:10.0f}{costs[1]:10.0f}", flush=True)


def built(folder: Path, target: str) -> str:
    """The guest for one target."""
    (folder / "guest.c").write_text(SOURCE, encoding="utf-8")
    zig, made = toolchains()["zig"], str(folder / f"guest.{target}")
    environment = zig.environment(str(folder))
    compile_command = zig.compile(target, ["-O2"], str(folder / "guest.c"), f"{made}.o")
    link_command = zig.link(target, [f"{made}.o"], paths.libc("zig", target), made)
    for command in (compile_command, link_command):
        subprocess.run(command, check=True, env=environment, cwd=ROOT)
    return made


def cost_ns(worker: Worker, what: str) -> float:
    """Of one call, ns."""

    def quickest(calls: int) -> float:
        request = {"op": "run", "argv": ["guest", what, str(calls)], "watch": False}
        return min(worker.request(request, 60)["wall_seconds"] for _ in range(TRIES))

    return (quickest(MANY) - quickest(FEW)) / (MANY - FEW) * 1e9


if __name__ == "__main__":
    main(sys.argv[1:])
