"""Compilers, linkers and wasm-opt as programs: started, listened to, and identified."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import partial

from pipeline import layout
from pipeline.errors import BuildError
from pipeline.process import die_with_parent
from pipeline.store import write_json
from toolchain import wasm_opt
from toolchain.model import Identity, Toolchain

#: What compilers print when the machine failed and not the program.
_DISTURBANCES = (
    "No space left",
    "Read-only file system",
    "Disk quota",
    "Too many open files",
    "Cannot allocate memory",
    "out of memory",
    "unable to execute command",
    "due to signal",
    "Permission denied",
)


def run(toolchain: Toolchain, command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a toolchain's command in its own environment, with a text on standard input."""
    return start(command, toolchain.environment(layout.toolchain_cache(toolchain.name)), text)


def start(
    command: Sequence[str], environment: dict[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
        check=False,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )


def complaint(stderr: str) -> str:
    """The line of a compiler's output that says what is wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "Unknown" in line]
    return (errors or lines or ["no message"])[0]


def raise_if_disturbed(outcome: subprocess.CompletedProcess[str], what: str) -> None:
    """A full disk or a signal says nothing about the program: stop instead of recording it."""
    text = outcome.stderr
    silent = outcome.returncode != 0 and not text.strip()
    if outcome.returncode < 0 or silent or any(sign in text for sign in _DISTURBANCES):
        raise BuildError(f"{what}: {complaint(text)} (exit status {outcome.returncode})")


def identify(toolchain: Toolchain) -> None:
    """Write what the toolchain is, or why it is not here."""
    _write_identity(layout.toolchain_identity(toolchain.name), toolchain.identify())


def identify_wasm_opt() -> None:
    """Write what the pass after linking is, or why it is not here."""
    _write_identity(layout.wasm_opt_identity(), wasm_opt.identify())


def _write_identity(path: str, identity: Identity) -> None:
    record = {
        "name": identity.name,
        "present": identity.present,
        "reason": identity.reason or None,
        "version": identity.version,
        "sha256": identity.digest,
    }
    write_json(path, record)
