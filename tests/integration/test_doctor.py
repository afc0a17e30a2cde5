"""doit run doctor: everything that is known, with its location or how to install it; it never fails."""

import re

from pipeline.runtimes.backends import discover


def test_doctor_names_every_backend_and_how_to_get_the_missing_ones(workspace):
    workspace.append(
        "matrix.toml", '[runtimes.no-such-runtime]\nargv = ["no-such", "{artifact}", "{args}"]\n'
    )
    outcome = workspace.doit("run", "doctor")
    assert outcome.returncode == 0, outcome.stderr
    text = outcome.stdout
    for name in [*discover(), "zig", "no-such-runtime"]:
        assert name in text
    assert re.search(r"wasmtime\.cranelift +present +wasmtime \d+", text)
    assert re.search(r"no-such-runtime +missing +there is no no-such on PATH", text)


def test_doctor_shows_how_to_install_a_missing_package(workspace):
    workspace.edit(
        "pipeline/runtimes/backends/wasmtime.py", 'packages=("wasmtime",)', 'packages=("wasmtime-none",)'
    )
    outcome = workspace.doit("run", "doctor")
    assert outcome.returncode == 0
    assert "the package wasmtime-none is not installed; run: pip install -e ." in outcome.stdout
