"""CoreMark built the way that others build it: other ports than ours, compiled with the bundled toolchain."""

import subprocess
from pathlib import Path

from pipeline.core import paths
from pipeline.workloads import workload_toml
from toolchain import discover
from toolchain.model import WASM

_COREMARK = workload_toml.read("workloads/coremark", own=True)
_FILES = (*_COREMARK.sources, *_COREMARK.headers)
_PORT = ("core_portme.c", "core_portme.h")
#: A clock of milliseconds, as EEMBC's own POSIX port has.
COARSE = {"1000000u": "1000u", "ns / 1000u": "ns / 1000000"}


def whole(iterations, seed=0):
    """A program that does what it likes: seeds and iterations are its own (EEMBC's SEED_VOLATILE)."""
    names = (seed, 0, 0x66, iterations, 0)
    seeds = "".join(f"volatile ee_s32 seed{i}_volatile = {value};\n" for i, value in enumerate(names, 1))
    return {
        "SEED_METHOD SEED_ARG": "SEED_METHOD SEED_VOLATILE",
        "ee_u32 default_num_contexts = MULTITHREAD;": f"ee_u32 default_num_contexts = MULTITHREAD;\n{seeds}",
    }


def build(module: Path, edits, flags=("-O2",)) -> Path:
    """A WASI command of CoreMark with our port, in which some texts are others."""
    texts = {name: Path(_COREMARK.root, name).read_text(encoding="utf-8") for name in _FILES}
    for old, new in edits.items():
        assert any(old in texts[name] for name in _PORT), f"not in our port: {old}"
        texts |= {name: texts[name].replace(old, new) for name in _PORT}
    return _build(module, texts, [*flags, '-DFLAGS_STR="given"'], paths.libc("zig", WASM))


def build_program(module: Path, text: str, target: str = WASM, flags=("-O2",)) -> Path:
    """A program of one C file, as a WASI command or natively."""
    source = module.with_suffix(".c")
    source.write_text(text, encoding="utf-8")
    zig = discover({"wasi_sdk": []})["zig"]
    _do(zig, zig.compile(target, flags, str(source), f"{module}.o"))
    _do(zig, zig.link(target, [f"{module}.o"], paths.libc("zig", target), str(module)))
    return module


def build_run(module: Path, clock: str, edits=()) -> Path:
    """A module that exports ``run`` and imports ``env.clock_ms``, which returns i32 or i64; no C library."""
    texts = {name: Path(_COREMARK.root, name).read_text(encoding="utf-8") for name in _FILES}
    texts |= {name: Path(f"tests/guests/{name.replace('core', 'run')}").read_text("utf-8") for name in _PORT}
    for old, new in dict(edits).items():
        assert old in texts["core_portme.c"], old
        texts["core_portme.c"] = texts["core_portme.c"].replace(old, new)
    link = ["--no-entry", "-z", "stack-size=65536"]
    return _build(module, texts, ["-O2", f"-DCLOCK_BITS={clock[1:]}"], None, link)


def _build(module, texts, flags, libc, link=()):
    work = module.parent / f"{module.stem} sources"
    work.mkdir(parents=True)
    for name, text in texts.items():
        (work / name).write_text(text, encoding="utf-8")
    zig = discover({"wasi_sdk": []})["zig"]
    objects = []
    for name in _COREMARK.sources:
        objects.append(str(work / f"{name}.o"))
        _do(zig, zig.compile(WASM, flags, str(work / name), objects[-1]))
    _do(zig, zig.link(WASM, objects, libc, str(module), link))
    return module


def _do(toolchain, command):
    environment = toolchain.environment(paths.toolchain_cache(toolchain.name))
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)
