"""Wasmtime's crate, in a host in Rust: what its proof notices."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, prove
from pipeline.measure.worker_messages import Loaded
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled

COMPILERS = ("cranelift", "winch", "pulley")


@pytest.mark.parametrize("asked", COMPILERS)
@pytest.mark.parametrize("label", COMPILERS)
def test_a_label_that_is_not_what_runs_is_invalid(present, tmp_path, label, asked):
    backend = present(f"wasmtime-crate.{label}")
    with start(backend, matrix.load({}).protocol) as worker:
        options = {"compiler": asked}
        module = compiled(tmp_path, "tests/guests/guest.c")
        answer = worker.request({"op": "load", "path": module, "options": options}, 60)
    found = msgspec.convert(answer, Loaded)
    if asked == label:
        prove(backend, found, backend.runtime.version)
        return
    with pytest.raises(Ended, match="it should prove "):
        prove(replace(backend, options=options), found, backend.runtime.version)
