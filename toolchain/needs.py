"""Map errors of compilers and linkers to the feature that WASI lacks.

The patterns come from compiling such programs: headers that refuse, headers that are missing, functions that
are not declared or defined. Errors in the program itself match none of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from toolchain.complaints import Complaint, errors
from toolchain.model import ABSENT
from toolchain.own_libc import absent_names


@dataclass(frozen=True)
class Need:
    """One feature, and how its lack shows: regular expressions that match whole names and whole headers."""

    words: str
    names: str = ""  # functions, types and macros that are not declared or defined
    headers: str = ""  # files that are not found
    says: str = ""  # anything else, anywhere
    library: str = ""  # what brings it: one of toolchain.model.DEFINES


#: In the order in which they are reported.
NEEDS = (
    Need(
        "threads",
        names=r"(pthread|PTHREAD)_\w+|thrd_\w+|mtx_\w+|cnd_\w+|sem_(init|destroy|open|close|wait|trywait|timedwait|post)"
        r"|std::(j?thread|this_thread|async|future|promise|packaged_task|\w*mutex|\w*_lock|lock_guard|latch"
        r"|barrier|condition_variable(_any)?|(counting|binary)_semaphore|stop_(token|source))",
        headers=r"pthread\.h|threads\.h|semaphore\.h|omp\.h",
        says=r"<\w+> is not supported (on this single threaded|[^\n]*without support for threads)"
        r"|--shared-memory is disallowed",
    ),
    Need(
        "C++ exceptions",
        names=r"__cxa_(throw|rethrow|(allocate|free)_exception|(begin|end)_catch)|_Unwind_\w+|__cpp_exception",
        says=r"cannot use '\w+' with exceptions disabled",
    ),
    Need(
        "setjmp",
        names=r"(sig|_)?(set|long)jmp|(sig)?jmp_buf|__wasm_(set|long)jmp\w*|__c_longjmp",
        headers=r"setjmp\.h",
        says=r"Setjmp/longjmp support requires",
    ),
    Need(
        "processes",
        names=r"v?fork|f?exec(ve?|vpe?|l[ep]?)|wait(pid|id|3|4)?|system|popen|pclose|posix_spawnp?"
        r"|pipe2?|dup[23]?|daemon|get(ppid|pgrp|pgid|sid)|set(sid|pgid)",
        headers=r"sys/wait\.h|spawn\.h",
        says=r"/sys/wait\.h:\d+:\d+: error",
    ),
    Need(
        "sockets",
        names=r"socket(pair)?|connect|bind|listen|accept4|(send|recv)(to|from|m?msg)|setsockopt"
        r"|get(sockname|peername|addrinfo|nameinfo)|freeaddrinfo|gai_strerror|gethostby\w+|if_\w+index",
        headers=r"netdb\.h|ifaddrs\.h|net/\w+\.h|netinet/\w+\.h|sys/un\.h",
    ),
    Need(
        "signals",
        names=r"sig(action|procmask|suspend|wait|waitinfo|timedwait|altstack|queue|pending|set_t|info_t)"
        r"|sig(empty|fill|add|del)set|sigismember|SA_\w+|kill(pg)?|pause"
        r"|alarm|itimerval|[gs]etitimer|ITIMER_\w+",
    ),
    Need("stack switching", names=r"(get|set|make|swap)context|ucontext_t", headers=r"ucontext\.h"),
    Need("memory protection", names=r"mprotect|(posix_)?madvise|m(un)?lock(all)?|mincore|mremap"),
    Need(
        "shared memory",
        names=r"shm(_open|_unlink|get|at|dt|ctl)|sem(get|op|ctl)|msg(get|snd|rcv|ctl)",
        headers=r"sys/(shm|sem|msg|ipc)\.h",
    ),
    Need("CPU time", names=r"CLOCK_(PROCESS|THREAD)_CPUTIME_ID|clock_getcpuclockid"),
    Need(
        "a terminal",
        names=r"tc[gs]etattr|tcflush|cf\w+speed|cfmakeraw|termios|winsize|TIOC\w+|openpty|ttyname(_r)?",
        headers=r"(sys/)?termios?\.h|n?curses\.h|pty\.h|readline/\w+\.h",
    ),
    Need("dynamic loading", names=r"dlopen|dlsym|dlclose|dlerror|dladdr", headers=r"dlfcn\.h"),
    Need("resource limits", names=r"[gs]etrlimit|rlimit|RLIMIT_\w+|[gs]etpriority"),
    Need(
        "users and hosts",
        names=r"[gs]ete?[ug]id|get(pw|gr)(uid|gid|nam|ent)(_r)?|getlogin(_r)?|gethostname",
        headers=r"(pwd|grp|utmpx?)\.h",
    ),
    Need(
        "permissions or locks of files",
        names=r"umask|f?chmod(at)?|[fl]?chown(at)?|flock|lockf|mkfifo|mknod",
        headers=r"sys/file\.h",
    ),
    Need("temporary files", names=r"tmpfile|tmpnam|tempnam|mks?temps?|mkdtemp|L_tmpnam|TMP_MAX|P_tmpdir"),
    Need(
        "C++ file streams or std::filesystem",
        says=r"undefined template 'std::(__\w+::)?basic_[io]?f(stream|ilebuf)\b"
        r"|in namespace 'std::(__\w+::)?filesystem'|[Ff]ilesystem>? library is not supported",
    ),
    Need(
        "Linux",
        names=r"epoll_\w+|eventfd|inotify_\w+|timerfd_\w+|signalfd|prctl|syscall|sched_[gs]etaffinity"
        r"|cpu_set_t|sendfile|splice|getrandom",
        headers=r"sys/(epoll|eventfd|inotify|timerfd|signalfd|prctl|sendfile|sysinfo|ptrace)\.h|linux/\S+\.h",
    ),
    Need("a system log", names=r"(open|close|v?sys)log", headers=r"syslog\.h"),
    Need("backtraces", names=r"backtrace(_symbols\w*)?", headers=r"execinfo\.h|libunwind\.h"),
    Need(
        "instructions of a different machine",
        names=r"__m(64|128|256|512)[di]?|_mm\d*_\w+|__builtin_(ia32|arm|neon)_\w+",
        says=r"requires target feature '(mmx|s?sse|avx|fma|bmi|aes|neon)"
        r"|only meant to be used on x86|[Uu]nexpected token in operand"
        r"|invalid (in|out)put constraint '.*' in asm",
    ),
    Need(
        "signals",
        names=r"signal|raise|psignal|SIG[A-Z]+\d?|SIG_\w+",
        says="wasm lacks signal support",
        library="wasi-emulated-signal",
    ),
    Need(
        "mmap",
        names=r"mmap|munmap|msync|PROT_[A-Z]+|MAP_[A-Z]+|MS_[A-Z]+",
        says="WASI lacks a true mmap",
        library="wasi-emulated-mman",
    ),
    Need(
        "process clocks",
        names=r"clock|times|getrusage|rusage",
        says="WASI lacks process-associated clocks",
        library="wasi-emulated-process-clocks",
    ),
    Need("getpid", names="getpid", library="wasi-emulated-getpid"),
)
_OF_ABSENT = (
    f'; if the program can do without, add libraries = ["{ABSENT}"] to workload.toml: such calls then fail'
)
#: Where compilers and linkers name what they do not find. What has a signature is a C++ function, and so the
#: program's own.
_NAME = re.compile(
    r"undefined symbol: (\w+)$"
    r"|undeclared function '(\w+)'"
    r"|undeclared identifier '(\w+)'"
    r"|unknown type name '(\w+)'"
    r"|incomplete type '(?:struct )?(\w+)'"
    r"|named '(\w+)' in the global namespace"
)
_STANDARD = re.compile(r"no [a-z ]+ named '(\w+)' in namespace 'std'")
_HEADER = re.compile(r"'([^'\n]+)' file not found")
#: Headers that are not the program's.
_SYSTEM = re.compile(r"(^|/)(usr/(include|lib)|lib/(libc/)?include|lib/clang|wasi-sysroot|c\+\+/v1)/")
#: The declaration of variables of a type: "name <…> *a, b = 3;" from its name on.
_DECLARED = re.compile(r"\w+(?:<[^;]*>)?(?:::\w+)*[\s*&]+(?=\w)([^;()]*)")


def needs(printed: str) -> str:
    """What the program needs, in words that follow "needs"; "" if there is any error about something else.

    ``printed`` is all that the compiler or the linker printed for WASM. What a library would
    bring is reported, with how to ask for it, only where nothing else is missing.
    """
    found: dict[Need, str] = {}
    explained: list[Complaint] = []
    others: list[Complaint] = []
    absent: set[str] = set()
    for error in errors(printed):
        here = {need: name for need in NEEDS if (name := _shown_by(need, error)) is not None}
        if explained and _SYSTEM.search(error.file):
            here = {need: name for need, name in here.items() if not name}
        elif here:
            explained.append(error)
        else:
            others.append(error)
        for need, name in here.items():
            if not need.library:
                absent.add(name)
            found.setdefault(need, f"{need.words} ({name})" if name else need.words)
    if not all(_follows(error, explained) for error in others):
        return ""
    found = {need: found[need] for need in NEEDS if need in found}
    without = [words for need, words in found.items() if not need.library]
    if without or not found:
        remedy = _OF_ABSENT if without and absent <= absent_names() else ""
        return "; ".join(without) + remedy
    libraries = ", ".join(f'"{need.library}"' for need in found)
    return f"{', '.join(need.words for need in found)}; add libraries = [{libraries}] to workload.toml"


def _shown_by(need: Need, error: Complaint) -> str | None:
    """The name by which an error shows that a feature is lacking, "" if it has none; None if it does not."""
    if need.says and re.search(need.says, f"{error.place}: error: {error.text}"):
        return ""
    match = _NAME.search(error.text)
    names = [match[match.lastindex or 0]] if match else []
    names += [f"std::{name}" for name in _STANDARD.findall(error.text)]
    known = [name for name in names if re.fullmatch(need.names, name)]
    known += [name for name in _HEADER.findall(error.text) if re.fullmatch(need.headers, name)]
    return known[0] if known else None


def _follows(error: Complaint, explained: Sequence[Complaint]) -> bool:
    """Whether an error is there only because of one that is explained."""
    match = _NAME.search(error.text)
    if match is None:
        # "incompatible integer to pointer conversion", where a function is not declared that returns one.
        line = error.place.rpartition(":")[0]
        return bool(line) and any(each.place.startswith(f"{line}:") for each in explained)
    declared = (_DECLARED.match(each.rest_of_line) for each in explained)
    return any(match[match.lastindex or 0] in re.findall(r"\w+", each[1]) for each in declared if each)
