"""File systems that are full or read-only, for real: mounts that only this process and its children see."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_CLONE_NEWNS = 0x00020000
_PAGE = 4096
_ROOMY = "1g"


def private() -> None:
    """From here on, mounts of this process are its own: they go with it, however it ends."""
    if os.getuid() != 0 or ctypes.CDLL(None).unshare(_CLONE_NEWNS) != 0:
        pytest.skip("mounting needs root")
    if subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True).returncode != 0:
        pytest.skip("mounting needs root, and a system that allows it")


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)


@dataclass(frozen=True)
class Disk:
    """A file system in memory whose size can be changed while it is used."""

    folder: Path

    def used(self) -> int:
        """Pages that files have now."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize // _PAGE

    def shrink(self, pages: int) -> None:
        """Let it have so many pages in all."""
        _mount("-o", f"remount,size={pages * _PAGE}", self.folder)

    def grow(self) -> None:
        """Give it room again."""
        _mount("-o", f"remount,size={_ROOMY}", self.folder)


@contextlib.contextmanager
def disk(folder: Path, *options: str) -> Iterator[Disk]:
    """A file system of its own in a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", ",".join([f"size={_ROOMY}", "mode=755", *options]), "tmpfs", folder)
    try:
        yield Disk(folder)
    finally:
        _unmount(folder)


@contextlib.contextmanager
def read_only(place: Path) -> Iterator[None]:
    """A folder, or a file, to which no user can write, root neither."""
    _mount("--bind", place, place)
    try:
        _mount("-o", "remount,bind,ro", place)
        yield
    finally:
        _unmount(place)
