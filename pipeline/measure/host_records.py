"""The hosts whose samples are in one results folder, each in its own folder there."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from pipeline.core import host, paths
from pipeline.core.files import read_json, write_json

_FOLDER = re.compile(r"[0-9a-f]{12}")


def write_host_record() -> None:
    """Write down which host this is, next to its samples; does nothing where that is done."""
    path = Path(paths.host_record(paths.here()))
    if not path.exists():
        write_json(path, host.describe())


def others() -> list[str]:
    """The folders of other hosts, by name; [] in most checkouts."""
    try:
        names = os.listdir(paths.RESULTS)
    except OSError:
        return []
    return sorted(name for name in names if _FOLDER.fullmatch(name) and name != paths.here())


def describe(name: str) -> dict[str, Any]:
    """The "host" object of one of the other hosts; of one without a record only the folder's name."""
    try:
        found = read_json(paths.host_record(name))
        typed = all(isinstance(found[key], kind) for key, kind in host.KEYS.items())
        if typed and tuple(found) == tuple(host.KEYS) and found["fingerprint"].startswith(name):
            return dict(found)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    unknown: dict[str, Any] = dict.fromkeys(host.KEYS)
    return {**unknown, "fingerprint": name, "cpu": f"unknown host {name}"}


def state() -> list[list[Any]]:
    """[path, time in ns, size] of all files of other hosts, as JSON: a report depends on them."""
    found: list[list[Any]] = []
    for name in others():
        for folder, _, files in os.walk(os.path.join(paths.RESULTS, name)):
            # That host may be writing there just now, to files whose names begin with a dot.
            for path in (os.path.join(folder, file) for file in files if not file.startswith(".")):
                with contextlib.suppress(OSError):
                    status = os.stat(path)
                    found.append([path, status.st_mtime_ns, status.st_size])
    return sorted(found)
