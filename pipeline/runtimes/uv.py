"""The pinned uv, as a function."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from functools import partial

from pipeline.core.processes import die_with_parent, starting

_TIMEOUT_S = 900
_MESSAGE_LIMIT = 400


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
        # uv prints the chain of causes, the root last, and folds lines where it likes.
        words = [word for word in stderr.split() if any(map(str.isalnum, word))]
        message = textwrap.shorten(" ".join(words), _MESSAGE_LIMIT, placeholder=" …") or "no message"
        raise Unavailable(
            f"uv {arguments[0]} failed ({message}); check the route to PyPI and free disk space, "
            "then run doit again"
        )


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
