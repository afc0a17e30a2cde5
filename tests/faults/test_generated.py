"""Valid modules that generators make, of all proposals that they know: our reader takes what engines take."""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter

import pytest
import wasmtime

from pipeline.build import prebuilt
from pipeline.core.artifact import Artifact, load_record
from pipeline.core.model import PREBUILT, Prebuilt
from pipeline.runtimes.backends import discover
from pipeline.runtimes.launch import hosted_by
from pipeline.wasm import code_diff, interface, module, wasm_tools
from pipeline.wasm.sections import sections, without_custom
from toolchain import wasm_opt
from toolchain.model import WASM

FAULTS = "valid modules of generators"
#: wasm-opt's, each on or off; smith's that are off unless asked for.
BINARYEN = (
    *("sign-ext", "threads", "mutable-globals", "nontrapping-float-to-int", "simd", "bulk-memory"),
    *("exception-handling", "tail-call", "reference-types", "multivalue", "gc", "memory64"),
    *("typed-function-references", "relaxed-simd", "extended-const"),
)
OLD = ("gc", "typed-function-references")
SMITH = ("gc", "custom-page-sizes", "memory64", "wide-arithmetic", "tail-call", "threads", "exceptions")
#: Of wasmtime: all that it has.
PROPOSALS = (
    *("threads", "custom_page_sizes", "exceptions", "function_references", "gc", "memory64"),
    *("multi_memory", "relaxed_simd", "tail_call", "wide_arithmetic"),
)
VALIDATE = """
const fs = require("fs");
const files = JSON.parse(fs.readFileSync(0));
console.log(JSON.stringify(files.map((file) => WebAssembly.validate(fs.readFileSync(file)))));
"""


def by_binaryen(chance, path, seed):
    """A module that wasm-opt makes of random bytes."""
    program = wasm_opt.find()
    # Those that engines have in a newer form than Debian's wasm-opt are rarely on.
    on = {name: chance.random() < (0.05 if name in OLD else 0.5) for name in BINARYEN}
    switches = [f"--{'enable' if on[name] else 'disable'}-{name}" for name in BINARYEN]
    seed.write_bytes(chance.randbytes(chance.choice((100, 1000, 4000))))
    command = [program, "-ttf", str(seed), "-o", str(path), *switches]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def by_wasm_tools(chance, path, _seed):
    """The same by wasm-tools' generator."""
    switches = [f"--{name}-enabled={str(chance.random() < 0.5).lower()}" for name in SMITH]
    command = [wasm_tools.executable(), "smith", "--min-funcs=1", *switches, "-o", str(path)]
    given = chance.randbytes(chance.choice((200, 2000, 20_000)))
    return subprocess.run(command, input=given, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def engine():
    config = wasmtime.Config()
    for name in PROPOSALS:
        setattr(config, f"wasm_{name}", True)
    config.shared_memory = True
    return wasmtime.Engine(config)


def taken_by_wasmtime(engine, data):
    try:
        wasmtime.Module.validate(engine, data)
    except wasmtime.WasmtimeError:
        return False
    return True


def taken_by_v8(paths):
    """Of each file whether V8 takes it; None for all where it is not installed."""
    node = hosted_by(discover()["v8.default"].runtime)
    if node is None:
        return [None] * len(paths)
    files = json.dumps([str(path) for path in paths])
    done = subprocess.run([node, "-e", VALIDATE], input=files, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def read(path, data, whole):
    """Read all of a module that ever is; returns the number of its functions."""
    if whole:  # some thirty calls of wasm-tools
        prebuilt.take_in("coremark", Prebuilt("given", str(path)))
        record = load_record(Artifact("coremark", PREBUILT, "given", WASM))
        assert record.features is not None, path
        trouble = record.unrunnable
    else:
        wasm_tools.run(without_custom(data, sections(data)), "validate", "--features", "all")
        trouble = interface.check(data).trouble
    assert "no WebAssembly module" not in str(trouble), (path, trouble)
    program = module.read(data)
    code_diff.codes(program)
    return len(program.functions)


@pytest.mark.parametrize("generator", [by_binaryen, by_wasm_tools])
def test_what_an_engine_takes_is_read(generator, engine, often, tried, tmp_path, monkeypatch):
    if generator is by_binaryen and wasm_opt.missing():
        pytest.skip(wasm_opt.missing())
    monkeypatch.chdir(tmp_path)
    chance, tally, functions = random.Random(generator.__name__), Counter(), 0
    made = []
    while len(made) < often(24, 1000):  # wasm-opt fails at some combinations
        path = tmp_path / f"{len(made)}.wasm"
        if generator(chance, path, tmp_path / "seed"):
            made.append(path)
    for path, by_v8 in zip(made, taken_by_v8(made), strict=True):
        data = path.read_bytes()
        who = {"wasmtime": taken_by_wasmtime(engine, data), "V8": by_v8}
        takers = " and ".join(name for name, takes in who.items() if takes)
        if takers:
            functions += read(path, data, whole=often(made.index(path) < 3, True))
        tally[takers] += 1
    assert sum(times for takers, times in tally.items() if takers) > 0.3 * len(made)
    assert functions > len(made)
    name = generator.__name__.replace("_", " ")
    for takers, times in tally.items():
        outcome = "read, with its features" if takers else "not asked of us"
        tried(f"a module {name} that {takers or 'no engine'} takes", outcome, times)
