"""Whether a file has changed: as doit decides it, by time and then content, but first by its size.

Of the project's own Python files the content is what is left without comments and docstrings.
"""

from __future__ import annotations

import os
from typing import Any

from doit.dependency import MD5Checker

from pipeline.core.own_code import digest, is_own


class Checker(MD5Checker):  # type: ignore[misc]
    """doit's own believes the time alone, also of a file that was cut off."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: Any) -> bool:
        """Whether a file differs from the one whose ``state`` (time, size, MD5) is given."""
        if not isinstance(state, list | tuple) or len(state) != 3:
            return True  # doit's database was damaged
        try:
            if is_own(file_path):
                unchanged = (file_stat.st_mtime, file_stat.st_size) == tuple(state[:2])
                return not unchanged and digest(file_path) != state[2]
            return file_stat.st_size != state[1] or bool(super().check_modified(file_path, file_stat, state))
        except OSError:  # it may not be read (any more)
            return True

    def get_state(self, dep: str, current_state: Any) -> Any:
        """The state of a file; FileNotFoundError, which doit understands, also where it may not be read."""
        try:
            same = current_state is not None and not self.check_modified(dep, os.stat(dep), current_state)
            if not is_own(dep):
                return super().get_state(dep, current_state if same else None)
            now = os.stat(dep)
            if same and tuple(current_state[:2]) == (now.st_mtime, now.st_size):
                return None  # doit keeps the state that it has
            return now.st_mtime, now.st_size, current_state[2] if same else digest(dep)
        except PermissionError as error:
            raise FileNotFoundError(error.errno, error.strerror, dep) from None
