"""Starts a program that builds, and ends it with all that it started when this process is asked to end.

What a program has started does not end with it, and compilers start others. All are in one process group.
"""

import os
import signal
import subprocess
import sys
from types import FrameType


def _end(number: int, frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(subprocess.call(sys.argv[1:]))
