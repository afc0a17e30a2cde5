"""Wasmtime, rightly, but for the clock that its guests read: LIE of the environment names it below.

A line of the file LOOKS is a run's time, ns: what it was, and what its guest was given.
"""

import itertools
import os
import time

import serve
import wasmtime
import wasmtime_worker

LIE = os.environ["LIE"]
HOUR_NS = 3600 * 10**9
#: Of looks at the clock, two a run: validation and calibration are behind it, unless the machine is busy.
LATER = 18
#: So many runs of one size, one after the other, are chunks: a clock is checked by at most five of them.
CHUNKS = 7
looks = itertools.count()
began = begun = given = 0
size, equal = None, 0


def lied():
    """The nanoseconds that are due, wrong as it was asked for."""
    global began, begun, given
    true, look = time.monotonic_ns(), next(looks)
    began = began if equal >= CHUNKS else true
    begun = begun if look % 2 else true
    honest = look <= LATER or look // 2 % 2 == 0
    now = {
        "honest": true,
        "still": 10**9,
        "zero": 0,
        "backwards": 2**62 - true,
        "forward": true + look * HOUR_NS,
        "back": true + HOUR_NS * (1000 - look),
        "fast": true * 13 // 10,
        "slow": true * 7 // 10,
        "later-fast": began + (true - began) * 13 // 10,
        "later-slow": began + (true - began) // 2,
        "later-still": began,
        # Of each run by itself: in every other.
        "often-slow": true if honest else begun + (true - begun) // 2,
    }[LIE]
    if look % 2:
        with open(os.environ["LOOKS"], "a", encoding="utf-8") as stream:
            stream.write(f"{true - begun} {now - given}\n")
    given = now
    return now


def clock_time_get(caller, _clock, _precision, at):
    caller["memory"].write(caller, lied().to_bytes(8, "little"), at)
    return 0


class Linker(wasmtime.Linker):
    """One whose WASI has that clock."""

    def define_wasi(self):
        super().define_wasi()
        self.allow_shadowing = True
        i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
        kind = wasmtime.FuncType([i32, i64, i32], [i32])
        name = ("wasi_snapshot_preview1", "clock_time_get")
        self.define_func(*name, kind, clock_time_get, access_caller=True)


def load(path, options):
    run, facts = wasmtime_worker.load(path, options)

    def counted(request):
        global size, equal
        equal = equal + 1 if request["argv"] == size else 1
        size = request["argv"]
        return run(request)

    return counted, facts


wasmtime.Linker = Linker
serve.serve(load)
