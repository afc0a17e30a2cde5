"""How a file is told to have changed: as doit does, by time and then content, but first by its size.

Of our own Python files the content is what is left without comments and docstrings.
"""

from __future__ import annotations

import os
from typing import Any

from doit.dependency import MD5Checker

from pipeline.core.own_code import digest, is_own


class Checker(MD5Checker):  # type: ignore[misc]
    """doit's believes a time: a file that was cut off and has it is no longer what it was."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: Any) -> bool:
        """Whether a file is another than the one that ``state`` (time, size, MD5) was taken of."""
        if not isinstance(state, list | tuple) or len(state) != 3:
            return True  # doit's memory was damaged
        try:
            if is_own(file_path):
                return bool(file_stat.st_mtime != state[0] and digest(file_path) != state[2])
            return file_stat.st_size != state[1] or bool(super().check_modified(file_path, file_stat, state))
        except OSError:  # it may not be read (any more)
            return True

    def get_state(self, dep: str, current_state: Any) -> Any:
        """The state of a file; FileNotFoundError, which doit understands, also where it may not be read."""
        try:
            same = current_state is not None and not self.check_modified(dep, os.stat(dep), current_state)
            if is_own(dep) and not same:
                return os.path.getmtime(dep), os.path.getsize(dep), digest(dep)
            return super().get_state(dep, current_state if same else None)
        except PermissionError as error:
            raise FileNotFoundError(error.errno, error.strerror, dep) from None
