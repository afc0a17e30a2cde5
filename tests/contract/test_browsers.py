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


def processes_in(home):
    """{process: command line} of those whose home that is."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(f"HOME={home}\0") in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_bytes()
    return found


def test_a_killed_worker_leaves_no_process_and_no_folder(loaded):
    home = home_of(loaded)
    assert len(processes_in(home)) > 3
    os.kill(loaded.process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while (left := processes_in(home) or home.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_a_browser_that_ends_is_the_end_of_its_worker(loaded):
    home = home_of(loaded)
    for process in processes_in(home):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    with pytest.raises(WorkerCrash, match=r"the browser ended with status -9|the process of the page ended"):
        loaded.request({"op": "run", "argv": ["guest", "hello"], "watch": False}, 20)


def test_only_who_knows_the_secret_is_answered(loaded):
    home = home_of(loaded)
    port, token = re.search(
        r"http://127\.0\.0\.1:(\d+)/(\w{32})/", (home / "start.html").read_text()
    ).groups()
    assert home.stat().st_mode & 0o077 == 0
    assert not [line for line in processes_in(home).values() if token.encode() in line]
    for path, data in (("/", None), ("/page", None), ("/cpu", b""), (f"/{token[::-1]}/next", b"{}")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, timeout=10)
    answer = loaded.request({"op": "run", "argv": ["guest", "exit"], "watch": True}, 20)
    assert answer["code"] == 3
    assert answer["peak_rss_bytes"] > 30 << 20  # of the page's process
