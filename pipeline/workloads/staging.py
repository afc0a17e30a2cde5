"""Copies of a workload's files for compilers and guests, in build/workloads/NAME.

So no path of a user gets into an artifact, only files that workload.toml names can be included or read, and
a guest that writes to its files does not change those of the user.
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
    """{copy: original}, relative to the project if they are in it."""
    where = f"{workload.folder}/"
    clock = os.path.basename(paths.GUEST_CLOCK)
    originals = {}
    if workload.third_party is None:
        for name in (*workload.sources, *workload.headers):
            own = paths.GUEST_CLOCK if name == clock else where + name
            originals[f"{paths.staged_sources(workload.name)}/{name}"] = own
    for name in workload.files:
        originals[f"{paths.staged_files(workload.name)}/{name}"] = where + name
    if workload.stdin is not None:
        originals[paths.staged_stdin(workload.name)] = where + workload.stdin
    for case in workload.cases:
        if case.own_stdin:
            originals[paths.staged_stdin(workload.name, case.name)] = f"{where}{case.stdin}"
    return originals


def stage(workload: Workload) -> None:
    """Copy the named files, and remove copies of files that are no longer named; raises BadInput."""
    wanted = copies(workload)
    # First, because a file may have the name of a folder that is to be made.
    _remove_others(Path(paths.staged(workload.name)), {Path(copy) for copy in wanted})
    where = f"{workload.folder}/{paths.WORKLOAD_TOML}"
    for copy, own in wanted.items():
        if own != paths.GUEST_CLOCK:
            # The file may have changed since workload.toml was read.
            file_patterns.inside(where, "files", workload.folder, os.path.relpath(own, workload.folder))
        write_atomic(copy, Path(own).read_bytes())


def _remove_others(folder: Path, kept: set[Path]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if path in kept or not any(path in copy.parents for copy in kept):
                shutil.rmtree(path, ignore_errors=True)
        elif path not in kept:
            path.unlink()
