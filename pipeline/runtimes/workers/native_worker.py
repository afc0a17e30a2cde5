"""Runs a native executable: a fresh process for each run, so "load" has nothing to compile.

Its files are its working folder. It is under no sandbox: what keeps them is that it gets a copy.
"""

from typing import Tuple

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
        folder = copy.path if copy else None
        return spawn(path, request["argv"], environment, request.get("watch", False), folder)

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
