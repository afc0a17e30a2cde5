"""Every toolchain does what its labels say: six levels are six levels."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.build import flag_check
from pipeline.build.program_flags import program_flags
from pipeline.core import paths
from pipeline.core.artifact import Artifact, BuildSpec
from pipeline.core.errors import BadInput
from pipeline.core.files import sha256
from pipeline.coremark import validator
from pipeline.workloads import workload_toml
from tests.conftest import alone, doit, make_workspace
from toolchain import clang, discover, wasi_sdk, wasm_opt
from toolchain.model import NATIVE, TARGETS, WASM, Variant

DEBIANS = (14, 16, 19, 22)
LEVELS = ("O0", "O1", "O2", "O3", "Os", "Oz")


@pytest.fixture(scope="session")
def built(prepared):
    """All six levels of every toolchain that is here."""
    names = [t.name for t in discover().values() if not t.missing(WASM)]
    with alone():
        # Afterwards as it was: with several toolchains other refusals of flags count, and what is asked again
        # here would be asked in each workspace.
        for choice in ([f"toolchains={','.join(names)}"], []):
            outcome = doit(prepared, "run", "build", *choice)
            assert outcome.returncode == 0, outcome.stderr
    return names


@pytest.fixture(params=sorted({"zig", *(f"clang-{n}" for n in DEBIANS), *discover()} - {"wasi-sdk"}))
def toolchain(request, built):
    """Every known one; in CI Debian's compilers must be there, since it installs them."""
    if request.param not in built and not os.environ.get("CI"):
        found = discover().get(request.param)
        pytest.skip(found.missing(WASM) if found else f"there is no {request.param}")
    assert request.param in built
    return discover()[request.param]


def objects(toolchain, target, level):
    """Digests of the objects that do not hold the flags as text."""
    workload = workload_toml.read("workloads/coremark", own=True)
    spec = BuildSpec(workload, toolchain, Variant(level, ()), target)
    return {name: sha256(spec.object_path(name)) for name in workload.sources if name != "core_main.c"}


@pytest.fixture(params=TARGETS)
def target(request, toolchain):
    if toolchain.missing(request.param) and not os.environ.get("CI"):
        pytest.skip(toolchain.missing(request.param))
    return request.param


def test_every_level_really_reaches_the_compiler(toolchain, target):
    found = {level: objects(toolchain, target, level) for level in LEVELS}
    for one in LEVELS:
        for other in LEVELS:
            if one < other:
                assert found[one] != found[other], f"{one} and {other} are the same code"
    # What zig cc would give: the same for -O1, -O2 and -O3, and the same for -Os and -Oz.
    for one, other in (("O1", "O2"), ("Os", "Oz"), ("O0", "O1")):
        assert found[one]["core_matrix.c"] != found[other]["core_matrix.c"]


def test_the_printed_flags_are_the_flags(toolchain):
    for level in LEVELS:
        path = Artifact("coremark", toolchain.name, level, NATIVE).path
        out = subprocess.run([path, "0", "0", "0x66", "10"], capture_output=True, text=True)
        assert f"Compiler flags   : -{level}\n" in out.stdout
        clang = 22 if toolchain.name == "zig" else toolchain.version()
        assert f"Compiler version : Clang {clang}" in out.stdout
        run = validator.validate(out.stdout, validator.PERFORMANCE, 10)
        assert run.iterations == 10


@pytest.mark.parametrize("flag", ["-O9", "-O4", "-funrol-loops", "-mllvm -no-such", "-lm", "x.c"])
def test_a_flag_that_the_compiler_doubts_is_refused(toolchain, tmp_path, monkeypatch, flag):
    variant = Variant("odd", tuple(flag.split()))
    with pytest.raises(BadInput, match=r"^here: flags .*refuses it for wasm32"):
        flag_check.check_flags(toolchain, variant, TARGETS, "here")
    assert not (paths.ROOT / paths.flags(toolchain.name, "odd")).exists()


def test_a_flag_of_wasm_only_is_taken_and_noted(toolchain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flag_check.check_flags(toolchain, Variant("simd", ("-O3", "-msimd128")), TARGETS, "here")
    refused = json.loads((tmp_path / paths.flags(toolchain.name, "simd")).read_text())["refused"]
    assert list(refused) == [NATIVE]
    assert re.search("(unsupported option|argument unused during compilation:) '-msimd128'", refused[NATIVE])


@pytest.mark.parametrize("flag", ["--no-such", "--lto-O9", "/no/such/file.o"])
def test_a_link_flag_that_the_linker_does_not_know_is_refused(toolchain, flag):
    variant = Variant("odd", ("-O2",), (flag,))
    with pytest.raises(BadInput, match=rf"^here: link .{flag}.: the linker of {toolchain.name} refuses it: "):
        flag_check.check_flags(toolchain, variant, TARGETS, "here")


@pytest.mark.parametrize("flag", ["--no-such-pass", "-O3x"])
def test_a_pass_that_wasm_opt_does_not_know_is_refused(prepared, flag):
    if wasm_opt.missing() and not os.environ.get("CI"):
        pytest.skip(wasm_opt.missing())
    with pytest.raises(BadInput, match=rf"^here: wasm_opt '{flag}': wasm-opt refuses it"):
        flag_check.check_flags(discover()["zig"], Variant("odd", ("-O2",), (), (flag,)), [WASM], "here")


def test_without_wasm_opt_its_variants_say_what_brings_it(prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WASM_OPT", "/no/such/program")
    flag_check.check_flags(discover()["zig"], Variant("opt", ("-O2",), (), ("-O3",)), [WASM], "here")
    refused = json.loads((tmp_path / paths.flags("zig", "opt")).read_text())["refused"]
    assert refused[WASM] == "WASM_OPT names no program: /no/such/program"


def test_identity_covers_the_libraries_that_the_compiler_is_made_of(toolchain):
    """What the dynamic linker finds for the driver and the linker is among the files that count."""
    files = {os.path.realpath(path) for path in toolchain.files()}
    for program in [path for path in files if os.access(path, os.X_OK) and ".so" not in path]:
        found = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        for library in re.findall(r"=> (\S*(?:LLVM|clang|lld)\S*)", found):
            assert os.path.realpath(library) in files, library


def test_a_header_or_a_library_changed_is_another_toolchain(tmp_path):
    sdk = assemble_wasi_sdk(tmp_path / "sdk")
    (before,) = wasi_sdk.toolchains([str(sdk)])[:1]
    identities = {before.identify().digest}
    for name in (
        "share/wasi-sysroot/include/wasm32-wasi/stdio.h",
        "share/wasi-sysroot/lib/wasm32-wasi/libc.a",
    ):
        with open(sdk / name, "ab") as stream:
            stream.write(b"\n")
        identities.add(wasi_sdk.toolchains([str(sdk)])[0].identify().digest)
    assert len(identities) == 3


def assemble_wasi_sdk(folder):
    """A release's layout, made of Debian's parts; the real thing is in no registry."""
    root = Path("/usr/lib/llvm-19")
    if not (root / "bin/wasm-ld").exists() and not os.environ.get("CI"):
        pytest.skip("there is no clang-19 to make one of")
    for name in ("bin", "share/wasi-sysroot/include", "share/wasi-sysroot/lib"):
        (folder / name).mkdir(parents=True)
    for name in ("clang", "wasm-ld"):
        shutil.copy(root / "bin" / name, folder / "bin" / name)
    shutil.copytree(root / "lib/clang", folder / "lib/clang")
    for library in root.glob("lib/libclang-cpp.so*"):
        shutil.copy(library, folder / "lib" / library.name)
    for kind in ("include", "lib"):
        shutil.copytree(f"/usr/{kind}/wasm32-wasi", folder / f"share/wasi-sysroot/{kind}/wasm32-wasi")
    (folder / "VERSION").write_text("25.0\nwasi-libc: 574b88da481569b65a237cb80daf9a2d5aeaf82d\n")
    return folder


def test_a_wasi_sdk_is_found_and_builds_what_its_parts_build(tmp_path, toolchain, prepared, monkeypatch):
    if toolchain.name != "clang-19":
        pytest.skip("it is made of clang-19's parts")
    sdk = assemble_wasi_sdk(tmp_path / "an sdk")
    monkeypatch.setenv("WASI_SDK_PATH", str(sdk))
    found = discover()["wasi-sdk-25.0"]
    assert found.identify().version == "25.0 (clang 19.1.7)"
    assert found.missing(WASM) == ""
    assert found.missing(NATIVE) == "wasi-sdk-25.0 builds wasm only"
    workspace = make_workspace(tmp_path / "ws", prepared)
    outcome = workspace.doit("run", "toolchains=wasi-sdk-*", "variants=O2", "protocol=quick", "rounds=1")
    assert outcome.returncode == 0, outcome.stderr
    cells = json.loads((workspace.path / paths.RESULTS_JSON).read_text())["cells"]
    states = {c["backend"]: (c["status"], c["reason"]) for c in cells}
    assert states["wasmtime.cranelift"] == ("ok", None)
    assert states["native"] == ("unavailable", "artifact: wasi-sdk-25.0 builds wasm only")
    here, there = (
        Path(p) / Artifact("coremark", n, "O2", WASM).path
        for p, n in ((".", "clang-19"), (workspace.path, "wasi-sdk-25.0"))
    )
    assert here.read_bytes() == there.read_bytes()


@pytest.mark.parametrize(
    ("gone", "part", "package"),
    [
        ("bin/wasm-ld", "wasm-ld", "lld-19"),
        ("lib/clang/19/lib", "builtins", "libclang-rt-19-dev-wasm32"),
        ("bin/clang", "clang", "clang-19"),
    ],
)
def test_an_incomplete_clang_says_which_package_brings_what_is_missing(tmp_path, gone, part, package):
    root = assemble_wasi_sdk(tmp_path / "llvm-19")
    path = root / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    found = clang.toolchain("clang-19", root)
    assert found.missing(WASM) == f"clang-19 has no {part}: apt-get install {package}"
    identity = found.identify()
    assert (identity.present, identity.reason) == (False, found.missing(WASM))


def test_a_missing_sysroot_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(clang, "SYSROOT", tmp_path)
    found = clang.toolchain("clang-19", assemble_wasi_sdk(tmp_path / "llvm-19"))
    assert "no WASI headers: apt-get install wasi-libc" in found.missing(WASM)


def test_an_incomplete_toolchain_is_a_status_not_an_end(workspace, monkeypatch):
    sdk = workspace.path.parent / "half an sdk"
    (sdk / "bin").mkdir(parents=True)
    (sdk / "VERSION").write_text("33.0\n")
    monkeypatch.setenv("WASI_SDK_PATH", str(sdk))
    outcome = workspace.doit("run", "toolchains=zig,wasi-sdk-33.0", "variants=O2", "rounds=1")
    assert outcome.returncode == 0, outcome.stderr
    assert "unavailable: artifact: wasi-sdk-33.0 has no clang: set WASI_SDK_PATH" in outcome.stdout
    assert workspace.run("toolchains=zig,wasi-sdk-33.0", "variants=O2", "rounds=1") == []


def test_flags_with_quotes_and_spaces_arrive_as_they_are(toolchain, prepared, tmp_path):
    flag_check = ("-O1", '-DTEXT="a \\"b\\" c"', "-DN=1 + 1")
    source = tmp_path / "a b.c"
    source.write_text('#include <stdio.h>\nint main(void) { printf("%s %d", TEXT, N); return 0; }\n')
    obj, exe = str(tmp_path / "a b.o"), str(tmp_path / "a b")
    environment = toolchain.environment(str(tmp_path))
    variant = Variant("v", flag_check)
    workload = workload_toml.read("workloads/coremark", own=True)
    spec = BuildSpec(workload, toolchain, variant, NATIVE)
    compile_ = toolchain.compile(NATIVE, program_flags(spec, "core_main.c"), str(source), obj)
    subprocess.run(compile_, check=True, env=environment)
    link = toolchain.link(NATIVE, [obj], paths.libc(toolchain.name, NATIVE), exe, ())
    subprocess.run(link, check=True, env=environment)
    out = subprocess.run([exe], capture_output=True, text=True, check=True).stdout
    assert out == 'a "b" c 2'
