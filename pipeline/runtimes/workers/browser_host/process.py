"""A browser that ends with this process, and which of its processes runs the page."""

import ctypes
import os
import shutil
import signal
import subprocess
from typing import Dict, List, Set  # noqa: F401 - in comments

import scratch
import serve
from browser_host import settings

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
#: What browsers call the thread of a Worker.
_WORKERS = ("DedicatedWorker", "DOM Worker")


class Browser:
    """Starts it; ``open`` shows it a page. Nothing of it outlives this process."""

    def __init__(self, options: serve.Facts) -> None:
        self._options = options
        self._home = scratch.lasting_folder()
        self._processor = set()  # type: Set[int]
        self.page = 0

    def open(self, url: str) -> None:
        """With nothing of the user's. The address is in a file, for all users see command lines."""
        home, start = self._home, os.path.join(self._home, "start.html")
        with open(start, "w") as stream:
            stream.write("<script>location.replace('%s')</script>" % url)
        program = self._program()
        path = os.environ.get("PATH", os.defpath)
        self._process = subprocess.Popen(
            [program, *settings.arguments(self._options, home), "file://" + start],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **settings.ENVIRONMENT,
                "HOME": home,
                "TMPDIR": home,
                "PATH": path,
                "LC_ALL": "C.UTF-8",
            },
            preexec_fn=_end_with_parent,
        )

    def version(self, shown: str) -> str:
        """What it calls itself, where a page is shown only the beginning of it."""
        if "prefs" not in self._options:
            return shown
        printed = subprocess.check_output([self._program(), "--version"], stdin=subprocess.DEVNULL)
        version = printed.decode().split()[-1]
        if not version.startswith(shown.split(".")[0] + "."):
            raise serve.Refused("the page says that this is version %s, expected %s" % (shown, version))
        return version

    def _program(self) -> str:
        program = shutil.which(self._options["program"])
        if program is None:
            raise serve.Refused("there is no %s on PATH" % self._options["program"])
        return program

    def check(self) -> None:
        """End this process where no page will answer."""
        for pid, name in ((self._process.pid, "the browser"), (self.page, "the process of the page")):
            if pid and _stat(pid)[0] in "ZX":
                raise SystemExit("Error: %s ended" % name)

    def find_page(self) -> None:
        """The process that has the only thread of a Worker is the page's."""
        for pid in self._family()[1:]:
            for thread in _listed("/proc/%d/task" % pid):
                if _text("/proc/%d/task/%s/comm" % (pid, thread)).strip() in _WORKERS:
                    self.page = pid
                    return
        raise serve.Refused("no process of the browser runs the page")

    def cpu_ns(self) -> int:
        """Of the page's thread."""
        return cpu_ns(self.page)

    def follow(self) -> None:
        """Let all of it run where this process may."""
        allowed = os.sched_getaffinity(0)
        if allowed == self._processor:
            return
        for pid in self._family():
            for thread in _listed("/proc/%d/task" % pid):
                try:
                    os.sched_setaffinity(int(thread), allowed)
                except OSError:  # it has ended
                    pass
        self._processor = allowed

    def used(self) -> Dict[str, float]:
        """Of the page's process so far: CPU seconds of all threads, those in the kernel, page faults."""
        fields = _stat(self.page)
        threads = map(int, _listed("/proc/%d/task" % self.page))
        return {
            "cpu_seconds": sum(map(cpu_ns, threads)) / 1e9,
            "system_seconds": int(fields[12]) / os.sysconf("SC_CLK_TCK"),
            "page_faults": int(fields[7]) + int(fields[9]),
        }

    def peak_rss_bytes(self) -> int:
        """Of the page's process."""
        lines = _text("/proc/%d/status" % self.page).splitlines()
        return max([int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")], default=0)

    def _family(self) -> List[int]:
        """The browser's process and all below it."""
        parents = {int(pid): int(_stat(int(pid))[1]) for pid in _listed("/proc") if pid.isdigit()}
        found = [self._process.pid]
        for pid in found:  # grows meanwhile
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def cpu_ns(thread: int) -> int:
    """CPU time of a thread so far; 0 where it has ended."""
    return int((_text("/proc/%d/schedstat" % thread) or "0").split()[0])


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _stat(pid: int) -> List[str]:
    """The fields of its status from the third on; of one that is gone, as if dead."""
    return _text("/proc/%d/stat" % pid).rpartition(")")[2].split() or ["X"] + 30 * ["0"]


def _text(path: str) -> str:
    """What a file of the kernel says; nothing where that process has ended."""
    try:
        with open(path, errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _listed(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
