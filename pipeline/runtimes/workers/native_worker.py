"""Runs a native executable: a fresh process for each run, so "load" has nothing to compile.

Its files are its working folder. It is under no sandbox: what keeps them is that it gets a copy.
"""

import resource
from typing import Dict, Tuple

import elf
import inputs
import serve
from spawn import spawn


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    copy = inputs.Copy(options["files"]) if "files" in options else None
    environment = options.get("env", {})

    def run(request: serve.Facts) -> serve.Facts:
        if copy:
            copy.restore()
        watch, folder = request.get("watch", False), copy.path if copy else None
        return spawn(path, request["argv"], environment, watch, folder, _limits())

    with open(path, "rb") as stream:
        data = stream.read()
    return run, {
        "compile_seconds": None,
        "code_bytes": len(elf.section(data, ".text")),
        "version": None,
        "proof": {"machine": elf.machine(data), "build": "static executable, no runtime"},
    }


def _limits() -> Dict[int, int]:
    """The stack of the program, and its memory but for that: in a module the stack is part of the memory."""
    stack, memory = serve.LIMITS["stack_kib"] << 10, serve.LIMITS["memory_mib"] << 20
    wanted = {resource.RLIMIT_STACK: stack, resource.RLIMIT_DATA: max(0, memory - stack)}
    hard = {kind: resource.getrlimit(kind)[1] for kind in wanted}
    return {kind: most for kind, most in wanted.items() if most and (hard[kind] < 0 or most <= hard[kind])}


if __name__ == "__main__":
    serve.serve(load)
