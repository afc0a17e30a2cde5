"""Programs that build: started so that they end with us, read line by line, their complaint as one line."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from pipeline.core import paths
from pipeline.core.processes import die_with_parent, starting

#: Is asked to end when we end, however that happens, and ends all others.
_LEADER = [sys.executable, "-I", "-S", str(paths.ROOT / paths.ENGINES / "end_together.py")]
_LAST_LINES = 200
_MESSAGE_LIMIT = 300
#: Less room than this is none, bytes: what is built is written in larger pieces.
_LITTLE = 1 << 20
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
#: What explains a failure, the most telling first.
_CAUSES = (
    re.compile(r".*No space left on device.*"),
    re.compile(r".*[Cc]ould not resolve.*|.*[Cc]onnection (?:refused|timed out|reset).*"),
    re.compile(r".*(?:checksum mismatch|missing go\.sum entry).*"),
    re.compile(r"\s*version \S+ is yanked|\s*candidate versions found which didn't match: .*"),
    re.compile(r".*\b(?:undefined (?:reference to|symbol)|duplicate symbol|cannot find -l).*"),
    re.compile(r".*:\d+(?::\d+)?: (?:fatal )?error: .*"),  # of javac and of clang
    re.compile(r"\s*(?:error|ERROR|fatal)\b.*|\[ERROR\] .*"),
    re.compile(r"\S+\.go:\d+:\d+: .*"),
    re.compile(r"E: .*"),
)


class Unavailable(Exception):
    """Why an engine cannot be had here, and what to do about it: for a record, not for a traceback."""


class Failed(Exception):
    """A program that builds ended with a status other than 0; the text is its complaint, as one line."""


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] = lambda line: None,
) -> str:
    """Run a program to its end, and all that it starts; its last lines. Raises Failed.

    It is killed, with all that it has started, when this process ends, however that ends.
    """
    with starting():
        process = subprocess.Popen(
            [*_LEADER, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),
        )
    last: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        assert process.stdout is not None
        for line in _lines(process.stdout):
            last.append(line)
            on_line(line)
        status = process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if status != 0:
        # A linker that finds no room may die of a signal and not say why.
        why = "No space left on device" if _is_full(folder) else complaint(last)
        raise Failed(f"{os.path.basename(command[0])}: {why}")
    return "\n".join(last)


def _is_full(folder: Path) -> bool:
    try:
        state = os.statvfs(folder)
    except OSError:
        return False
    return state.f_bavail * state.f_frsize < _LITTLE


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines, and states of a progress bar, without colours."""
    rest = b""
    while chunk := os.read(stream.fileno(), 1 << 16):
        *whole, rest = re.split(rb"[\r\n]+", rest + chunk)
        for line in whole:
            yield _ESCAPES.sub("", line.decode("utf-8", "replace"))
    if rest:
        yield _ESCAPES.sub("", rest.decode("utf-8", "replace"))


def complaint(lines: Sequence[str]) -> str:
    """What a program that failed says of the cause, as one line."""
    for cause in _CAUSES:
        for line in lines:
            if cause.fullmatch(line):
                return textwrap.shorten(" ".join(line.split()), _MESSAGE_LIMIT, placeholder=" …")
    return next((line.strip()[:_MESSAGE_LIMIT] for line in reversed(lines) if line.strip()), "no message")


def says(*command: str, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """What a program prints of itself, started in a folder; "" where it does not run or does not answer."""
    try:
        outcome = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            cwd=folder,
            env=environment and dict(environment),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (outcome.stdout or outcome.stderr).strip() if outcome.returncode == 0 else ""
