"""WasmEdge, in a host in C: what its proof notices."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, prove
from pipeline.measure.worker_messages import Loaded
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled

MODES = ("aot", "jit", "interpreter")
MEMORY_MIB = 700


@pytest.fixture(scope="module")
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)


@pytest.fixture(scope="module")
def guest(prepared, tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("guest modules"), "tests/guests/guest.c")


@pytest.fixture(scope="module")
def loaded(present, protocol, guest):
    """What a host says that is started as one backend and asked for other options."""

    def load(name, **options):
        backend = present(name)
        with start(backend, protocol) as worker:
            request = {"op": "load", "path": guest, "options": {**backend.options, **options}}
            return msgspec.convert(worker.request(request, 60), Loaded)

    return load


@pytest.mark.parametrize("label", MODES)
@pytest.mark.parametrize("mode", MODES)
def test_a_label_is_proved_by_its_own_mode_alone(present, loaded, label, mode):
    backend = present(f"wasmedge.{label}")
    found = loaded(backend.name, mode=mode)
    if label == mode:
        prove(backend, found, backend.runtime.version)
    else:
        with pytest.raises(Ended, match="it should prove code "):
            prove(backend, found, backend.runtime.version)


@pytest.mark.parametrize("label", ["aot", "jit"])
def test_a_module_that_is_silently_interpreted_is_invalid(present, loaded, label):
    """WasmEdge interprets what its AOT compiler made if its run mode is a different one, and says nothing."""
    backend = present(f"wasmedge.{label}")
    found = loaded(backend.name, run_mode="interpreter")
    assert found.proof == {"code": "none", "executable_bytes_added": 0}
    with pytest.raises(Ended, match=r"it should prove code '.*', but its code is 'none'"):
        prove(backend, found, backend.runtime.version)


def test_a_mode_that_there_is_not_is_unavailable(present, protocol, guest):
    with start(present("wasmedge.aot"), protocol) as worker:
        request = {"op": "load", "path": guest, "options": {"mode": "turbo"}}
        assert worker.request(request, 60) == {"unavailable": "this release of WasmEdge has no such mode"}
