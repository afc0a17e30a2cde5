"""CoreMark built the way that others build it: other ports than ours, compiled with the bundled toolchain."""

import subprocess
from pathlib import Path

from pipeline import coremark, layout
from toolchain import discover
from toolchain.model import WASM

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
    work = module.parent / f"{module.stem} sources"
    work.mkdir(parents=True)
    left = set(edits)
    for name in (*coremark.SOURCES, *coremark.HEADERS):
        text = Path(layout.SOURCES, name).read_text(encoding="utf-8")
        for old, new in edits.items():
            if name.startswith("core_portme") and old in text:
                text = text.replace(old, new)
                left.discard(old)
        (work / name).write_text(text, encoding="utf-8")
    assert not left, f"not in our port: {left}"
    zig = discover({"wasi_sdk": []})["zig"]
    objects = []
    for name in coremark.SOURCES:
        objects.append(str(work / f"{name}.o"))
        _do(zig, zig.compile(WASM, [*flags, '-DFLAGS_STR="theirs"'], str(work / name), objects[-1]))
    _do(zig, zig.link(WASM, objects, layout.libc("zig", WASM), str(module)))
    return module


def _do(toolchain, command):
    environment = toolchain.environment(layout.toolchain_cache(toolchain.name))
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)
