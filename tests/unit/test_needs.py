"""Complaints about programs that need more than WASI has; shortened, otherwise as they are printed."""

import re
from pathlib import Path

import pytest

from toolchain.model import DEFINES
from toolchain.needs import NEEDS, needs


def undefined(name):
    return f"wasm-ld: error: main.o: undefined symbol: {name}\n"


def undeclared(name):
    return (
        f"main.c:2:25: error: call to undeclared function '{name}'; ISO C99 and later do not support "
        "implicit function declarations [-Wimplicit-function-declaration]\n"
        f"    2 | int main(void) {{ return {name}(0); }}\n1 error generated.\n"
    )


def absent(header):
    return f"main.c:1:10: fatal error: '{header}' file not found\n#include <{header}>\n1 error generated.\n"


def emulated(header, text):
    return f"/usr/include/wasm32-wasi/{header}:2:2: error: {text}\n#error {text[:20]} \\\n"


SIGNAL = emulated(
    "signal.h",
    '"wasm lacks signal support; to enable minimal signal emulation, compile with -D_WASI_EMULATED_SIGNAL '
    'and link with -lwasi-emulated-signal"',
) + undeclared("signal") + "main.c:3:25: error: use of undeclared identifier 'SIGINT'\n"  # fmt: skip
MMAN = emulated(
    "sys/mman.h",
    '"WASI lacks a true mmap; to enable minimal mmap emulation, compile with -D_WASI_EMULATED_MMAN and link '
    'with -lwasi-emulated-mman"',
)
CLOCKS = emulated(
    "__header_sys_resource.h",
    "WASI lacks process-associated clocks; to enable emulation of the `getrusage` function using the wall "
    "clock, which isn't sensitive to whether the program is running or suspended, compile with "
    "-D_WASI_EMULATED_PROCESS_CLOCKS and link with -lwasi-emulated-process-clocks",
)
SETJMP = (
    "lib/libc/include/wasm-wasi-musl/setjmp.h:13:2: error: Setjmp/longjmp support requires Exception "
    "handling support, which is [not yet standardized](https://github.com/WebAssembly/proposals). "
    "To enable it, compile with `-mllvm -wasm-enable-sjlj` and use an engine that implements the Exception "
    "handling proposal.\n"
)
WAIT = (
    "In file included from wait.c:1:\nIn file included from lib/libc/include/generic-musl/sys/wait.h:13:\n"
    + SIGNAL
    + "lib/libc/include/generic-musl/sys/wait.h:27:29: error: unknown type name 'siginfo_t'\n"
    + CLOCKS
)
SHARED = (
    "wasm-ld: error: --shared-memory is disallowed by compiler_rt_zcu.o because it was not compiled with "
    "'atomics' or 'bulk-memory' features.\n"
)
#: libc++ 14's, 16's, and that of later ones.
THREAD_14 = "include/c++/v1/thread:111:2: error: <thread> is not supported on this single threaded system\n"
THREAD_16 = (
    'include/c++/v1/thread:115:3: error: "<thread> is not supported since libc++ has been configured without '
    'support for threads."\n'
)
THREAD = (
    "main.cc:2:19: error: no member named 'thread' in namespace 'std'; did you mean 'fread'?\n"
    "    2 | int main() { std::thread t([] {}); t.join(); }\n      |              ~~~~~^~~~~~\n"
)
STREAM = (
    "main.cc:4:72: error: implicit instantiation of undefined template 'std::basic_ofstream<char>'\n"
    "include/c++/v1/iosfwd:142:28: note: template is declared here\n"
)
X86 = 'include/emmintrin.h:14:2: error: "This header is only meant to be used on x86 and x64 architecture"\n'


ABSENT = (
    '; if the program can do without, add libraries = ["absent-functions"] to workload.toml: '
    "such calls then fail"
)
#: (what they print, what it tells)
CASES = [
    (absent("pthread.h"), "threads (pthread.h)"),
    (undefined("thrd_create") + undefined("thrd_join"), "threads (thrd_create)"),
    (undefined("sem_init"), "threads (sem_init)"),
    (THREAD_14, "threads"),
    (THREAD_16, "threads"),
    (THREAD, "threads (std::thread)"),
    ("main.cc:2:19: error: no type named 'mutex' in namespace 'std'\n", "threads (std::mutex)"),
    (SHARED, "threads"),
    ("try.cc:1:14: error: cannot use 'try' with exceptions disabled\n", "C++ exceptions"),
    (
        undefined("__cxa_allocate_exception") + undefined("__cxa_throw"),
        "C++ exceptions (__cxa_allocate_exception)",
    ),
    (SETJMP, "setjmp"),
    (absent("setjmp.h"), "setjmp (setjmp.h)"),
    (undefined("__wasm_setjmp") + undefined("__c_longjmp"), "setjmp (__wasm_setjmp)"),
    (undeclared("fork"), f"processes (fork){ABSENT}"),
    (undefined("system"), f"processes (system){ABSENT}"),
    (undeclared("popen") + undeclared("pclose"), f"processes (popen){ABSENT}"),
    (undefined("system") + undeclared("L_tmpnam"), f"processes (system); temporary files (L_tmpnam){ABSENT}"),
    (undefined("system") + undefined("waitpid"), "processes (system)"),
    (undefined("system") + undefined("clock"), f"processes (system){ABSENT}"),
    (absent("sys/wait.h"), "processes (sys/wait.h)"),
    (WAIT, "processes"),
    ("main.cc:2:16: error: no member named 'fork' in the global namespace\n", f"processes (fork){ABSENT}"),
    (undeclared("socket") + undeclared("connect"), "sockets (socket)"),
    (absent("netdb.h"), "sockets (netdb.h)"),
    (undefined("getaddrinfo"), "sockets (getaddrinfo)"),
    ("main.c:3:35: error: variable has incomplete type 'struct sigaction'\n", "signals (sigaction)"),
    (undeclared("kill"), "signals (kill)"),
    (absent("ucontext.h"), "stack switching (ucontext.h)"),
    (undefined("madvise"), "memory protection (madvise)"),
    (undefined("shm_open"), "shared memory (shm_open)"),
    (
        "c.c:2:58: error: use of undeclared identifier 'CLOCK_PROCESS_CPUTIME_ID'\n",
        "CPU time (CLOCK_PROCESS_CPUTIME_ID)",
    ),
    (absent("termios.h"), "a terminal (termios.h)"),
    ("main.c:2:52: error: use of undeclared identifier 'TIOCGWINSZ'\n", "a terminal (TIOCGWINSZ)"),
    (absent("dlfcn.h"), "dynamic loading (dlfcn.h)"),
    (CLOCKS + undeclared("getrlimit"), "resource limits (getrlimit)"),
    (undefined("getpwuid"), "users and hosts (getpwuid)"),
    (undefined("flock"), "permissions or locks of files (flock)"),
    (undeclared("mkstemp"), f"temporary files (mkstemp){ABSENT}"),
    (STREAM, "C++ file streams or std::filesystem"),
    (
        "f.cc:4:44: error: no member named 'exists' in namespace 'std::filesystem'\n",
        "C++ file streams or std::filesystem",
    ),
    ("main.c:3:18: error: use of undeclared identifier 'cpu_set_t'\n", "Linux (cpu_set_t)"),
    (absent("sys/epoll.h"), "Linux (sys/epoll.h)"),
    (undefined("syslog"), "a system log (syslog)"),
    (absent("execinfo.h"), "backtraces (execinfo.h)"),
    (X86, "instructions of a different machine"),
    ("asm.c:1:33: error: Unexpected token in operand: $\n", "instructions of a different machine"),
    (SIGNAL, 'signals; add libraries = ["wasi-emulated-signal"] to workload.toml'),
    (undefined("raise"), 'signals; add libraries = ["wasi-emulated-signal"] to workload.toml'),
    (MMAN, 'mmap; add libraries = ["wasi-emulated-mman"] to workload.toml'),
    (undefined("clock"), 'process clocks; add libraries = ["wasi-emulated-process-clocks"] to workload.toml'),
    (CLOCKS, 'process clocks; add libraries = ["wasi-emulated-process-clocks"] to workload.toml'),
    (undefined("getpid"), 'getpid; add libraries = ["wasi-emulated-getpid"] to workload.toml'),
]


@pytest.mark.parametrize(("complaint", "expected"), CASES)
def test_what_is_missing_is_named(complaint, expected):
    assert needs(complaint) == expected


def test_every_need_has_been_seen():
    assert {need.words for need in NEEDS} == {re.split(r" \(|; add", expected)[0] for _, expected in CASES}


def test_every_need_is_in_the_document_with_what_helps():
    text = Path("docs/trouble.md").read_text(encoding="utf-8")
    assert {need.words for need in NEEDS} <= {*re.findall(r"`needs ([^`;]+)", text)}


def test_several_are_reported_and_libraries_only_where_they_are_all_that_is_missing():
    libraries = 'add libraries = ["wasi-emulated-signal", "wasi-emulated-mman"] to workload.toml'
    assert needs(MMAN + SIGNAL) == f"signals, mmap; {libraries}"
    assert needs(SIGNAL + undeclared("fork") + absent("netdb.h")) == "processes (fork); sockets (netdb.h)"


@pytest.mark.parametrize(
    "complaint",
    [
        "",
        undefined("missing_function"),
        absent("nothere.h"),
        "main.c:1:25: error: use of undeclared identifier 'x'\n",
        'main.c:1:2: error: "I want no fork, socket, signal or mmap here"\n',
        # A function of the program's own, with a signature; and what only begins or ends like one of those.
        undefined("connect(Node*, Node*)"),
        undefined("signal_strength") + undefined("my_clock") + undefined("systems"),
        "main.cc:2:19: error: no member named 'vectr' in namespace 'std'; did you mean 'vector'?\n",
        # The text of the program, which compilers repeat.
        "main.c:2:9: error: expected ';'\n    2 | fork(); pthread_create(&t, 0, f, 0) signal(SIGINT, f)\n",
    ],
)
def test_the_programs_own_mistakes_are_no_need(complaint):
    assert needs(complaint) == ""


def test_every_library_is_one_that_can_be_asked_for_and_every_emulation_is_suggested():
    assert sorted(need.library for need in NEEDS if need.library) == sorted(DEFINES)


def at(place, text, source, line=1):
    return f"main.c:{line}:{place}: error: {text}\n    {line} | {source}\n      | {' ' * (place - 1)}^\n"


SYSTEM = at(
    37,
    "call to undeclared function 'system'; ISO C99 and later",
    'int main(void) { int timeout = 3; system("x");',
)
MMAP = 'mmap; add libraries = ["wasi-emulated-mman"] to workload.toml'
PIPE = "    FILE *pipe = popen(name, 0);"


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        # One error of the program's own: that is reported, not what WASI lacks.
        (SYSTEM + at(70, "use of undeclared identifier 'timeuot'; did you mean 'timeout'?", "timeuot"), ""),
        (at(3, "expected ';' after expression", "count()", 9) + undeclared("fork"), ""),
        # In a line whose first error is a consequence of the second.
        (
            at(25, "expected ';' after expression", "int main() { std::thread t([] {}); }", 2)
            + at(19, "no member named 'thread' in namespace 'std'", "int main() { std::thread t([] {}); }", 2)
            + at(26, "use of undeclared identifier 't'", "int main() { std::thread t([] {}); }", 2),
            "threads (std::thread)",
        ),
        (
            X86 + X86.replace("14:2", "150:10").replace("This", "invalid conversion"),
            "instructions of a different machine",
        ),
        (MMAN + undeclared("mmap") + at(33, "use of undeclared identifier 'PROT_READ'", "x", 3), MMAP),
        (undefined("system") + undefined("my_function"), ""),
        (
            undefined("system")
            + "wasm-ld: error: duplicate symbol: main\n>>> defined in a.o\n>>> defined in b.o\n",
            "",
        ),
        # Errors that are there only because of one before.
        (
            at(18, "call to undeclared function 'popen'", PIPE, 5)
            + at(11, "incompatible integer to pointer conversion initializing 'FILE *'", PIPE, 5),
            f"processes (popen){ABSENT}",
        ),
        (
            at(5, "unknown type name 'pthread_t'", "    pthread_t one, *two;", 3)
            + at(10, "use of undeclared identifier 'two'", "    if (!two) return 1;", 4),
            "threads (pthread_t)",
        ),
        (
            at(10, "no member named 'thread' in namespace 'std'", "    std::thread worker([] {});", 3)
            + at(5, "use of undeclared identifier 'worker'", "    worker.join();", 4),
            "threads (std::thread)",
        ),
        (
            at(5, "unknown type name 'pthread_t'", "    pthread_t one;", 3)
            + at(10, "use of undeclared identifier 'onne'", "    if (!onne) return 1;", 4),
            "",
        ),
    ],
)
def test_it_is_a_need_only_where_it_is_the_whole_cause(complaint, expected):
    assert needs(complaint) == expected
