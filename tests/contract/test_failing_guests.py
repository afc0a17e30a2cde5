"""Under every backend: what a guest wrote to standard error, and where it trapped, reach the parent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.model import Status
from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, Guest
from pipeline.runtimes.launch import start
from tests.contract.conftest import LOSES_OUTPUT, compiled
from toolchain.model import NATIVE, WASM

#: JavaScriptCore maps 4 GiB for a memory, for a moment.
MEMORY_MIB = 6144
#: Those that name no functions (Bun's traces have none of wasm), and one that names the innermost only.
NO_BACKTRACE = ("native", "wasm2c.", "jsc.", "wasmi.", "tinywasm", "wasmedge.", "chicory.i", "endive.i")
INNERMOST = "wasmer.singlepass"


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guest modules")
    return {target: compiled(folder, "tests/guests/fails.c", target) for target in (WASM, NATIVE)}


@pytest.fixture(scope="module")
def guest(backend, guests):
    protocol = replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)
    with start(backend, protocol) as worker:
        guest = Guest(worker, backend.name, protocol, backend.forks)
        guest.load(guests[NATIVE if backend.native else WASM], backend.options)
        yield guest


def ran(guest, how):
    return guest.worker.request({"op": "run", "argv": ["guest", how], "watch": False}, 60)


def ended(guest, how):
    """The status and the reason of a cell whose guest does this."""
    with pytest.raises(Ended) as caught:
        guest._answer({"argv": ["guest", how]}, watch=False)
    return caught.value.status, caught.value.reason


def test_standard_error_is_passed_on(guest):
    for _ in range(2):
        answer = ran(guest, "status")
        assert (answer["outcome"], answer["code"]) == ("exit", 3)
        assert answer["stdout"] == "a part\n"
        assert answer["stderr"].encode("latin-1").decode() == "cannot open table.bin\nhé too\n"
        assert answer["backtrace"] == []
    assert ran(guest, "")["stderr"] == ""
    assert ended(guest, "status") == (
        Status.INVALID,
        f"{guest.who}: the guest exited with 3; standard error: cannot open table.bin | hé too",
    )


def test_its_beginning_is_enough(guest):
    answer = ran(guest, "much")
    assert (answer["outcome"], answer["code"]) == ("exit", 0)
    assert answer["stderr"] == ("0123456789" * 410)[:4096]
    assert ran(guest, "")["stderr"] == ""


def test_a_trap_names_the_guests_functions(guest, backend):
    for _ in range(2):
        answer = ran(guest, "assert")
        assert answer["outcome"] == "trap"
        assert answer["stdout"] == ("" if backend.name.startswith(LOSES_OUTPUT) else "a part\n")
        assert answer["stderr"].startswith("Assertion failed: size > 100 (")
        assert answer["stderr"].count("\n") == 1
        found = answer["backtrace"]
        if backend.name.startswith(NO_BACKTRACE):
            assert found == []
        elif backend.name == INNERMOST:
            assert found == ["abort"]
        else:
            assert found[:5] == ["abort", "__assert_fail", "check_size", "read_table", "main"]
    status, reason = ended(guest, "assert")
    assert status is Status.TRAP
    assert "; standard error: Assertion failed: size > 100 (" in reason
    named = not backend.name.startswith(NO_BACKTRACE) and backend.name != INNERMOST
    assert reason.endswith("; in check_size, called by read_table, called by main") == named
