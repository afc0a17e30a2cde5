"""A worker that misbehaves is an error of a known kind, and leaves nothing behind."""

import os
import re
import select
import subprocess
import sys
import threading
import time

import pytest

from pipeline.core import locks
from pipeline.core.errors import WorkerCrash, WorkerError, WorkerTimeout
from pipeline.core.locks import machine_lock
from pipeline.core.model import Status
from pipeline.core.processes import signal_name
from pipeline.coremark import validator
from pipeline.experiment import matrix
from pipeline.measure.session import Ended, Session
from pipeline.runtimes.worker_process import Worker
from pipeline.tasks.terminal.time_left import Waits

HELLO = "import sys, json, os, time\nprint('{\"protocol\": 1}', flush=True)\n"


def start(code, hello=HELLO, memory_mib=512):
    return Worker([sys.executable, "-c", hello + code], dict(os.environ), memory_mib=memory_mib)


def ask(code, timeout=20.0, **options):
    with start(code, **options) as worker:
        return worker.request({"op": "x"}, timeout)


def test_an_answer_is_an_answer():
    assert ask("sys.stdin.readline(); print('{\"a\": 1}')") == {"a": 1}


def test_a_worker_that_dies_is_a_crash_with_its_last_words():
    with pytest.raises(WorkerCrash, match="exited with status 1: ValueError: too bad"):
        ask("sys.stdin.readline(); raise ValueError('too bad')")


@pytest.mark.parametrize("number", [4, 6, 9, 11, 15])
def test_the_signal_that_killed_it_is_named(number):
    with pytest.raises(WorkerCrash, match=signal_name(number)) as caught:
        ask(f"sys.stdin.readline(); os.kill(os.getpid(), {number})")
    assert caught.value.signal == number


def test_a_hung_worker_is_killed_with_all_that_it_started(tmp_path):
    code = f"""
child = os.fork()
if child == 0:
    time.sleep(600)
open({str(tmp_path / "pids")!r}, 'w').write(f'{{os.getpid()}} {{child}}')
time.sleep(600)
"""
    with pytest.raises(WorkerTimeout, match="no answer within 3 s"):
        ask(code, timeout=3)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert wait_for(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.parametrize("rubbish", ["hello", "[1]", "", '{"a":', "\\xff"])
def test_rubbish_instead_of_the_protocol_is_said(rubbish):
    with pytest.raises(WorkerError, match="not a JSON object"):
        ask(f"sys.stdin.readline(); print({rubbish!r}); time.sleep(60)")


def test_an_answer_without_end_is_cut_off():
    with pytest.raises(WorkerError, match="has no end"):
        ask("sys.stdin.readline()\nwhile True: sys.stdout.write('x' * 65536)")


def test_a_wrong_greeting_is_refused():
    with pytest.raises(WorkerError, match="expected protocol 1"):
        ask("time.sleep(60)", hello="import time; print('{\"protocol\": 2}', flush=True)\n")


def test_a_program_that_is_not_there():
    with pytest.raises(WorkerCrash, match="cannot start"):
        Worker(["/nowhere/python"], {}, memory_mib=64)


@pytest.mark.parametrize("answer", ["{}", '{"outcome": "exit"}', '{"outcome": 1, "code": "x"}'])
def test_an_answer_of_the_wrong_shape_is_no_run(answer):
    hello = HELLO + f"sys.stdin.readline(); print({answer!r}, flush=True); sys.stdin.read()"
    with Worker([sys.executable, "-c", hello], dict(os.environ), memory_mib=512) as worker:
        session = Session(worker, "x", matrix.load({}).protocol, validator=validator.CoreMark())
        with pytest.raises(Ended, match="not what the protocol says") as caught:
            session.run(validator.PERFORMANCE, 1)
    assert caught.value.status is Status.CRASH


def test_memory_is_bounded():
    code = "sys.stdin.readline(); x = bytearray(300 << 20); print('{}')"
    with pytest.raises(WorkerCrash, match="MemoryError"):
        ask(code, memory_mib=200)
    assert ask(code, memory_mib=800) == {}


def test_a_worker_dies_with_its_parent(tmp_path):
    """Even if the parent is killed while the worker is busy and reads nothing."""
    code = f"""
import os, sys, time
sys.path.insert(0, {os.getcwd()!r})
from pipeline.runtimes.worker_process import Worker
busy = "print('{{\\"protocol\\": 1}}', flush=True)\\nwhile True: pass"
with Worker([sys.executable, '-c', busy], dict(os.environ), memory_mib=512) as worker:
    open({str(tmp_path / "pid")!r}, 'w').write(str(worker.process.pid))
    os.kill(os.getpid(), 9)
"""
    os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code])
    pid = int((tmp_path / "pid").read_text())
    assert wait_for(lambda: not alive(pid))


def test_peak_memory_is_the_workers_own():
    ballast = bytearray(200 << 20)  # getrusage would count this, from before exec
    with start("sys.stdin.readline(); x = b'1' * (60 << 20); print('{}'); sys.stdin.read()") as worker:
        before = worker.peak_rss_bytes()
        worker.request({}, 20)
        after = worker.peak_rss_bytes()
    assert before is not None
    assert after is not None
    assert before < 60 << 20 < after < len(ballast)


def test_a_measurement_waits_for_builds_and_builds_for_it(tmp_path, monkeypatch):
    """Between processes, and between threads of one; not with the lock that others here measure under."""
    monkeypatch.setattr(locks, "lock_file", lambda: str(tmp_path / "lock"))
    code = f"""
import sys, time
sys.path.insert(0, {os.getcwd()!r})
from pipeline.core import locks
locks.lock_file = lambda: {str(tmp_path / "lock")!r}
with locks.machine_lock(exclusive=sys.argv[1] == 'alone'):
    print('in', flush=True)
    sys.stdin.read()
"""

    def holder(how):
        return subprocess.Popen(
            [sys.executable, "-c", code, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def is_in(process, seconds):
        return bool(select.select([process.stdout], [], [], seconds)[0])

    for first, second, together in [
        ("shared", "shared", True),
        ("shared", "alone", False),
        ("alone", "shared", False),
        ("alone", "alone", False),
    ]:
        with holder(first) as one:
            assert is_in(one, 60)
            blocked = locks.blocker(exclusive=second == "alone")
            assert blocked == (None if together else locks.Holder(one.pid))
            if blocked:
                assert f"process {one.pid} in {os.getcwd()} (" in str(blocked)
                assert re.search(r", since \d\d:\d\d:\d\d\)$", str(blocked))
            with holder(second) as other:
                assert is_in(other, 60 if together else 1) == together
                one.stdin.close()
                assert is_in(other, 60)
                other.stdin.close()
    inside = []

    def enter():
        with machine_lock(exclusive=True):
            inside.append(1)
            assert len(inside) == 1
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_wait_is_told_at_once_now_and_then_and_when_it_is_over(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "lock_file", lambda: str(tmp_path / "lock"))
    code = (
        f"import sys; sys.path.insert(0, {os.getcwd()!r})\nfrom pipeline.core import locks\n"
        f"locks.lock_file = lambda: {str(tmp_path / 'lock')!r}\n"
        "with locks.machine_lock(exclusive=True): print('in', flush=True); sys.stdin.read()\n"
    )
    waits_seen = []
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"in\n"
        threading.Timer(0.3, holder.stdin.close).start()
        with locks.machine_lock(exclusive=False, on_wait=lambda *each: waits_seen.append(each)) as waited:
            assert waited > 0.1
    assert {who for who, _ in waits_seen[:-1]} == {locks.Holder(holder.pid)}
    assert waits_seen[-1] == (None, waited)
    waits, now = Waits(), time.monotonic()
    assert waits.line(waits_seen[0][0], 0.0).startswith(f"waiting for process {holder.pid}")
    assert waits.line(waits_seen[0][0], 5.0) is None
    monkeypatch.setattr(time, "monotonic", lambda: now + 130)
    assert waits.line(waits_seen[0][0], 130.0).startswith(
        f"still waiting, after 2 min, for process {holder.pid}"
    )
