"""A signal ends doit, wherever it finds it."""

import signal
import subprocess
import sys

import pytest

LOST = """
import os, signal, sys, time
from pipeline.tasks import signals

signal.signal({number}, signal.SIG_DFL)  # the process that runs these tests may ignore it
signals._AGAIN_S = 0.1
sys.excepthook = signals.excepthook
signals.handle()

class Dropped:
    def __del__(self):
        os.kill(os.getpid(), {number})
        time.sleep(0.01)

one = Dropped()
del one
print("still here", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_also_where_the_exception_is_lost(number):
    """Python drops what a finalizer raises."""
    command = [sys.executable, "-c", LOST.format(number=int(number))]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == -number, outcome.stderr
    assert outcome.stdout == "still here\n"
    assert "interrupted; what is finished is kept" in outcome.stderr
