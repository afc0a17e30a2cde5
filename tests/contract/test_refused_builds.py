"""A crash of a compiler, a library that is not built, a module of a new proposal: of one artifact only."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.build import artifacts, compilers, flag_check, libraries, refusals, unwinding
from pipeline.core import paths
from pipeline.core.artifact import Artifact, BuildSpec, load_record
from pipeline.core.errors import BuildError
from pipeline.core.model import Workload
from pipeline.wasm import module
from pipeline.workloads import workload_toml
from toolchain import discover
from toolchain.model import CXX, TARGETS, WASM, Variant

#: Multiplies two numbers of 64 bits, a function with a name that is not UTF-8, and calls of the host.
SOURCE = r"""
#include <stdio.h>
int strange(int) __asm__("na\xefve");
__attribute__((noinline)) int strange(int x) { volatile int twice = 2; return x * twice; }
#ifdef HOST
__attribute__((import_module("env"), import_name("pressure"))) int pressure(void);
#else
static int pressure(void) { return 0; }
#endif
int main(int argc, char **argv) {
    unsigned __int128 product = (unsigned __int128)(argc * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
    printf("%d %d\n", strange((int)(product >> 64)), pressure());
    return 0;
}
"""


class Changed:
    """A toolchain that answers some questions differently."""

    def __init__(self, toolchain, **answers):
        self._toolchain, self._answers = toolchain, answers

    def __getattr__(self, name):
        return self._answers.get(name) or getattr(self._toolchain, name)


@pytest.fixture
def workload(prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        paths.libc("zig", WASM),
        paths.toolchain_cache("zig"),
        "third_party",
        "toolchain",
        "pipeline",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).symlink_to(prepared / name)
    (tmp_path / "source").mkdir()
    (tmp_path / "source/main.c").write_text(SOURCE, encoding="utf-8")
    base = workload_toml.read(str(prepared / "workloads/nbody"), own=True)
    return replace(base, name="mine", root="source", sources=("main.c",), headers=(), includes=(), defines=())


def built(workload: Workload, flags=("-O2",), toolchain=None):
    toolchain = toolchain or discover()["zig"]
    spec = BuildSpec(workload, toolchain, Variant("v", flags), WASM)
    flag_check.record_refusals(toolchain, spec.variant, {})
    unwinding.ask(workload, toolchain)
    for source in workload.sources:
        artifacts.compile_object(spec, source)
    artifacts.link(spec)
    return load_record(spec.artifact)


def test_a_module_of_a_new_proposal_has_its_features(workload):
    record = built(workload, ("-O2", "-mwide-arithmetic"))
    assert record.present
    assert record.unrunnable is None
    assert "wide-arithmetic" in record.features
    # And a name that is not UTF-8.
    data = Path(Artifact("mine", "zig", "v", WASM).path).read_bytes()
    assert b"na\xefve" in data
    assert "na\ufffdve" in module.read(data).function_names


def test_a_module_that_imports_from_its_host_is_built_and_says_so(workload):
    record = built(workload, ("-O2", "-DHOST"))
    assert record.present
    assert record.unrunnable == (
        "it imports env.pressure, which no host here gives; expected functions of wasi_snapshot_preview1 only"
    )


def script(*lines):
    return ["sh", "-c", "\n".join(lines)]


def ask(script_, calls):
    def run():
        calls.append(1)
        return subprocess.run(script_, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["kill -SEGV $$"], "error: it died of SIGSEGV"),
        (
            ["echo 'fatal error: error in backend: cannot select' >&2; exit 70"],
            "fatal error: error in backend: cannot select",
        ),
    ],
)
def test_a_compiler_that_crashes_twice_is_a_finding(lines, complaint):
    calls = []
    outcome = compilers.settled(ask(script(*lines), calls), "cc x.c")
    assert outcome.returncode != 0
    assert compilers.complaint(outcome.stderr) == complaint
    assert len(calls) == 2


def test_a_compiler_that_crashes_once_is_asked_again(tmp_path):
    calls = []
    once = script(f"test -e {tmp_path}/once && exit 0", f"touch {tmp_path}/once", "kill -ABRT $$")
    assert compilers.settled(ask(once, calls), "cc x.c").returncode == 0
    assert len(calls) == 2


@pytest.mark.parametrize(
    "lines", [["kill -KILL $$"], ["echo 'out of memory' >&2; kill -ABRT $$"], ["exit 1"]]
)
def test_a_machine_that_fails_is_no_finding(lines):
    with pytest.raises(BuildError, match=r"^cc x.c: "):
        compilers.settled(ask(script(*lines), []), "cc x.c")


def test_a_library_that_cannot_be_built_is_what_its_programs_need(workload):
    zig = discover()["zig"]
    broken = Changed(
        zig,
        library_probe=lambda *_: script("echo 'error: no luck' >&2", "exit 1"),
        libc=lambda target: replace(zig.libc(target), before=(), after=(), own={}),
    )
    libraries.build_library(broken, WASM, CXX)
    files = libraries.archives(broken, WASM, [CXX])
    assert files
    assert all(map(refusals.is_one, files))
    record = built(replace(workload, libraries=(CXX,)), toolchain=broken)
    assert not record.present
    assert record.reason == "needs c++: zig cannot build c++ for wasm: error: no luck"


def test_a_flag_that_one_of_several_toolchains_refuses_is_recorded(prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    zig, odd = discover()["zig"], Variant("odd", ("-O2", "-fno-such"))
    flag_check.check_flags(zig, odd, TARGETS, "here", True)
    refused = (tmp_path / paths.flags("zig", "odd")).read_text()
    assert refused.count("zig refuses it for") == 2
