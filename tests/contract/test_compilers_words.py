"""What compilers and linkers say reaches the reader: by file and line, all of it in a file that is named."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.build import artifacts
from pipeline.core.artifact import load_record
from tests.contract.test_cplusplus import toolchain  # noqa: F401
from toolchain import discover
from toolchain.model import NATIVE, TARGETS, WASM, Variant

O2 = Variant("O2", ("-O2",))
#: Runs a module under Wasmtime.
RUN = """import sys, wasmtime
engine = wasmtime.Engine()
store, linker = wasmtime.Store(engine), wasmtime.Linker(engine)
linker.define_wasi()
wasi = wasmtime.WasiConfig()
wasi.inherit_stdout()
store.set_wasi(wasi)
module = wasmtime.Module.from_file(engine, sys.argv[1])
try:
    linker.instantiate(store, module).exports(store)["_start"](store)
except wasmtime.ExitTrap as end:
    sys.exit(end.code)
"""
TYPO = """#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    int number = 3; system("true"); printf("%d\\n", nummber);
    return 0;
}
"""


@pytest.fixture
def build(program):
    """Builds with the bundled compiler; returns (record, log)."""

    def build_(target, toml="", **files):
        spec = program(discover()["zig"], O2, target, toml, **files)
        log = Path(spec.artifact.log_path)
        return load_record(spec.artifact), log.read_text() if log.exists() else None

    return build_


@pytest.mark.parametrize("target", TARGETS)
def test_an_error_of_the_program_is_reported_before_what_wasi_lacks(build, target):
    record, log = build(target, main=TYPO)
    where = f"build/artifacts/program/zig/O2/{target}/build.log"
    assert record.reason.startswith("main.c does not compile: main.c:5:")
    assert "main.c:5:52: use of undeclared identifier 'nummber'; did you mean 'number'?" in record.reason
    assert record.reason.endswith(f"in full: {where})")
    assert "needs" not in record.reason
    assert 'int number = 3; system("true"); printf("%d\\n", nummber);' in log


def test_without_it_the_need_is_reported_with_the_place(build):
    record, log = build(WASM, main=TYPO.replace("nummber", "number"))
    assert record.reason == (
        'needs processes (system); if the program can do without, add libraries = ["absent-functions"] '
        "to workload.toml: such calls then fail: wasm-ld: main.c: undefined symbol: system "
        "(in full: build/artifacts/program/zig/O2/wasm/build.log)"
    )
    assert "undefined symbol: system" in log
    assert build(NATIVE, main=TYPO.replace("nummber", "number"))[0].present


#: In C and in C++; whether each fails as the standards allow it to.
ABSENT = """#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
    char name[L_tmpnam];
    int shell = system(NULL), failed = system("true");
    printf("%d %d %d %d %d\\n", shell, failed, errno == ENOSYS, tmpfile() == NULL, tmpnam(name) == NULL);
    return 0;
}
"""


@pytest.mark.parametrize("suffix", ["c", "cc"])
def test_functions_that_wasi_lacks_are_there_and_fail_where_that_is_asked_for(build, tmp_path, suffix):
    toml = f'sources = ["main.{suffix}"]\nlibraries = ["absent-functions"]\n'
    record, _ = build(WASM, toml, **{f"main__{suffix}": ABSENT})
    assert record.reason is None
    command = [sys.executable, "-c", RUN, str(tmp_path / "build/artifacts/program/zig/O2/wasm/program.wasm")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("0 -1 1 1 1\n")
    assert build(NATIVE, toml, **{f"main__{suffix}": ABSENT})[0].present


def test_a_header_that_is_missing_natively_too_is_no_lack_of_wasi(build):
    text = "#include <ncurses.h>\nint main(void) { return initscr() == 0; }\n"
    for target in TARGETS:
        record, _ = build(target, main=text)
        assert record.reason.startswith(
            "main.c does not compile: main.c:1:10: 'ncurses.h' file not found (1 error"
        )


def test_errors_of_all_sources_are_reported_together(build):
    record, log = build(
        WASM, a="int a(void) { return one; }\n", b="int b(void) { return two; }\nint c = three;\n"
    )
    assert record.reason.startswith(
        "a.c does not compile: a.c:1:22: use of undeclared identifier 'one'; "
        "b.c:1:22: use of undeclared identifier 'two'; b.c:2:9: use of undeclared identifier 'three' (3 "
    )
    assert log.index("'one'") < log.index("'two'") < log.index("'three'")


def test_more_errors_than_a_compiler_usually_prints_are_in_the_file(build):
    record, log = build(
        WASM, main="".join(f"int f{n}(void) {{ return unknown_{n:02}; }}\n" for n in range(60))
    )
    assert "(60 errors, in full: " in record.reason
    assert "'unknown_59'" in log


@pytest.mark.parametrize("target", TARGETS)
def test_all_undefined_symbols_are_reported(build, target):
    names = [f"missing_{n}" for n in range(30)]
    text = "".join(f"void {name}(void);\n" for name in names)
    record, log = build(target, main=text + "int main(void) {" + "".join(f"{n}();" for n in names) + "}\n")
    assert record.reason.startswith("it does not link: ")
    assert "undefined symbol: missing_0" in record.reason
    assert "main.c" in record.reason
    assert "(30 errors, in full: " in record.reason
    assert all(name in log for name in names)


@pytest.mark.parametrize("target", TARGETS)
def test_both_files_of_a_second_main_are_named(build, target):
    record, _ = build(target, one="int main(void) { return 0; }\n", two="int main(void) { return 1; }\n")
    assert "duplicate symbol: main" in record.reason
    assert "one.c" in record.reason
    assert "two.c" in record.reason


def test_a_warning_of_the_linker_is_kept_where_the_program_is_built(build):
    main = "int area(void);\nint main(void) { return area(); }\n"
    record, log = build(WASM, main=main, other="int area(int n) { return n - 1; }\n")
    assert record.present
    (warning,) = record.warnings
    assert "function signature mismatch: area" in warning
    assert "main.c" in warning
    assert "other.c" in warning
    assert "signature mismatch" in log


def test_a_warning_of_the_compiler_that_explains_a_trap_is_kept_too(build):
    record, _ = build(
        WASM,
        main="static int f(int n) { if (n > 9) return 1; }\nint main(int n, char **v) { return f(n); }\n",
    )
    assert record.present
    assert record.warnings == ("main.c:1:44: non-void function does not return a value in all control paths",)


def test_where_nothing_was_printed_there_is_no_file(build):
    build(WASM, main="int main(void) { return x; }\n")
    record, log = build(WASM, main="int main(void) { return 0; }\n")
    assert (record.present, record.warnings, log) == (True, (), None)


def test_dates_and_names_of_files_are_the_same_whenever_it_is_compiled(program, toolchain):  # noqa: F811
    """With each compiler; nothing says when, or in which folder, it was."""
    text = '__DATE__ " " __TIME__ " " __TIMESTAMP__ " in " __FILE__'
    main = f"#include <stdio.h>\nint main(void) {{ puts({text}); return 0; }}\n"
    for target in (each for each in TARGETS if not toolchain.missing(each)):
        digests = set()
        for second in (1, 2):
            spec = program(toolchain, O2, target, main=main)
            record = load_record(spec.artifact)
            assert record.present, record.reason
            data = Path(spec.artifact.path).read_bytes()
            assert b"Jan  1 2020 00:00:00 Wed Jan  1 00:00:00 2020 in build/workloads/program/sou" in data
            digests.add(record.sha256)
            os.utime("build/workloads/program/sources/main.c", (second, second))
        assert len(digests) == 1


def test_more_static_data_than_a_linker_can_place_is_told_in_words(build, monkeypatch):
    """For wasm by wasm-ld's own words: an object of so many zeros is a file of 2 GiB."""
    main = "static volatile char a[1104u << 20], b[1104u << 20];\nint main(void) { return a[0] = b[0]; }\n"
    words = "has more than 2 GiB of static data, which its linker cannot place: "
    if platform.machine() == "x86_64":  # code of others reaches further
        record, log = build(NATIVE, main=main)
        assert record.reason.startswith(words)
        assert "R_X86_64_PC32 out of range" in log
    aborted = subprocess.CompletedProcess([], -6, "", "LLVM ERROR: LEB is outside Varint32 range\n")
    real = artifacts.settled
    monkeypatch.setattr(artifacts, "settled", lambda do, what: aborted if "link" in what else real(do, what))
    record, _ = build(WASM, main="int main(void) { return 0; }\n")
    assert record.reason.startswith(f"{words}{aborted.stderr.strip()}")
