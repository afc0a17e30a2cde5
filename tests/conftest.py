"""Workspaces: copies of the project in which real doit runs may do what they like.

The slow first steps (building two C libraries, provisioning an environment) are done once, in the
project itself, and copied from there.
"""

from __future__ import annotations

import compileall
import contextlib
import os
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import fasteners
import pytest
from hypothesis import settings

from pipeline.core import paths
from pipeline.core.files import NEW, read_json
from pipeline.report.page import vega
from pipeline.runtimes import identity
from pipeline.runtimes.backends import discover, engines
from pipeline.runtimes.engines import provision

ROOT = Path(__file__).resolve().parent.parent

# The same examples for every submission; where people develop, new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_addoption(parser):
    parser.addoption(
        "--engines",
        default="",
        metavar="NAMES",
        help="engines and browsers whose backends are tested too, separated by commas; * is all; "
        "those that are not on this machine are skipped",
    )
    group = parser.getgroup("faults")
    group.addoption(
        "--long-faults", action="store_true", help="try each fault as often as docs/reliability.md says"
    )
    group.addoption(
        "--faults-log", metavar="FILE", help="append what was tried, and what came of it, as JSON lines"
    )


#: In this order at the beginning. The first one has the project prepared, which keeps one processor busy for
#: a minute; the unit tests do without that. They are handed out in turn to the three processes of a run.
_FIRST = (
    "contract/test_backends.py",
    "unit/test_coverage.py",
    "unit/test_wasm.py",
    "contract/test_allocator.py",
    "unit/test_page.py",
    "unit/test_across_workloads.py",
)


def pytest_collection_modifyitems(items):
    places = {(ROOT / "tests" / name).resolve(strict=True): place for place, name in enumerate(_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(_FIRST)))


#: What a workspace is made of; nothing that a run made.
PARTS = (
    "LICENSE",
    "dodo.py",
    "claims.toml",
    "matrix.toml",
    "pyproject.toml",
    "pipeline",
    "toolchain",
    "third_party",
    "workloads",
)

#: Ready workloads that tests of the graph do without: two are as good as seven, and sooner built.
_FEW = ("calls", "convolution", "interpreter", "memory", "nbody", "local")

#: Measurement settings for tests of the graph: real runs, too short to say anything about speed.
BRIEF = {"pairs": "2", "undisturbed": "2", "chunk_ms": "5", "warmup_chunks": "1", "run_timeout_s": "5"}


#: How long a guest runs whose clock is checked, s: a fifth of what a measurement that counts takes.
CLOCK_RUN_S = 0.02


@pytest.fixture(scope="session", autouse=True)
def _at_root():
    """The graph works in the project's folder; so do the tests."""
    before = Path.cwd()
    os.chdir(ROOT)
    yield
    os.chdir(before)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One of the processes that tests run in at a time: for what is made in the project itself."""
    path = ROOT / paths.BUILD / "tests.lock"
    path.parent.mkdir(exist_ok=True)
    with fasteners.InterProcessLock(path):
        yield


@pytest.fixture(scope="session")
def prepared() -> Path:
    """The project with its C libraries, environments and artifacts in place."""
    with alone():
        outcome = doit(ROOT, "run", "-n", "2", "build", "runtime")
    assert outcome.returncode == 0, outcome.stderr
    # Workspaces get a copy. It is used only for the very text that it was made of: tests change texts twice
    # within a second.
    for package in ("pipeline", "toolchain"):
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(ROOT / package, quiet=2, invalidation_mode=mode)
    vega.javascript()  # kept in the project, and copied with it
    # Also of what is not installed: why not, which is what its tests are skipped with.
    for backend in (*discover().values(), *engines.shipped()):
        runtime = backend.runtime
        if runtime.engine is not None and provision.is_built(runtime):
            provision.provision(runtime)  # by a run in a different checkout, or in this one
            identity.identify(runtime)
        if not (ROOT / paths.runtime_identity(runtime.name)).exists():
            identity.identify(runtime)
    return ROOT


def installed(*names: str) -> list[str]:
    """Those of the backends that are here, in a prepared project; in CI, which installs all, all of them."""
    found = []
    for name in names:
        identity = read_json(ROOT / paths.runtime_identity(discover()[name].runtime.name))
        assert identity["present"] or not os.environ.get("CI"), identity["reason"]
        if identity["present"]:
            found.append(name)
    return found


def doit(folder: Path, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run doit in a folder, as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "doit", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(folder),
    )


def environment(folder: Path) -> dict[str, str]:
    """Our environment, with the modules of the workspace before those that pip installed."""
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class Workspace:
    """A copy of the project, with its own matrix.toml."""

    path: Path

    @property
    def results(self) -> Path:
        """What this host measured."""
        return self.path / paths.RESULTS / paths.here()

    def doit(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return doit(self.path, *arguments, timeout=timeout)

    def run(self, *arguments: str) -> list[str]:
        """A run that must end well; returns the names of the tasks that were executed."""
        outcome = self.doit("run", *arguments)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        return executed(outcome.stdout)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.path / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        with open(self.path / name, "a", encoding="utf-8") as stream:
            stream.write(text)

    def believe_all(self) -> None:
        """Every pair of chunks counts as undisturbed: for tests of what is done with numbers.

        Whether the machine is quiet enough is then no condition of such a test.
        """
        for name, value in {"NEAR": "0.92", "CPU_SHARE": "0.95", "SAME_PROGRAM": "0.85"}.items():
            self.edit("pipeline/stats/undisturbed.py", f"{name} = {value}\n", f"{name} = 0.0\n")

    def snapshot(self) -> dict[str, bytes]:
        """Every file's content."""
        return {
            str(p.relative_to(self.path)): p.read_bytes()
            for p in sorted(self.path.rglob("*"))
            if p.is_file() and "__pycache__" not in p.parts
        }


def executed(log: str) -> list[str]:
    """From the plain reporter's lines: "measure coremark zig O2 native 1", one a task."""
    return re.findall(r"^\[ *\d+/\d+\] (.*) \((?:about .* left|waiting)\)$", log, re.MULTILINE)


@pytest.fixture
def workspace(tmp_path: Path, prepared: Path) -> Workspace:
    """A copy with brief measurements and two variants under native and wasmtime.cranelift."""
    return make_workspace(tmp_path / "a copy", prepared)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Callable[[Path], Workspace]:
    """``finished(folder)``: the same after its run ended well, so that there is nothing left to do.

    Run once for all processes that tests run in, then copied.
    """
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    with fasteners.InterProcessLock(f"{place}.lock"):
        if not (place / "whole").exists():
            make_workspace(place / "a copy", prepared).run()
            (place / "whole").touch()

    return lambda folder: copied(place / "a copy", folder)


@pytest.fixture
def ran(tmp_path: Path, finished: Callable[[Path], Workspace]) -> Workspace:
    """A copy of the finished workspace, for one test."""
    return finished(tmp_path / "a copy")


def _not_copied(folder: str, names: list[str]) -> set[str]:
    if Path(folder).name == "environments":
        return {name for name in names if not name.startswith("wasmer-1.1.0")}
    if Path(folder).name == "artifacts":
        return set(names) - {"coremark"}
    if Path(folder).name == "toolchains" or Path(folder).parent.name == "artifacts":
        return set(names) - {"zig"}
    # What other tests are just making comes and goes while this is copied.
    half_made = {name for name in names if name.startswith(NEW)}
    return half_made | {"cache", "settled", "rebuilt", "tests.lock"} & set(names)


def _copy(source: str, target: str) -> None:
    """A copy; of an environment's packages, which are large and which nothing writes to, a link."""
    if "site-packages" in source:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


def copied(source: Path, folder: Path) -> Workspace:
    """A copy of a workspace, in which nothing is to be done that was not to be done there."""
    shutil.copytree(source, folder, symlinks=True, copy_function=_copy)
    return Workspace(folder)


def make_workspace(folder: Path, prepared: Path, *, page: bool = False) -> Workspace:
    """``page``: whether its runs draw the page, which takes longer than all that brief runs measure."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = prepared / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns(*_FEW))
        else:
            shutil.copy2(source, folder / part)
    # The compiler's cache is shared, it is large; doit's memory, so that nothing is made again.
    # Of environments only the one that tests of the graph look at: a copy of all fills the disk.
    shutil.copytree(
        prepared / "build", folder / "build", ignore=_not_copied, symlinks=True, copy_function=_copy
    )
    cache = Path(paths.toolchain_cache("zig"))
    (folder / cache).symlink_to(prepared / cache)
    shutil.copy2(prepared / ".doit.db", folder / ".doit.db")
    made = Workspace(folder)
    # These measurements are no results: several at a time do no harm, and a clock is checked in less time.
    worker = "{os.environ.get('PYTEST_XDIST_WORKER')}"
    made.edit("pipeline/core/locks.py", "coremark-wasm-{os.getuid()}", f"coremark-wasm-tests-{worker}")
    made.edit("pipeline/measure/session.py", "CLOCK_RUN_S = 0.1", f"CLOCK_RUN_S = {CLOCK_RUN_S}")
    if not page:
        made.edit("dodo.py", '["page", ', "[")
    text = (folder / "matrix.toml").read_text(encoding="utf-8")
    for key, value in BRIEF.items():
        text, count = re.subn(rf"^{key} = \S+", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    text = re.sub(r"^default_variants = .*", 'default_variants = ["O2", "O3"]', text, flags=re.MULTILINE)
    text = text.replace('backends = "installed"', 'backends = ["native", "wasmtime.cranelift"]')
    text = re.sub(r"^(\[protocols\.quick\]\nrounds =) \d+", r"\1 2", text, flags=re.MULTILINE)
    text = re.sub(r"^protocol = .*", 'protocol = "quick"', text, flags=re.MULTILINE)
    (folder / "matrix.toml").write_text(text, encoding="utf-8")
    return made
