"""The summary of a GitHub Actions step: the compact table, where the runner shows one."""

from __future__ import annotations

import os
import sys

from pipeline.core import paths
from pipeline.report.exports.markdown import brief, render
from pipeline.results.model import Results

#: Bytes; a larger summary is dropped by the runner as a whole, with what others wrote into it.
LIMIT = 1024 * 1024


def summarise(results: Results) -> None:
    """Append the table to the step's summary; if it has no room for that, a line, or nothing.

    Does nothing outside GitHub Actions, and never fails: a summary is no reason to lose a measurement.
    """
    path = os.environ.get(paths.SUMMARY)
    if not path:
        return
    try:
        with open(path, "ab") as stream:
            used = stream.tell()
            # The existing text may not end its last line, and a heading starts after an empty one.
            gap = "\n\n" if used else ""
            texts = [(gap + text).encode("utf-8") for text in (render(results, {}), brief(results))]
            stream.write(next((raw for raw in texts if used + len(raw) <= LIMIT), b""))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        print(f"warning: {paths.SUMMARY}: {path!r} cannot be written: {reason}", file=sys.stderr)
