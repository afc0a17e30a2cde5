"""Builds in the cache that are not used any more: of older sources, compilers and releases, or half made."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from pipeline.runtimes.engines import record

#: After so many days without a start of its host a build is removed, when a different one is made.
KEPT_DAYS = 30
_FOLDER = re.compile(r"(.+?)(?:-[0-9a-f]{16}|\.part)")


def note_use(folder: Path) -> None:
    """Note that a build is used today."""
    with contextlib.suppress(OSError):  # a cache that others share may be read-only
        os.utime(folder)


def remove_unused() -> list[Path]:
    """Remove builds that were not used for KEPT_DAYS, but none that a process makes now; return which."""
    oldest = time.time() - KEPT_DAYS * 86400
    removed = []
    for folder in sorted(record.root().iterdir()):
        name = _FOLDER.fullmatch(folder.name)
        if name is None or not folder.is_dir() or folder.stat().st_mtime >= oldest:
            continue
        with record.locked_now(name[1]) as free:
            if free:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed
