"""What a program on PATH prints of its version."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from pipeline.core.model import Program
from pipeline.core.text import for_terminal

_TIMEOUT_S = 30
#: How programs are asked whose user names no arguments for it.
GUESSES = (("--version",), ("version",), ("-V",), ("-version",))
_DOTTED = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+[^\s(),;]*)")
_NAMED = re.compile(r"\bversion[:= ]+v?(\d[^\s(),;]*)", re.IGNORECASE)
_MOST_SHOWN = 200


class Unknown(Exception):
    """Why a program's version cannot be known, and what to do."""


@dataclass(frozen=True)
class Version:
    """A program's version and the line that has it; None where it prints none."""

    number: str | None
    line: str | None


def ask(path: str, program: Program) -> Version:
    """The version of the program at a path; raises Unknown.

    A runtime of the user's may print no version; then its bytes alone identify it. What it prints may differ
    from time to time; then only the number counts.
    """
    if not program.of_user:
        return _version(_asked(path, program.version))
    if program.version == ():
        return Version(None, None)
    guesses = GUESSES if program.version is None else (program.version,)
    for arguments in guesses:
        try:
            found, again = (_version(_asked(path, arguments)) for _ in range(2))
        except Unknown as error:
            if program.version is not None:
                raise Unknown(f"{error}; {_name(program)}, or version = [] if it prints none") from None
            continue
        if found.number != again.number:
            raise Unknown(
                f"it prints a different version each time it is asked: {found.number}, {again.number}; "
                f"{_name(program)}, or version = []"
            )
        return found if found == again else Version(found.number, None)
    return Version(None, None)


def _name(program: Program) -> str:
    """What the user can do about arguments that do not make it print its version."""
    return f"{program.remedy or 'its table'}: set version to the arguments that make it print its version"


def _version(printed: str) -> Version:
    """The line with a version among all that was printed, and the number in it."""
    lines = [for_terminal(line, _MOST_SHOWN) for line in printed.splitlines()]
    lines = [line for line in lines if line]
    for pattern in (_DOTTED, _NAMED):
        for line in lines:
            if found := pattern.search(line):
                return Version(found[1], line)
    return Version(lines[0], lines[0])


def _asked(path: str, arguments: tuple[str, ...] | None) -> str:
    """What it prints when it is asked; raises Unknown where it fails, hangs or prints nothing."""
    shown = " ".join([os.path.basename(path), *(arguments or ())])
    folders = [os.path.dirname(path), *os.get_exec_path()]
    try:
        outcome = subprocess.run(
            [path, *(arguments or ())],
            stdin=subprocess.DEVNULL,
            env={"PATH": os.pathsep.join(folders), "LC_ALL": "C.UTF-8"},
            cwd="/",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unknown(f"{shown} does not end within {_TIMEOUT_S} s") from None
    except OSError as error:
        raise Unknown(f"{shown}: {error.strerror}") from None
    printed = outcome.stdout.strip() or outcome.stderr.strip()
    if outcome.returncode == 0 and for_terminal(printed):
        return printed
    words = f", and prints {for_terminal(printed, _MOST_SHOWN)!r}" if printed else ", and prints nothing"
    raise Unknown(f"{shown} ends with status {outcome.returncode}{words}")
