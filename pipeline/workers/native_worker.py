"""Runs a native executable: a fresh process for each run, so "load" has nothing to compile."""

from typing import Tuple

import elf
import serve
from spawn import spawn


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    def run(request: serve.Facts) -> serve.Facts:
        return spawn(path, request["argv"], {}, request.get("watch", False))

    with open(path, "rb") as stream:
        data = stream.read()
    return run, {
        "compile_seconds": None,
        "code_bytes": len(elf.section(data, ".text")),
        "version": None,
        "proof": {"machine": elf.machine(data), "build": "static executable, no runtime"},
    }


if __name__ == "__main__":
    serve.serve(load)
