"""Runs are killed in every phase, at random moments; the next one goes on and ends as if nothing had been."""

import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Workspace, make_workspace
from tests.faults import harness

FAULTS = "killed"
#: A signal that doit receives ends it at once, s; a busy machine takes its time.
_PROMPTLY_S = 30
BACKENDS = "backends=native,wasmtime.cranelift,wasmer.cranelift"
OBJECTS = "build/artifacts/coremark/zig"
SIGNALS = {
    signal.SIGKILL: "SIGKILL",
    signal.SIGTERM: "SIGTERM",
    signal.SIGINT: "Ctrl-C",
    signal.SIGHUP: "SIGHUP",
}
#: Every signal to either, in an order in which each phase meets a different one each turn.
BLOWS = [(number, group) for group in (False, True) for number in SIGNALS]


@dataclass(frozen=True)
class Phase:
    """What is to be done again, with which run, what it says then, and for how long it takes, s."""

    spoil: Callable[[Path], None]
    arguments: tuple[str, ...]
    pattern: str
    seconds: float


def gone(*patterns: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


PHASES = {
    "sources": Phase(
        gone("third_party/coremark/core_[lmsu]*.c", "build/workloads"), (), r"\] (obtain|copy) sources", 0.3
    ),
    "flags": Phase(gone("build/toolchains/zig/flags"), (), r"\] check flags", 0.5),
    "libc": Phase(gone("build/toolchains/zig/libc"), (), r"\] build libc", 0.5),
    "environment": Phase(gone("build/environments/*"), (), r"\] provide environment", 2.0),
    "runtime": Phase(gone("build/runtimes/*"), (), r"\] identify runtime", 0.3),
    "compile": Phase(gone(f"{OBJECTS}/O[23]/*/*.o"), (), r"\] compile", 1.2),
    "link": Phase(gone(f"{OBJECTS}/O[23]/*/coremark.*"), (), r"\] link", 0.3),
    "measure": Phase(gone("results/*/coremark/zig/O3"), (), r"\] measure", 2.5),
    "report": Phase(gone("report"), (), r"\] report", 0.5),
    "page": Phase(gone("report/index.html", "report/charts"), (), r"\] page", 3.0),
    "history": Phase(gone("history/*", "report/*.csv"), (), r"\] (export|remember)", 0.2),
    "lock": Phase(gone(), ("lock",), r"\] lock", 0.3),
    "bundle": Phase(gone("build/bundle"), ("bundle",), r"\] bundle", 0.3),
    "verify": Phase(gone(), ("verify",), r"\] verify", 2.0),
    "tune": Phase(gone("results/*/tune"), ("tune",), r"\] tune|^trial", 6.0),
}
TUNE = ("tune", "backend=wasmtime.cranelift", "budget=5")


@pytest.fixture(scope="module")
def settled(tmp_path_factory, prepared):
    """A workspace whose run ended well, with a lock and a page."""
    made = make_workspace(tmp_path_factory.mktemp("kills") / "a copy", prepared, page=True)
    harness.settles(made, BACKENDS)
    assert made.doit("run", "lock").returncode == 0
    return made


def killed(workspace: Workspace, name: str, blow: tuple[int, bool], chance: random.Random) -> str:
    """Do a phase's work again and kill it at a random moment; returns what was done."""
    # It may have ended before: then earlier.
    for share in (1.0, 0.5, 0.25, 0.1, *[0.0] * 6):
        if attempt(workspace, name, blow, chance, share):
            return f"{SIGNALS[blow[0]]} to {'its process group' if blow[1] else 'doit alone'}"
    raise AssertionError(f"{name} always ended before it was killed")


def attempt(
    workspace: Workspace, name: str, blow: tuple[int, bool], chance: random.Random, share: float
) -> bool:
    """Whether it was killed before it had ended."""
    phase, (number, group) = PHASES[name], blow
    phase.spoil(workspace.path)
    before = harness.finished(workspace)
    several = ["-n", "2"] if chance.random() < 0.25 and not phase.arguments else []
    arguments = TUNE if name == "tune" else phase.arguments or (BACKENDS,)
    run = harness.Run(workspace.path, "run", *several, *arguments)
    assert run.wait_for(phase.pattern), run.printed
    time.sleep(chance.uniform(0, phase.seconds * share))
    run.kill(number, group=group)
    status = run.end(timeout=_PROMPTLY_S)
    assert run.orphans() == [], (name, number, group)
    assert "Traceback" not in run.printed, (name, number, group, run.printed)
    now = harness.finished(workspace)
    assert before.items() <= now.items(), "a finished sample was measured again"
    if status == 0:
        return False
    # What doit started got the signal, too, and doit may have met its end first.
    assert status == -number or (group and number != signal.SIGKILL and status == 1), (blow, run.printed)
    reported = run.printed.count("interrupted; what is finished is kept")
    # Who has done the last task, or has shown the table, may be ending by itself.
    over = re.search(r"\[(\d+)/\1\]|^More in report", run.printed, re.MULTILINE)
    silent = number == signal.SIGKILL or status != -number or over
    assert reported == 1 or (reported == 0 and silent), (blow, run.printed)
    return True


def test_at_random_moments(settled, often, tried):
    chance = random.Random(9)
    wanted = harness.modules(settled)
    done: list[tuple[str, str]] = []
    for turn in range(often(1, len(BLOWS))):
        for place, name in enumerate(PHASES):
            done.append((name, killed(settled, name, BLOWS[(place + turn) % len(BLOWS)], chance)))
            if often(False, True) or name == list(PHASES)[-1]:
                finished = harness.finished(settled)
                harness.settles(settled, BACKENDS, before=finished)
                assert harness.modules(settled) == wanted, (turn, done)
                for phase, fault in done:
                    tried(f"{fault}, phase {phase}", "no orphan, nothing lost, the report right")
                done.clear()


def test_finished_compiles_survive(settled, tried):
    """doit's own databases would forget them."""
    gone(f"{OBJECTS}/O[23]/*/*.o")(settled.path)
    run = harness.Run(settled.path, "run", BACKENDS)
    assert run.wait_for(r"(\] compile .*\n.*){6}"), run.printed
    run.kill()
    assert run.end() == -signal.SIGKILL, run.printed
    again = [task for task in harness.settles(settled, BACKENDS) if task.startswith("compile")]
    assert len(again) <= 24 - 5
    tried("SIGKILL to doit alone after five compiles", "none of the five made again")
