"""setjmp and C++ exceptions: in wasm by its exception handling, where a program uses them and only there."""

from __future__ import annotations

import subprocess

import pytest
import wasmtime

from pipeline.build import unwinding
from pipeline.core.artifact import load_record
from tests.contract.test_cplusplus import target, toolchain  # noqa: F401
from toolchain.model import CXX, NATIVE, SETJMP, THROW, WASM, Variant

O2, LTO = Variant("O2", ("-O2",)), Variant("O2-lto", ("-O2", "-flto"))

JUMPS = """
#include <setjmp.h>
#include <stdio.h>
static jmp_buf outer, inner;
static int depth;
static void dive(int n)
{
    if (n > 0) { dive(n - 1); depth++; return; }
    longjmp(depth ? outer : inner, 0);
}
int main(void)
{
    volatile int count = 0;
    int first = setjmp(outer);
    if (first) { printf("outer %d %d\\n", first, count); return 0; }
    for (int i = 0; i < 3; i++) {
        int second = setjmp(inner);
        count++;
        if (second == 0) dive(5);
        printf("inner %d %d\\n", second, count);
    }
    if (setjmp(inner) == 0) longjmp(inner, 7); else puts("seven");
    depth = 1;
    dive(100);
    return 1;
}
"""
JUMPED = "inner 1 2\ninner 1 4\ninner 1 6\nseven\nouter 1 6\n"
POSIX = """
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdio.h>
static sigjmp_buf place;
static jmp_buf other;
int main(void)
{
    if (sigsetjmp(place, 1) == 0) siglongjmp(place, 3);
    if (_setjmp(other) == 0) _longjmp(other, 3);
    puts("back");
    return 0;
}
"""
THROWS = """
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>
int helper(int);
struct Noted { const char *name; ~Noted() { std::printf("-%s ", name); } };
static int deep(int n)
{
    Noted noted{"d"};
    if (n == 0) throw std::runtime_error("deep");
    return deep(n - 1) + helper(n);
}
int main()
{
    try { deep(2); } catch (const std::exception &e) { std::printf("%s\\n", e.what()); }
    try { std::vector<int>(3).at(7); } catch (const std::out_of_range &) { std::puts("range"); }
    try { (void)std::stoi("x"); } catch (const std::invalid_argument &) { std::puts("number"); }
    try { try { throw 5; } catch (int) { throw; } } catch (int n) { std::cout << n << std::endl; }
    try { helper(-1); } catch (const std::string &text) { std::cout << text << std::endl; }
    try { throw 1.5; } catch (...) { std::puts("any"); }
    return 0;
}
"""
HELPER = """
#include <string>
struct Noted { ~Noted(); };
extern int freed;
int freed;
Noted::~Noted() { freed++; }
static void fail(int n) { if (n < 0) throw std::string("negative"); }
int helper(int n) { Noted noted; fail(n); return freed; }
"""
THROWN = "-d -d -d deep\nrange\nnumber\n5\nnegative\nany\n"
#: Words of unwinding in a program that does without.
GUARDED = """
#include <cstdio>
#include <vector>
int main()
{
#if __cpp_exceptions
    try { throw 1; } catch (int) { std::puts("caught"); }
#endif
    std::vector<int> numbers(3); // try { throw 2; }
    std::puts("no setjmp here, nor a throw");
    return (int)numbers.size() - 3;
}
"""


def output(spec):
    """What a program prints, without the line of the guest's clock."""
    path = spec.artifact.path
    if spec.target == NATIVE:
        return _own(subprocess.run([path], capture_output=True, text=True, check=True).stdout)
    config = wasmtime.Config()
    wasmtime._ffi.wasmtime_config_wasm_exceptions_set(config.ptr(), True)
    engine = wasmtime.Engine(config)
    store, linker, wasi = wasmtime.Store(engine), wasmtime.Linker(engine), wasmtime.WasiConfig()
    wasi.stdout_file = f"{path}.out"
    store.set_wasi(wasi)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, path))
    instance.exports(store)["_start"](store)
    return _own(open(f"{path}.out").read())


def _own(printed):
    return "".join(line for line in printed.splitlines(True) if not line.startswith("coremark-wasm: "))


def supporting(toolchain, target, way):  # noqa: F811
    if target == WASM and way not in toolchain.unwinds(target):
        pytest.skip(f"{toolchain.name} has no {way} for wasm")
    return toolchain


@pytest.mark.parametrize("variant", [O2, LTO], ids=lambda v: v.name)
@pytest.mark.parametrize(("text", "expected"), [(JUMPS, JUMPED), (POSIX, "back\n")], ids=["jumps", "posix"])
def test_setjmp_returns_again(toolchain, target, program, variant, text, expected):  # noqa: F811
    supporting(toolchain, target, SETJMP)
    spec = program(toolchain, variant, target, main=text)
    record = load_record(spec.artifact)
    assert record.present, record.reason
    if target == WASM and "legacy-exceptions" in record.features:
        assert toolchain.name == "clang-19", "the others write the instructions of WebAssembly 3.0"
        return  # Wasmtime does not take them
    assert output(spec) == expected
    assert target == NATIVE or "exception-handling" in record.features


def test_exceptions_are_caught_and_unwind(toolchain, target, program):  # noqa: F811
    if toolchain.lacks(target, CXX):
        pytest.skip(toolchain.lacks(target, CXX))
    supporting(toolchain, target, THROW)
    toml = 'sources = ["*.cc"]\n'
    spec = program(toolchain, O2, target, toml, main__cc=THROWS, helper__cc=HELPER)
    record = load_record(spec.artifact)
    assert record.present, record.reason
    assert output(spec) == THROWN


@pytest.mark.parametrize("toolchain", ["zig"], indirect=True)
def test_a_program_that_does_without_is_built_without(toolchain, target, program):  # noqa: F811
    spec = program(toolchain, O2, target, 'sources = ["*.cc"]', main__cc=GUARDED)
    record = load_record(spec.artifact)
    assert record.present, record.reason
    assert unwinding.of(spec) == ()
    assert "exception-handling" not in record.features
    assert "caught" not in output(spec)


def test_a_toolchain_that_cannot_says_what_the_program_needs(toolchain, program):  # noqa: F811
    if SETJMP not in toolchain.unwinds(WASM):
        spec = program(toolchain, O2, WASM, main=JUMPS)
        assert load_record(spec.artifact).reason.startswith("needs setjmp")
    if THROW not in toolchain.unwinds(WASM) and not toolchain.lacks(WASM, CXX):
        spec = program(toolchain, O2, WASM, 'sources = ["*.cc"]', main__cc=THROWS, helper__cc=HELPER)
        assert load_record(spec.artifact).reason.startswith("needs C++ exceptions")


@pytest.mark.parametrize("toolchain", ["clang-19"], indirect=True)
def test_it_says_so_where_it_has_no_native_libcxx_either(toolchain, program, monkeypatch):  # noqa: F811
    given = toolchain._cxx_headers
    monkeypatch.setattr(
        type(toolchain), "_cxx_headers", lambda self, which: given(which) if which == WASM else None
    )
    assert toolchain.lacks(NATIVE, CXX)
    if toolchain.lacks(WASM, CXX) or THROW in toolchain.unwinds(WASM):
        pytest.skip(f"{toolchain.name} has no libc++ for wasm, or all that exceptions need")
    spec = program(toolchain, O2, WASM, 'sources = ["*.cc"]', main__cc=THROWS, helper__cc=HELPER)
    assert load_record(spec.artifact).reason.startswith("needs C++ exceptions")
