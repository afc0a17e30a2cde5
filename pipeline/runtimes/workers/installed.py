"""Versions of installed packages.

Not by importlib.metadata first: importing that takes 30 ms, as long as all else that a worker imports.
"""

import os
import re
import sys

_END = ".dist-info"


def version(name: str) -> str:
    """The version of the first package of this name on sys.path.

    The folder of its record is called so: {name}-{version}.dist-info (packaging.python.org, "Recording
    installed projects"). Raises importlib.metadata.PackageNotFoundError where there is none.
    """
    for place in sys.path:
        try:
            entries = os.listdir(place or ".")
        except OSError:
            continue
        for entry in entries:
            if entry.endswith(_END):
                project, _, found = entry[: -len(_END)].rpartition("-")
                if _normal(project) == _normal(name):
                    return found
    from importlib import metadata

    return metadata.version(name)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
