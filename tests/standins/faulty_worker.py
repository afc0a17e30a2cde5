"""A worker that runs native executables rightly, but for one fault at one moment.

Its environment says which: FAULT_AT is "start", "load", "run N", or "from run N"; FAULT names
a function below, FAULT_WITH is what it is given.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import native_worker
import serve

AT, WITH = os.environ["FAULT_AT"], os.environ.get("FAULT_WITH", "")
REQUESTS, ANSWERS = os.fdopen(os.dup(0), "rb"), os.dup(1)


def say(raw):
    while raw:
        raw = raw[os.write(ANSWERS, raw) :]


def line(answer):
    return json.dumps(answer).encode() + b"\n"


def die(answer):
    """Of a signal, also where Python handles it."""
    number = int(WITH)
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    time.sleep(600)


def leave(answer):
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    os._exit(int(WITH))


def half(answer):
    say(line(answer)[:20])
    os._exit(0)


def rubbish(answer):
    """A character a byte, with escapes as in Python."""
    say(WITH.encode().decode("unicode_escape").encode("latin-1"))
    time.sleep(600)


def endless(answer):
    while True:
        say(b"x" * 65536)


def deep(answer):
    say(b"[" * 100000 + b"\n")
    time.sleep(600)


def changed(answer):
    """An answer with other values: JSON, with NaN and Infinity."""
    say(line({**answer, **json.loads(WITH)}))


def miscounts(answer):
    """Its guest computed something else."""
    head, name, tail = answer["stdout"].partition("crcfinal      : 0x")
    say(line({**answer, "stdout": f"{head}{name}{'0' if tail[0] != '0' else '1'}{tail[1:]}"}))


def lacking(answer):
    say(line({key: value for key, value in answer.items() if key != WITH}))


def replaced(answer):
    say(line(json.loads(WITH)))


def vast(answer):
    say(line({**answer, "proof": {"machine": "x" * 5000000}}))


def twice(answer):
    say(2 * line(answer))


def late(answer):
    time.sleep(float(WITH))
    say(line(answer))


def closes(answer):
    os.close(ANSWERS)
    time.sleep(600)


def breeds(answer):
    """Two that live on and hold what the worker holds, one of them by a parent that is gone; it may die."""
    held = {"pass_fds": [ANSWERS], "stdout": ANSWERS}
    subprocess.Popen(["sleep", "3600"], **held)
    subprocess.Popen(["sh", "-c", "sleep 3600 & exit"], **held).wait()
    if WITH:
        os.kill(os.getpid(), int(WITH))
    say(line(answer))


def deaf(answer):
    """To all that can be ignored, and to the end of its input."""
    for number in signal.valid_signals() - {signal.SIGCHLD}:
        with contextlib.suppress(OSError):  # SIGKILL, SIGSTOP
            signal.signal(number, signal.SIG_IGN)
    say(line(answer))


def noisy(answer):
    """On standard error, more than a pipe holds."""
    for _ in range(32):
        os.write(2, b"\x1b[31mnoise\n" * 10000)
    say(line(answer))


def once(answer):
    """Dies where a file is not there yet."""
    if not os.path.exists(WITH):
        open(WITH, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    say(line(answer))


def answer_with(moment, answer):
    first = int(AT.rpartition(" ")[2]) if AT.startswith("from run ") else None
    if moment == AT or (first is not None and moment.startswith("run ") and runs >= first):
        globals()[os.environ["FAULT"]](answer)
    else:
        say(line(answer))


runs = 0
serve.set_input(os.devnull)
os.dup2(os.memfd_create("guest-output", 0), 1)
answer_with("start", {"protocol": 1, "monotonic": time.monotonic()})
for request in map(json.loads, REQUESTS):
    if request["op"] == "load":
        run, facts = native_worker.load(request["path"], request["options"])
        answer_with("load", facts)
    else:
        runs += 1
        answer_with(f"run {runs}", serve._run(run, request))
if os.environ["FAULT"] == "deaf":
    time.sleep(600)
os._exit(0)
