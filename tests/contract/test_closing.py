"""A program that closes its outputs before its end is timed all the same: guest_clock.c."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.experiment import matrix
from pipeline.runtimes.launch import start
from toolchain import discover
from toolchain.model import NATIVE, WASM

#: JavaScriptCore maps 4 GiB for a memory, for a moment.
MEMORY_MIB = 6144
SOURCES = ("tests/guests/closes.c", paths.GUEST_CLOCK)
CLOCK_LINE = re.compile(r"hello\ncoremark-wasm: ran \d+ ns.* ns\n")
#: Whose C library is in ``build/`` when these tests run: that of each toolchain is made by its first build.
TOOLCHAINS = [
    name for name, toolchain in discover().items() if name == "zig" or Path(paths.libc(name, WASM)).exists()
]


@pytest.fixture(scope="module")
def backend(distinct):
    return distinct


@pytest.fixture(scope="module")
def protocol():
    return replace(matrix.load({}).protocol, memory_mib=MEMORY_MIB)


def built(folder, toolchain, target):
    environment = toolchain.environment(str(folder))
    objects = []
    for source in SOURCES:
        objects.append(str(folder / f"{Path(source).stem}.{target}.o"))
        command = toolchain.compile(target, ["-O1"], source, objects[-1])
        subprocess.run(command, check=True, env=environment)
    made = str(folder / f"closes.{target}")
    link = toolchain.link(target, objects, paths.libc(toolchain.name, target), made)
    subprocess.run(link, check=True, env=environment)
    return made


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("closing guests")
    return {target: built(folder, discover()["zig"], target) for target in (WASM, NATIVE)}


def run(backend, protocol, path, *argv):
    with start(backend, protocol) as worker:
        worker.request({"op": "load", "path": path, "options": dict(backend.options)}, 60)
        return worker.request({"op": "run", "argv": ["guest", *argv], "watch": False}, 60)


def test_the_last_line_is_there(backend, protocol, guests):
    answer = run(backend, protocol, guests[NATIVE if backend.native else WASM])
    assert (answer["outcome"], answer["code"]) == ("exit", 0), answer["message"]
    assert CLOCK_LINE.fullmatch(answer["stdout"]), answer["stdout"]


def test_what_is_closed_cannot_be_closed_again(backend, protocol, guests):
    """The program sees no difference."""
    answer = run(backend, protocol, guests[NATIVE if backend.native else WASM], "early")
    assert (answer["outcome"], answer["code"]) == ("exit", 3)
    assert answer["stdout"] == "hello\n"


@pytest.mark.parametrize("name", TOOLCHAINS)
def test_with_the_c_library_of_each_toolchain(present, protocol, prepared, tmp_path, name):
    answer = run(present("wasmtime.cranelift"), protocol, built(tmp_path, discover()[name], WASM))
    assert CLOCK_LINE.fullmatch(answer["stdout"]), answer["stdout"]
