"""Modules that export ``run`` and get ``env.clock_ms`` from us: what every worker makes of them."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
import wasmtime

from pipeline.experiment import backend_selection, matrix
from pipeline.experiment.backend_selection import RuntimeTable
from pipeline.runtimes.launch import start
from tests.contract.conftest import BACKENDS
from tests.foreign import build_run

KINDS = ("i32", "i64")
#: Those that start a command, and Wasmer's SDK: neither can give a module a function of ours.
UNABLE = ("command_worker.py", "wasmer_sdk_worker.py")
ABLE = [name for name, b in BACKENDS.items() if not b.native and b.runtime.worker not in UNABLE]
#: Virtual milliseconds a real one: the ten seconds of a run take some ten milliseconds.
SPEED = 1000


@pytest.fixture(scope="session")
def coremarks(prepared, tmp_path_factory):
    """CoreMark with our port of this interface, {what its clock returns: path}."""
    folder = tmp_path_factory.mktemp("run interface")
    return {kind: str(build_run(folder / f"{kind}.wasm", kind)) for kind in KINDS}


@pytest.fixture
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=700)


@pytest.fixture(params=ABLE)
def backend(request, chosen):
    return chosen(request.param)


@pytest.fixture
def worker(backend, protocol):
    with start(backend, protocol) as worker:
        yield worker


def load(worker, backend, path, **more):
    options = {**backend.options, **more}
    return worker.request({"op": "load", "path": str(path), "options": options}, 60)


def run(worker, speed=SPEED):
    request = {"op": "run", "argv": ["guest"], "watch": False, "speed": speed}
    answer = worker.request(request, 30)
    assert answer["stdout"] == ""
    return answer


def returned(worker, speed=SPEED):
    answer = run(worker, speed)
    assert (answer["outcome"], answer["code"]) == ("exit", 0), answer["message"]
    facts = answer["returned"]
    assert facts["clock_ns"] < answer["wall_seconds"] * 1e9
    # Both come from the same time. The guest gets whole milliseconds, we get whole nanoseconds.
    assert abs(facts["clock_ms"] - facts["clock_ns"] * speed / 1e6) < 1.001 + facts["clock_ms"] * 1e-9
    return facts


@pytest.mark.parametrize("kind", KINDS)
def test_coremark_runs_by_our_clock(worker, backend, coremarks, kind):
    """A run whose last stretch is below ten seconds is an error to CoreMark: it calibrated while it was slow.

    That happens on a busy machine, and where code is compiled again when it is hot.
    """
    loaded = load(worker, backend, coremarks[kind], clock=kind)
    for name, value in backend.proof.items():
        assert loaded["proof"][name] == value, name
    scores = []
    for _ in range(20):
        facts = returned(worker)
        assert facts["calls"] >= 4
        assert facts["calls"] % 2 == 0
        if facts["score"] == 0:
            assert 0 < facts["clock_ms"] < 10_000
            continue
        iterations = facts["score"] * facts["clock_ms"] / 1000
        assert facts["clock_ms"] >= 10_000
        assert round(iterations) >= 10
        assert abs(iterations - round(iterations)) < 0.02
        scores.append(facts["score"])
        if len(scores) == 2:
            return
    pytest.fail(f"20 runs, and these scores: {scores}")


CALL, DROP, UNREACHABLE = b"\x10\x00", b"\x1a", b"\x00"
TO_F32 = {"i32": b"\xb2", "i64": b"\xb4"}
SUBTRACT = {"i32": b"\x6b", "i64": b"\x7d"}
TYPE = {"i32": b"\x7f", "i64": b"\x7e"}


def f32(number):
    return b"\x43" + struct.pack("<f", number)


def section(number, content):
    assert len(content) < 128
    return bytes([number, len(content)]) + content


def named(text):
    return bytes([len(text)]) + text


def module(kind, body):
    """A module of this interface whose ``run`` has a local of the clock's type and two i32, and this body."""
    code = b"\x02\x01" + TYPE[kind] + b"\x02\x7f" + body + b"\x0b"
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            section(1, b"\x02" + b"\x60\x00\x01" + TYPE[kind] + b"\x60\x00\x01\x7d"),
            section(2, b"\x01" + named(b"env") + named(b"clock_ms") + b"\x00\x00"),
            section(3, b"\x01\x01"),
            section(5, b"\x01\x00\x01"),
            section(6, b"\x01\x7d\x01" + f32(0) + b"\x0b"),  # a mutable f32
            section(7, b"\x02" + named(b"memory") + b"\x02\x00" + named(b"run") + b"\x00\x01"),
            section(10, b"\x01" + bytes([len(code)]) + code),
        )
    )


def i32(number):
    """i32.const of a number that is not negative."""
    encoded = []
    while number > 63:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([0x41, *encoded, number])


def busy(rounds):
    """Rounds that no compiler can leave out: x = x * x + 1013904223, at last stored."""
    return b"".join(
        (
            i32(rounds) + b"\x21\x01\x03\x40",  # local 1 = rounds; loop
            b"\x20\x02\x20\x02\x6c" + i32(1013904223) + b"\x6a\x21\x02",
            b"\x20\x01" + i32(1) + b"\x6b\x22\x01\x0d\x00\x0b",  # local 1 -= 1, again unless 0; end
            i32(0) + b"\x20\x02\x36\x02\x00",
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_guest_sees_what_is_noted(worker, backend, tmp_path, kind):
    """Also where its 32 bits begin again: after 2**32 ms. Hosts count virtual ns in 63 bits: 2**43 ms."""
    path = tmp_path / "module.wasm"
    difference = CALL + b"\x21\x00" + busy(100_000) + CALL + b"\x20\x00" + SUBTRACT[kind] + TO_F32[kind]
    path.write_bytes(module(kind, difference))
    load(worker, backend, path, clock=kind)
    took_ns = 1e6
    for milliseconds in (1, 2**10, 2**38):  # that the clock should show
        facts = returned(worker, milliseconds * 1e6 / took_ns)
        assert facts["calls"] == 2
        took_ns, seen = facts["clock_ns"], facts["clock_ms"]
        if milliseconds == 2**38:
            assert seen > 2**32
        if kind == "i32":
            seen = (seen + 2**31) % 2**32 - 2**31
        assert facts["score"] == struct.unpack("f", struct.pack("f", seen))[0]


def test_the_clock_keeps_time(worker, backend, tmp_path):
    """Nearly all of a run that does nothing but work between two calls, at best: the host's part is small."""
    path = tmp_path / "module.wasm"
    path.write_bytes(module("i64", CALL + DROP + busy(16_000_000) + CALL + DROP + f32(1)))
    load(worker, backend, path, clock="i64")
    shares = []
    for _ in range(10):
        answer = run(worker)
        shares.append(answer["returned"]["clock_ns"] / 1e9 / answer["wall_seconds"])
        if 0.6 < shares[-1] <= 1:
            return
    pytest.fail(f"shares of the host's time: {shares}")


@pytest.mark.parametrize("kind", KINDS)
def test_what_short_runs_return(worker, backend, tmp_path, kind):
    """Each in an instance of its own, and every score as a number that JSON has."""
    count = b"\x23\x00" + f32(1) + b"\x92\x24\x00\x23\x00"  # global 0 += 1
    cases = [
        (f32(7.5), 0, 7.5),
        (f32(float("nan")), 0, None),
        (f32(float("inf")), 0, None),
        (count, 0, 1.0),
        (CALL + TO_F32[kind], 1, 1000.0),
        (CALL + DROP + CALL + DROP + CALL + DROP + f32(0), 3, 0.0),
    ]
    path = tmp_path / "module.wasm"
    for body, calls, score in cases:
        path.write_bytes(module(kind, body))
        load(worker, backend, path, clock=kind)
        for _ in range(2):
            facts = returned(worker)
            assert (facts["calls"], facts["score"]) == (calls, score)
            assert set(facts) == {"score", "clock_ms", "clock_ns", "calls"}
            assert (facts["clock_ns"] > 0) == (calls > 1)


INITIALIZED = """(module
  (import "env" "clock_ms" (func $clock (result i64)))
  (memory (export "memory") 1)
  (global $calls (mut f32) (f32.const 0))
  (func (export "_initialize") (global.set $calls (f32.add (global.get $calls) (f32.const 1))) %s)
  (func (export "run") (result f32) (drop (call $clock)) (drop (call $clock)) (global.get $calls)))"""


def test_initialize_is_called_once_in_each_instance(worker, backend, tmp_path):
    """As the constructors of a reactor are, before anything else."""
    path = tmp_path / "module.wasm"
    path.write_bytes(wasmtime.wat2wasm(INITIALIZED % ""))
    load(worker, backend, path, clock="i64")
    for _ in range(2):
        facts = returned(worker)
        assert (facts["score"], facts["calls"]) == (1.0, 2)


def test_a_trap_in_initialize_is_a_trap(worker, backend, tmp_path):
    path = tmp_path / "module.wasm"
    path.write_bytes(wasmtime.wat2wasm(INITIALIZED % "unreachable"))
    load(worker, backend, path, clock="i64")
    assert run(worker)["outcome"] == "trap"


def test_a_trap_is_a_trap(worker, backend, tmp_path):
    path = tmp_path / "module.wasm"
    path.write_bytes(module("i64", CALL + DROP + UNREACHABLE))
    load(worker, backend, path, clock="i64")
    for _ in range(2):
        answer = run(worker)
        assert answer["outcome"] == "trap"
        assert "unreachable" in answer["message"].lower()
        assert "returned" not in answer


def test_such_a_module_is_no_command(worker, backend, tmp_path):
    """Without the option it is refused, as ever."""
    path = tmp_path / "module.wasm"
    path.write_bytes(module("i64", f32(1)))
    assert load(worker, backend, path)["refused"]


def unable():
    argv = ["true", "{artifact}", "{args}"]
    mine = backend_selection.known("matrix.toml", {"mine": RuntimeTable(tuple(argv))})["mine"]
    return [mine, *(b for b in BACKENDS.values() if b.runtime.worker in UNABLE)]


@pytest.mark.parametrize("backend", unable(), ids=lambda backend: backend.name)
def test_one_that_cannot_says_so(chosen, protocol, coremarks, backend):
    if backend.name in BACKENDS:
        chosen(backend.name)
    with start(backend, protocol) as worker:
        answer = load(worker, backend, coremarks["i64"], clock="i64")
    assert list(answer) == ["unavailable"]
    assert "runs WASI commands only: it cannot give the module env.clock_ms" in answer["unavailable"]
