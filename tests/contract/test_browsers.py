"""Browsers that a worker starts: nothing outlives it, and none but the page is answered."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pipeline.core.errors import WorkerCrash
from pipeline.core.processes import children_of
from pipeline.experiment import matrix
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled

NAMES = ("chromium.liftoff", "firefox.baseline")


@pytest.fixture(scope="module", params=NAMES)
def browser(request, present):
    return present(request.param)


@pytest.fixture(scope="module")
def guest(prepared, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("guest"), "tests/guests/guest.c")


@pytest.fixture
def loaded(browser, guest):
    with start(browser, matrix.load({}).protocol) as worker:
        request = {"op": "load", "path": guest, "options": dict(browser.options)}
        assert "proof" in worker.request(request, 120)
        yield worker


def home_of(worker):
    """The folder of its browser."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"PPid:\t{worker.process.pid}\n" in (process / "status").read_text():
                found = re.search(
                    rb"(?:^|\0)HOME=([^\0]*/coremark-wasm-[^\0]*)", (process / "environ").read_bytes()
                )
                if found:
                    return Path(os.fsdecode(found[1]))
    raise AssertionError("the worker has no browser")


def processes_of(worker, home):
    """{process: command line} of those in the worker's session, and of others whose home that is."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = os.getsid(int(process.name)) == worker.process.pid
            if ours or os.fsencode(f"HOME={home}\0") in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_bytes()
    return found


def living(worker, home):
    """The same without those that the kernel only remembers: the worker itself is not waited for."""
    return [pid for pid, line in processes_of(worker, home).items() if line]


def command_line(process):
    return Path(f"/proc/{process}/cmdline").read_bytes()


def state_of(process):
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_killed_worker_leaves_no_process_and_no_folder(loaded):
    home = home_of(loaded)
    assert len(processes_of(loaded, home)) > 4
    os.kill(loaded.process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while (left := living(loaded, home) or home.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_a_browser_that_ends_is_the_end_of_its_worker(loaded):
    home = home_of(loaded)
    (browser,) = (pid for pid in children_of(loaded.process.pid) if str(home).encode() in command_line(pid))
    os.kill(browser, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while state_of(browser) != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(WorkerCrash, match="the browser ended"):
        loaded.request({"op": "run", "argv": ["guest", "hello"], "watch": False}, 20)


def test_only_who_knows_the_secret_is_answered(loaded):
    home = home_of(loaded)
    port, token = re.search(
        r"http://127\.0\.0\.1:(\d+)/(\w{32})/", (home / "start.html").read_text()
    ).groups()
    assert home.stat().st_mode & 0o077 == 0
    assert not [line for line in processes_of(loaded, home).values() if token.encode() in line]
    for path, data in (("/", None), ("/page", None), ("/cpu", b""), (f"/{token[::-1]}/next", b"{}")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, timeout=10)
    answer = loaded.request({"op": "run", "argv": ["guest", "exit"], "watch": True}, 20)
    assert answer["code"] == 3
    assert answer["peak_rss_bytes"] > 30 << 20  # of the page's process
