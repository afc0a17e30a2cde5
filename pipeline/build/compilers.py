"""Compilers, linkers and wasm-opt as programs: started, their messages read, and identified."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from pipeline.core import paths
from pipeline.core.errors import BuildError, DiskFull
from pipeline.core.files import read_record, write_record
from pipeline.core.processes import run_to_end, signal_name
from toolchain import wasm_opt
from toolchain.model import Identity, Toolchain

#: What compilers print when there is no room for what they write; "NoSpaceLeft" is zig's own word.
_FULL = ("No space left", "NoSpaceLeft", "Disk quota")
#: What compilers print when the machine failed and not the program.
_DISTURBANCES = (
    *_FULL,
    "Read-only file system",
    "Too many open files",
    "Cannot allocate memory",
    "out of memory",
    "unable to execute command",
    "due to signal",
    "Permission denied",
)


#: Signals that a program gets for what it does itself; what they print who start it, and LLVM.
_OWN_SIGNALS = {
    signal.SIGSEGV,
    signal.SIGABRT,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGTRAP,
}
_CRASHES = ("failed due to signal", "error in backend", "PLEASE submit a bug report")


def run(
    toolchain: Toolchain, command: Sequence[str], text: str = "", *, most_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a toolchain's command in its own environment, with a text on standard input.

    Raises subprocess.TimeoutExpired where it takes more than ``most_s``.
    """
    environment = toolchain.environment(paths.toolchain_cache(toolchain.name))
    return run_to_end(command, environment, text, timeout_s=most_s)


def run_for_library(toolchain: Toolchain, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder of its own, where the toolchain's folders have their usual names.

    zig names a library in its cache by the path of its own folder, relative to where it is run if that is
    above it. Here it never is: so checkouts that share a compiler and a cache find the same libraries.
    """
    cache = paths.toolchain_cache(toolchain.name)
    own = Path(cache).parent
    place = own / "made-in"
    (place / own).mkdir(parents=True, exist_ok=True)
    for name in ("cache", "libc", "libraries"):
        (own / name).mkdir(exist_ok=True)
        with suppress(FileExistsError):
            (place / own / name).symlink_to(os.path.relpath(own / name, place / own))
    return run_to_end(command, toolchain.environment(cache), folder=str(place))


def complaint(stderr: str) -> str:
    """The line of a compiler's output that says what is wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # Not the command that it was asked to print: that may name an option with "error" in it.
    plain = [line for line in lines if "error: " in line]
    errors = [line for line in lines if "error" in line.lower() or "Unknown" in line]
    return (plain or errors or lines or ["no message"])[0]


def raise_if_disturbed(outcome: subprocess.CompletedProcess[str], what: str) -> None:
    """Raise BuildError or DiskFull where the machine failed: that is no finding about the program."""
    text, status = outcome.stderr, outcome.returncode
    silent = status != 0 and not text.strip()
    if status >= 0 and not silent and not any(sign in text for sign in _DISTURBANCES):
        return
    reason = f"{complaint(text)} (exit status {status})"
    if status < 0:
        reason = f"died of {signal_name(-status)}" + (f": {complaint(text)}" if text.strip() else "")
    # A linker that maps its output into memory gets this signal where the disk has no room for a page.
    if status == -signal.SIGBUS or any(sign in text for sign in _FULL):
        remedy = f"is the disk full? make room for {paths.BUILD}/, then run: doit run"
        raise DiskFull(f"{what}: {reason}; {remedy}")
    raise BuildError(f"{what}: {reason}")


def settled(
    ask: Callable[[], subprocess.CompletedProcess[str]], what: str
) -> subprocess.CompletedProcess[str]:
    """What a compiler, a linker or wasm-opt answers; raises BuildError or DiskFull where the machine failed.

    One that crashes is asked once more. If it crashes again, that is a finding about what it was given, like
    an error that it reports: its complaint then says so.
    """
    outcome = ask()
    if _crashed(outcome):
        outcome = ask()
    if not _crashed(outcome):
        raise_if_disturbed(outcome, what)
    elif outcome.returncode < 0:
        outcome.stderr += f"\nerror: it died of {signal_name(-outcome.returncode)}"
    return outcome


def _crashed(outcome: subprocess.CompletedProcess[str]) -> bool:
    """Whether a program failed by its own fault, and not for want of memory or room."""
    if any(sign in outcome.stderr for sign in (*_FULL, "Cannot allocate memory", "out of memory")):
        return False
    reported = outcome.returncode > 0 and any(sign in outcome.stderr for sign in _CRASHES)
    return reported or -outcome.returncode in _OWN_SIGNALS


class ToolchainRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a compiler or wasm-opt is, as recorded in its identity.json."""

    name: str
    present: bool
    reason: str | None  # why it is not present
    version: str
    sha256: str  # of all that decides its output


def identify(toolchain: Toolchain) -> None:
    """Write what the toolchain is, or why it is not installed."""
    _write_identity(paths.toolchain_identity(toolchain.name), toolchain.identify())


def identify_wasm_opt() -> None:
    """Write what wasm-opt is, or why it is not installed."""
    _write_identity(paths.wasm_opt_identity(), wasm_opt.identify())


def load_toolchain(name: str) -> ToolchainRecord:
    """What ``identify`` wrote; raises OSError or ValueError."""
    return read_record(paths.toolchain_identity(name), ToolchainRecord)


def _write_identity(path: str, identity: Identity) -> None:
    record = ToolchainRecord(
        name=identity.name,
        present=identity.present,
        reason=identity.reason or None,
        version=identity.version,
        sha256=identity.digest,
    )
    write_record(path, record)
