"""A workload that mostly calls the host is reported to do so."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.measure.sample import SCHEMA, Sample
from pipeline.results.host_calls import least_share
from pipeline.results.problems import warnings

SAMPLE = Sample(
    schema=SCHEMA,
    key="k",
    inputs="i",
    cell="mine/zig/O3/wasm3",
    round=1,
    measured="2026-01-01T00:00:00+00:00",
    # A chunk of 10 iterations takes 0.1 s.
    iterations=10,
    scores=[100.0, 100.0, 50.0],
    reference_scores=[1.0] * 3,
    cpu_shares=[1.0] * 3,
    reference_cpu_shares=[1.0] * 3,
    processors=[0] * 3,
    machine_speed=1.0,
)


def sample(**changes):
    return msgspec.structs.replace(SAMPLE, **changes)


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({"wasi_calls": 4000}, 0.1),
        ({"wasi_calls": 4000, "cell": "mine/zig/O3/v8.liftoff"}, 0.002),
        ({"wasi_calls": 4000, "cell": "mine/zig/O3/v8.liftoff@24.1.0"}, 0.002),
        # Whose WASI is not ours, or costs what it costs natively.
        ({"wasi_calls": 4000, "cell": "mine/zig/O3/wasm2c.gcc-O3"}, None),
        ({"cell": "mine/zig/O3/wasmtime.winch"}, None),
        ({}, None),
        ({"wasi_calls": 4000, "iterations": None}, None),
    ],
)
def test_the_share_is_calls_times_cost(changes, share):
    assert least_share([sample(**changes)]) == (share if share is None else pytest.approx(share))


def test_much_is_a_warning():
    rounds = [sample(round=n, wasi_calls=calls) for n, calls in enumerate((9000, 10_000, 90_000), 1)]
    others = [
        sample(cell="mine/zig/O2/wasm3", wasi_calls=5000),
        sample(cell="a/zig/O2/wasm3", wasi_calls=400),
    ]
    (found,) = [w for w in warnings.find_warnings([*rounds, *others]) if w.name == "host calls"]
    assert found.found == (
        "calls to the host are 25% of the time of mine/zig/O3/wasm3 or more, "
        "and a tenth or more of 1 other cell"
    )
    calm = warnings.find_warnings([sample(wasi_calls=400)])
    assert not [w for w in calm if w.name == "host calls"]
