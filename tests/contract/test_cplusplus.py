"""C++ and further libraries, with every toolchain that is here; and what programs need that WASI has not."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import wasmtime

from pipeline.build import compilers
from pipeline.core import paths
from tests.conftest import ROOT, alone
from toolchain import clang, discover, wasi_sdk
from toolchain.archives import canonical
from toolchain.model import CXX, DEFINES, LIBRARIES, MATH, NATIVE, TARGETS, WASM, is_cxx, library_source
from toolchain.needs import needs
from toolchain.sysroot_parts import listed

#: In CI they must have C++; of Debian's there can be one at a time on a machine.
CXX_HERE = ("zig", "clang-19")
GUEST = "tests/guests/library.cc"
EXPECTED = """525.000
10
55 50343 99835
and=2 cat=1 dog=1 end=1 the=3 961 10 123
.................... done
"""


@pytest.fixture(params=sorted({*CXX_HERE, "clang-14", "clang-16", "clang-22", *discover()} - {"wasi-sdk"}))
def toolchain(request):
    found = discover().get(request.param)
    reason = found.missing(WASM) if found else f"there is no {request.param}"
    if reason and not os.environ.get("CI"):
        pytest.skip(reason)
    assert not reason
    return found


@pytest.fixture(params=TARGETS)
def target(request, toolchain):
    if toolchain.missing(request.param) and not os.environ.get("CI"):
        pytest.skip(toolchain.missing(request.param))
    return request.param


@pytest.fixture
def cxx(toolchain, target):
    """The toolchain, where it has C++ for the target."""
    lacks = toolchain.lacks(target, CXX)
    if lacks and not (os.environ.get("CI") and toolchain.name in CXX_HERE):
        pytest.skip(lacks)
    assert not lacks
    return toolchain


def run(toolchain, command):
    """A toolchain's command, where the graph's run: the cache has a relative name, as in a build."""
    environment = toolchain.environment(paths.toolchain_cache(toolchain.name))
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)


class Shelf:
    """C libraries and further ones, each made once."""

    def __init__(self, folder):
        self._folder = folder

    def libc(self, toolchain, target):
        folder = self._folder / toolchain.name / target / "libc"
        self._fill(
            toolchain,
            folder,
            library_source("c"),
            lambda source, output: toolchain.libc_probe(target, source, output),
            lambda cache, printed: toolchain.libc_found(target, cache, printed),
        )
        for name, own in toolchain.libc(target).own.items():
            if not (folder / name).exists():
                outcome = run(toolchain, toolchain.compile(target, own.flags, own.path, str(folder / name)))
                assert outcome.returncode == 0, outcome.stderr
        return str(folder)

    def library(self, toolchain, target, name):
        folder = self._folder / toolchain.name / target / name
        self._fill(
            toolchain,
            folder,
            library_source(name),
            lambda source, output: toolchain.library_probe(target, name, source, output),
            lambda cache, printed: toolchain.library_found(target, name, cache, printed),
        )
        return [str(folder / each) for each in toolchain.library(target, name)]

    def _fill(self, toolchain, folder, source, probe, found):
        if folder.exists():
            return
        folder.mkdir(parents=True)
        (folder / source[0]).write_text(source[1])
        cache = paths.toolchain_cache(toolchain.name)
        command, printed = probe(str(folder / source[0]), str(folder / "probe")), ""
        if command:
            with alone():
                outcome = compilers.run_for_library(toolchain, command)
            assert outcome.returncode == 0, outcome.stderr
            printed = outcome.stderr + outcome.stdout
        for name, path in found(cache, printed).items():
            (folder / name).write_bytes(canonical(Path(path).read_bytes()))


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    return Shelf(tmp_path_factory.mktemp("libraries"))


def build(toolchain, target, flags, source, libraries, shelf, output):
    """Compile and link; returns what the command that failed printed, or ""."""
    objects = f"{output}.o"
    outcome = run(toolchain, toolchain.compile(target, flags, str(source), objects))
    if outcome.returncode == 0:
        archives = [path for name in libraries for path in shelf.library(toolchain, target, name)]
        libc = shelf.libc(toolchain, target)
        outcome = run(toolchain, toolchain.link(target, [objects], libc, str(output), (), archives))
    return outcome.stderr if outcome.returncode else ""


def output(target, path):
    """What a program prints; it must end with 0."""
    if target == NATIVE:
        Path(path).chmod(0o755)
        return subprocess.run([path], capture_output=True, text=True, check=True).stdout
    engine = wasmtime.Engine()
    store, linker = wasmtime.Store(engine), wasmtime.Linker(engine)
    config = wasmtime.WasiConfig()
    config.argv = ["guest"]
    config.stdout_file = f"{path}.out"
    store.set_wasi(config)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, str(path)))
    instance.exports(store)["_start"](store)  # raises if the program ends with a status that is not 0
    return Path(f"{path}.out").read_text()


@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_a_cxx_program_prints_the_same_everywhere(cxx, target, level, shelf, tmp_path):
    assert build(cxx, target, [level, "-std=c++17"], GUEST, [CXX], shelf, tmp_path / "guest") == ""
    assert output(target, tmp_path / "guest") == EXPECTED


@pytest.mark.parametrize("suffix", ["cc", "cpp", "cxx", "C", "c"])
def test_the_suffix_decides_the_language(cxx, target, suffix, shelf, tmp_path):
    source = tmp_path / f"a.{suffix}"
    text = "#ifdef __cplusplus\n#include <cstdio>\n#else\n#include <stdio.h>\n#endif\n"
    text += 'int main(void) { return puts(sizeof \'a\' == 1 ? "C++" : "C") < 0; }\n'
    source.write_text(text)
    assert (
        build(cxx, target, ["-O1"], source, [CXX] if is_cxx(str(source)) else [], shelf, tmp_path / "a") == ""
    )
    assert output(target, tmp_path / "a") == ("C\n" if suffix == "c" else "C++\n")


def test_neither_target_has_exceptions(cxx, target, shelf, tmp_path):
    source = tmp_path / "throw.cc"
    source.write_text("int main(int n, char **) { if (n > 1) throw n; }\n")
    complaint = build(cxx, target, ["-O1"], source, [CXX], shelf, tmp_path / "throw")
    assert needs(complaint) == "C++ exceptions"


def test_libraries_come_between_objects_and_the_c_library(toolchain, target):
    plain = toolchain.link(target, ["a.o"], "libc", "a", ("--flag",))
    assert toolchain.link(target, ["a.o"], "libc", "a", ("--flag",), ()) == plain
    command = toolchain.link(target, ["a.o"], "libc", "a", ("--flag",), ["x/one.a", "x/two.a"])
    places = [command.index(x) for x in ("a.o", "x/one.a", "x/two.a", "libc/libc.a")]
    assert places == sorted(places)


def test_every_library_is_there_or_says_what_brings_it(toolchain, target):
    for name in LIBRARIES:
        lacks = toolchain.lacks(target, name)
        assert not lacks or "apt-get install" in lacks or "WASI_SDK_PATH" in lacks
        files = toolchain.library(target, name)
        assert not (lacks and files)
        assert len(set(files)) == len(files)
        # Of zig's the wheel's RECORD stands for all.
        given = toolchain.library_files(target, name)
        assert all(os.path.isfile(path) for path in given)
        assert toolchain.name == "zig" or {Path(path).name for path in given} >= set(files)


@pytest.mark.parametrize("toolchain", ["zig"], indirect=True)
def test_what_zig_builds_tells_nothing_of_where(toolchain, target, shelf):
    archives = shelf.library(toolchain, target, CXX)
    assert [Path(path).name for path in archives] == list(toolchain.library(target, CXX))
    for path in archives:
        content = Path(path).read_bytes()
        assert content.startswith(b"!<arch>\n")
        assert len(content) > 10_000
        assert str(ROOT).encode() not in content
        assert set(re.findall(rb"/o/([0-9a-f]{32})/", content)) <= {b"0" * 32}


@pytest.mark.parametrize("toolchain", ["zig"], indirect=True)
def test_zigs_headers_are_read_as_zig_itself_reads_them(toolchain, target, tmp_path):
    """Macros and folders: those of the driver that builds the library, or they would not fit together."""
    source = tmp_path / "a.cc"
    source.write_text("int main() {}\n")
    libraries = [
        "c++",
        "-target",
        "wasm32-wasi" if target == WASM else toolchain.triple(target),
        "-O2",
        "-v",
        "-c",
    ]
    ours = toolchain.compile(target, ["-O2", "-v"], str(source), str(tmp_path / "ours.o"))
    runs = [
        run(toolchain, command)
        for command in ([ours[0], *libraries, str(source), "-o", f"{tmp_path}/a.o"], ours)
    ]
    lines = [next(line for line in each.stderr.splitlines() if " -cc1 " in line) for each in runs]
    macros = [sorted(set(re.findall(r" -D (_LIB\S+)", line))) for line in lines]
    assert macros[0] == macros[1]
    assert len(macros[0]) > 15
    pattern = r"#include <\.\.\.> search starts here:\n(.*)End of search list"
    found = [re.search(pattern, each.stderr, re.DOTALL)[1].strip().splitlines() for each in runs]
    libraries, ours = ([os.path.realpath(ROOT / path.strip()) for path in folders] for folders in found)
    assert ours == [path for path in libraries if "libunwind" not in path]


EMULATED = {
    "wasi-emulated-getpid": """
#include <unistd.h>
int main(void) { return getpid() <= 0; }
""",
    "wasi-emulated-mman": """
#include <sys/mman.h>
int main(void) {
    char *page = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[9] = 1;
    return munmap(page, 65536);
}
""",
    "wasi-emulated-process-clocks": """
#include <time.h>
int main(void) { return clock() < 0; }
""",
    "wasi-emulated-signal": """
#include <signal.h>
static volatile int seen;
static void note(int number) { seen = number; }
int main(void) { signal(SIGINT, note); raise(SIGINT); return seen != SIGINT; }
""",
}


@pytest.mark.parametrize("library", DEFINES)
def test_an_emulation_is_suggested_and_then_works(toolchain, target, library, shelf, tmp_path):
    source = tmp_path / "a.c"
    source.write_text(EMULATED[library])
    flags = ["-O1", "-D_GNU_SOURCE"]
    if target == NATIVE:
        assert build(toolchain, target, flags, source, [library], shelf, tmp_path / "a") == ""
    else:
        without = build(toolchain, target, flags, source, [], shelf, tmp_path / "a")
        # zig's libc.a has them all, so only headers ask there.
        quiet = toolchain.name == "zig" and library in (
            "wasi-emulated-getpid",
            "wasi-emulated-process-clocks",
        )
        suggested = f'add libraries = ["{library}"] to workload.toml'
        assert needs(without).endswith(suggested) or (quiet and without == "")
        flags.append(f"-D{DEFINES[library]}")
        assert build(toolchain, target, flags, source, [library], shelf, tmp_path / "a") == ""
    assert output(target, tmp_path / "a") == ""


def test_mathematics_is_a_library_where_the_c_library_has_it_not(toolchain, target, shelf, tmp_path):
    source = tmp_path / "a.c"
    source.write_text(
        "#include <math.h>\n#include <stdio.h>\n"
        'int main(int n, char **v) { (void)v; printf("%.6f\\n", sin(n) + pow(n + 1, 0.5)); return 0; }\n'
    )
    assert build(toolchain, target, ["-O1"], source, [MATH], shelf, tmp_path / "a") == ""
    assert output(target, tmp_path / "a") == "2.255685\n"


NEEDY = {
    "threads.c": (
        "threads",
        "#include <threads.h>\nint main(void) { thrd_t t; return thrd_create(&t, 0, 0); }\n",
    ),
    "thread.cc": ("threads", "#include <thread>\nint main() { std::thread t([] {}); t.join(); }\n"),
    "setjmp.c": ("setjmp", "#include <setjmp.h>\nstatic jmp_buf b;\nint main(void) { return setjmp(b); }\n"),
    "fork.c": ("processes", "#include <unistd.h>\nint main(void) { return fork(); }\n"),
    "system.c": ("processes", '#include <stdlib.h>\nint main(void) { return system("true"); }\n'),
    "wait.c": ("processes", "#include <sys/wait.h>\nint main(void) { return wait(0); }\n"),
    "socket.c": (
        "sockets",
        "#include <sys/socket.h>\nint main(void) { return socket(AF_INET, SOCK_STREAM, 0); }\n",
    ),
    "netdb.c": ("sockets", "#include <netdb.h>\nint main(void) { return getaddrinfo(0, 0, 0, 0); }\n"),
    "termios.c": ("a terminal", "#include <termios.h>\nint main(void) { return tcgetattr(0, 0); }\n"),
    "fstream.cc": ("C++ file streams", '#include <fstream>\nint main() { std::ofstream("x") << 1; }\n'),
    "epoll.c": ("Linux", "#include <sys/epoll.h>\nint main(void) { return epoll_create1(0); }\n"),
    "sse.c": (
        "instructions of a different machine",
        "#include <emmintrin.h>\nint main(void) { return sizeof(__m128i); }\n",
    ),
    "own.c": ("", "int own(int);\nint main(void) { return own(1); }\n"),
    "typo.c": ("", "int main(void) { return fork_count; }\n"),
}


@pytest.mark.parametrize("name", NEEDY)
def test_what_a_program_needs_is_recognised(toolchain, name, shelf, tmp_path):
    if is_cxx(name) and toolchain.lacks(WASM, CXX):
        pytest.skip(toolchain.lacks(WASM, CXX))
    words, text = NEEDY[name]
    source = tmp_path / name
    source.write_text(text)
    complaint = build(toolchain, WASM, ["-O1"], source, [CXX] if is_cxx(name) else [], shelf, tmp_path / "a")
    assert complaint
    reason = needs(complaint)
    assert reason.startswith(words) if words else reason == ""


def bare(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"!<arch>\n")


SDK = [f"bin/{name}" for name in ("clang", "wasm-ld")] + [
    "lib/clang/20/include/stddef.h",
    "lib/clang/20/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a",
    *(f"share/wasi-sysroot/{x}" for x in ("include/wasm32-wasip1/stdio.h", "lib/wasm32-wasip1/libc.a")),
    "share/wasi-sysroot/lib/wasm32-wasip1/crt1-command.o",
]


@pytest.mark.parametrize("below", ["wasm32-wasip1", "wasm32-wasip1/noeh"])
def test_libcxx_of_a_wasi_sdk_is_found_and_is_no_part_of_its_c(tmp_path, below):
    bare(tmp_path, *SDK)
    (tmp_path / "VERSION").write_text("25.0\n")
    (before,) = wasi_sdk.toolchains([str(tmp_path)])[:1]
    assert before.lacks(WASM, CXX).startswith("wasi-sdk-25.0 has no libc++ for wasm: set WASI_SDK_PATH")
    assert before.library(WASM, CXX) == ()
    headers, files = before.headers(), before.files()
    sysroot = tmp_path / "share/wasi-sysroot"
    bare(sysroot, f"include/{below}/c++/v1/__config", f"lib/{below}/libc++.a", f"lib/{below}/libc++abi.a")
    listed.cache_clear()
    (after,) = wasi_sdk.toolchains([str(tmp_path)])[:1]
    assert after.lacks(WASM, CXX) == ""
    assert after.library(WASM, CXX) == ("libc++.a", "libc++abi.a")
    assert str(sysroot / f"include/{below}/c++/v1/__config") in after.library_files(WASM, CXX)
    assert (after.headers(), after.files()) == (headers, files)
    assert after.lacks(NATIVE, CXX) == "wasi-sdk-25.0 builds wasm only"


def test_a_clang_without_libcxx_names_its_packages(tmp_path, monkeypatch):
    bare(
        tmp_path / "usr",
        "include/wasm32-wasi/stdio.h",
        *(f"lib/wasm32-wasi/{x}" for x in ("libc.a", "crt1-command.o")),
    )
    monkeypatch.setattr(clang, "SYSROOT", tmp_path / "usr")
    root = tmp_path / "llvm-77"
    bare(root, *SDK[:4])
    found = clang.toolchain("clang-77", root)
    packages = "apt-get install libc++-77-dev-wasm32 libc++abi-77-dev-wasm32"
    assert found.lacks(WASM, CXX) == f"clang-77 has no libc++ for wasm: {packages}"
    emulation = "clang-77 has no libwasi-emulated-mman.a: apt-get install wasi-libc"
    assert found.lacks(WASM, "wasi-emulated-mman") == emulation
    bare(root, "include/wasm32-wasi/c++/v1/__config", "lib/wasm32-wasi/libc++.a")
    assert clang.toolchain("clang-77", root).lacks(WASM, CXX), "libc++abi is missing still"
    bare(root, "lib/wasm32-wasi/libc++abi.a")
    assert clang.toolchain("clang-77", root).lacks(WASM, CXX) == ""
