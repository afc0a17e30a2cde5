"""Builds in the cache that are not used any more: of older sources, compilers and releases, or half made."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from pipeline.core import paths
from pipeline.runtimes.engines import record

#: After so many days without a start of its host a build is removed, when a different one is made.
KEPT_DAYS = 30
_FOLDER = re.compile(r"(.+?)(?:-[0-9a-f]{16}|\.part)")


def note_use(folder: Path) -> None:
    """Note that a build is used today."""
    with contextlib.suppress(OSError):  # a cache that others share may be read-only
        os.utime(folder)


def remove_unused() -> list[Path]:
    """Remove builds that were not used for KEPT_DAYS; return which.

    None that a process makes now, and none that this checkout has: its hosts may not have been started yet.
    """
    oldest, own, removed = time.time() - KEPT_DAYS * 86400, _of_this_checkout(), []
    for folder in sorted(record.root().iterdir()):
        name = _FOLDER.fullmatch(folder.name)
        if name is None or folder in own:
            continue
        with contextlib.suppress(OSError):  # a different run removes it, or the disk is full
            if folder.is_dir() and folder.stat().st_mtime < oldest and _removed(folder, name[1]):
                removed.append(folder)
    return removed


def _of_this_checkout() -> set[Path]:
    known = {
        path.stem: record.load(path.stem) for path in Path(paths.engine_record("")).parent.glob("*.json")
    }
    return {record.folder(name, each.key) for name, each in known.items() if each is not None and each.key}


def _removed(folder: Path, identifier: str) -> bool:
    with record.locked_now(identifier) as free:
        if free:
            shutil.rmtree(folder, ignore_errors=True)
        return free
