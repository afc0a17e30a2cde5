"""A workload's files where compilers and guests find them: copies, below names that are the same everywhere.

So no path of the user's gets into an artifact, what is not named in workload.toml is not there to be included
or read, and a guest that writes to what it should only read has not touched the user's files.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipeline.core import paths
from pipeline.core.files import write_atomic
from pipeline.core.model import Workload
from pipeline.workloads import file_patterns


def copies(workload: Workload) -> dict[str, str]:
    """{copy: file that it is of}, both relative to the project where they can be."""
    where = f"{workload.folder}/"
    clock = os.path.basename(paths.GUEST_CLOCK)
    found = {}
    if workload.third_party is None:
        for name in (*workload.sources, *workload.headers):
            own = paths.GUEST_CLOCK if name == clock else where + name
            found[f"{paths.staged_sources(workload.name)}/{name}"] = own
    for name in workload.files:
        found[f"{paths.staged_files(workload.name)}/{name}"] = where + name
    if workload.stdin is not None:
        found[paths.staged_stdin(workload.name)] = where + workload.stdin
    return found


def stage(workload: Workload) -> None:
    """Copy what is named, and remove what was copied before and is named no more; raises BadInput."""
    wanted = copies(workload)
    # First: a file may lie where a folder is to be.
    _remove_others(Path(paths.staged(workload.name)), {Path(copy) for copy in wanted})
    where = f"{workload.folder}/{paths.WORKLOAD_TOML}"
    for copy, own in wanted.items():
        if own != paths.GUEST_CLOCK:
            # It may be another file than when the names were read.
            file_patterns.inside(where, "files", workload.folder, os.path.relpath(own, workload.folder))
        write_atomic(copy, Path(own).read_bytes())


def _remove_others(folder: Path, kept: set[Path]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if path in kept or not any(path in copy.parents for copy in kept):
                shutil.rmtree(path, ignore_errors=True)
        elif path not in kept:
            path.unlink()
