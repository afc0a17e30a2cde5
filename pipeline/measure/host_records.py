"""The hosts whose samples are in one results folder, each in its own folder there."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from pipeline.core import host, paths
from pipeline.core.files import read_record, write_record
from pipeline.core.host import Host

_FOLDER = re.compile(r"[0-9a-f]{12}")


def write_host_record() -> None:
    """Write down which host this is, next to its samples; does nothing where that is done."""
    path = Path(paths.host_record(paths.here()))
    if not path.exists():
        write_record(path, host.describe())


def others() -> list[str]:
    """The folders of other hosts, by name; [] in most checkouts."""
    try:
        names = os.listdir(paths.RESULTS)
    except OSError:
        return []
    return sorted(name for name in names if _FOLDER.fullmatch(name) and name != paths.here())


def describe(name: str) -> Host:
    """One of the other hosts; of one without a valid record only the folder's name is known."""
    try:
        record = read_record(paths.host_record(name), Host)
    except (OSError, ValueError):
        record = None
    if record is None or not record.fingerprint.startswith(name) or record.cpu is None:
        return Host(fingerprint=name, cpu=f"unknown host {name}")
    return record


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
