"""Make static libraries (.a) the same bytes each time they are built."""

from __future__ import annotations

import re

_MAGIC = b"!<arch>\n"
_HEADER = 60
#: zig names members by their paths in its cache, which depend on the folder that it runs in.
_PLACE = re.compile(rb"/o/[0-9a-f]{32}/")


def canonical(data: bytes) -> bytes:
    """The file; if it is a GNU ar archive, with member names that do not contain the folder of the build.

    Only the table of long names changes, and its length does not, so the index stays valid. Contents and
    order of the members are the same on all machines; ``doit run verify`` showed that their names were not.
    """
    if not data.startswith(_MAGIC):
        return data
    at = len(_MAGIC)
    while at + _HEADER <= len(data):
        header = data[at : at + _HEADER]
        size = int(header[48:58])
        content = at + _HEADER
        if header[:16].rstrip() == b"//":
            names = _PLACE.sub(b"/o/" + b"0" * 32 + b"/", data[content : content + size])
            return data[:content] + names + data[content + size :]
        at = content + size + size % 2
    return data
