"""Every toolchain does what its labels say: six levels are six levels."""

from __future__ import annotations

import subprocess

import pytest

from pipeline import build, coremark, layout
from pipeline.errors import BadInput
from pipeline.store import sha256
from toolchain import discover
from toolchain.model import NATIVE, TARGETS, WASM, Variant

LEVELS = ("O0", "O1", "O2", "O3", "Os", "Oz")


@pytest.fixture(params=sorted(discover()))
def toolchain(request, prepared):
    return discover()[request.param]


def objects(toolchain, target, level):
    """Digests of the objects that do not hold the flags as text."""
    stems = [s for s in coremark.SOURCES if s != "core_main.c"]
    return {s: sha256(build.object_path(toolchain.name, level, target, s)) for s in stems}


@pytest.mark.parametrize("target", TARGETS)
def test_every_level_really_reaches_the_compiler(toolchain, target):
    found = {level: objects(toolchain, target, level) for level in LEVELS}
    for one in LEVELS:
        for other in LEVELS:
            if one < other:
                assert found[one] != found[other], f"{one} and {other} are the same code"
    # What zig cc would give: -O1, -O2 and -O3 alike, -Os and -Oz alike.
    for one, other in (("O1", "O2"), ("Os", "Oz"), ("O0", "O1")):
        assert found[one]["core_matrix.c"] != found[other]["core_matrix.c"]


def test_the_printed_flags_are_the_flags(prepared):
    for level in LEVELS:
        path = build.artifact_path("zig", level, NATIVE)
        out = subprocess.run([path, "0", "0", "0x66", "10"], capture_output=True, text=True)
        assert f"Compiler flags   : -{level}\n" in out.stdout
        assert "Compiler version : Clang 22" in out.stdout
        run = coremark.judge(out.stdout, coremark.PERFORMANCE, 10)
        assert run.iterations == 10


@pytest.mark.parametrize("flag", ["-O9", "-O4", "-funrol-loops", "-mllvm -no-such", "-lm", "x.c"])
def test_a_flag_that_the_compiler_doubts_is_refused(toolchain, tmp_path, monkeypatch, flag):
    variant = Variant("odd", tuple(flag.split()))
    with pytest.raises(BadInput, match=r"^here: flags .*refuses it for wasm32"):
        build.check_flags(toolchain, variant, TARGETS, "here")
    assert not (layout.ROOT / layout.flags(toolchain.name, "odd")).exists()


def test_a_flag_of_wasm_only_is_taken_and_noted(toolchain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build.check_flags(toolchain, Variant("simd", ("-O3", "-msimd128")), TARGETS, "here")
    text = (tmp_path / layout.flags(toolchain.name, "simd")).read_text()
    assert "unsupported option '-msimd128'" in text
    assert WASM not in text.replace("wasm32", "")


def test_flags_with_quotes_and_spaces_arrive_as_they_are(toolchain, prepared, tmp_path):
    flags = ("-O1", '-DTEXT="a \\"b\\" c"', "-DN=1 + 1")
    source = tmp_path / "a b.c"
    source.write_text('#include <stdio.h>\nint main(void) { printf("%s %d", TEXT, N); return 0; }\n')
    obj, exe = str(tmp_path / "a b.o"), str(tmp_path / "a b")
    environment = toolchain.environment(str(tmp_path))
    variant = Variant("v", flags)
    compile_ = toolchain.compile(NATIVE, build.program_flags(variant), str(source), obj)
    subprocess.run(compile_, check=True, env=environment)
    link = toolchain.link(NATIVE, [obj], layout.libc(toolchain.name, NATIVE), exe)
    subprocess.run(link, check=True, env=environment)
    out = subprocess.run([exe], capture_output=True, text=True, check=True).stdout
    assert out == 'a "b" c 2'
