"""The pinned uv, as a function."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from functools import partial

from pipeline.core.processes import die_with_parent, starting

_TIMEOUT_S = 900
_MESSAGE_LIMIT = 300
#: What begins a line of its chain, in the forms that releases of uv have printed.
_CAUSE = re.compile(r"^\s*(?:error|cause|Caused by|[×├╰]─?▶?)\s*:?\s", re.MULTILINE)


def _is_word(word: str) -> bool:
    return any(map(str.isalnum, word))


class Unavailable(Exception):
    """Why something cannot be had here, and what to do about it: for a record, not for a traceback."""


def uv(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Run uv; raises Unavailable with its complaint."""
    command = [sys.executable, "-m", "uv", "--no-progress", "--no-config", *arguments]
    whole = {**os.environ, **_index_settings(), **(environment or {})}
    with starting():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=whole,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    with process:
        try:
            stderr = process.communicate(timeout=_TIMEOUT_S)[1]
        except subprocess.TimeoutExpired:
            raise Unavailable(f"uv {arguments[0]} did not end within {_TIMEOUT_S} s") from None
        finally:
            # It starts compilers, which must not outlive it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise Unavailable(
            f"{cause_first(stderr)}; check the route to PyPI and free disk space, then run doit again "
            f"(uv {arguments[0]} failed)"
        )


def cause_first(stderr: str) -> str:
    """uv's message, the root of its chain of causes first, then what it was about."""
    parts = [" ".join(filter(_is_word, part.split())) for part in _CAUSE.split(stderr)]
    parts = [part for part in parts if part] or ["no message"]
    # It prints the root last. What could not be fetched is the second of many.
    about = next((part for part in parts[:-1] if part.startswith("Failed")), parts[0])
    whole = parts[-1] if about == parts[-1] else f"{parts[-1]} ({about})"
    return textwrap.shorten(whole, _MESSAGE_LIMIT, placeholder=" …")


def _index_settings() -> dict[str, str]:
    """pip's settings of its index and certificates as variables of uv, unless uv has its own."""
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    if all(os.environ.get(value) for value in names.values()):
        return {}
    outcome = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    settings = {}
    for line in outcome.stdout.splitlines():
        key, _, value = line.partition("=")
        name = names.get(key.rpartition(".")[2])
        if name and not os.environ.get(name):
            settings[name] = value.strip("'\"")
    return settings
