"""The path of every file, relative to the project's root (doit compares paths as strings).

Results are below the fingerprint of the host, which this module therefore asks for: a path without it would
be of no host, and every caller would have to pass the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.host import fingerprint

ROOT = Path(__file__).resolve().parents[2]

THIRD_PARTY = "third_party"
WORKLOADS = "workloads"
#: The user's workloads, made by ``doit run new``; git ignores them.
LOCAL_WORKLOADS = f"{WORKLOADS}/local"
WORKLOAD_TOML = "workload.toml"
#: Linked into programs that are timed by their own clock.
GUEST_CLOCK = "pipeline/build/guest_clock.c"
MATRIX = "matrix.toml"
LOCK = "artifacts.lock"
CLAIMS = "claims.toml"

BUILD = "build"
ARTIFACTS = f"{BUILD}/artifacts"
SETTLED = f"{BUILD}/settled"
#: Locked by the process that runs tasks here; the second file says which process that is.
CHECKOUT_LOCK = ".doit.lock"
CHECKOUT_NOTE = ".doit.run"
RESULTS = "results"
REPORT = "report"
RESULTS_JSON = f"{REPORT}/results.json"
REPORT_MD = f"{REPORT}/report.md"
REPORT_TXT = f"{REPORT}/report.txt"
INDEX_HTML = f"{REPORT}/index.html"
CHARTS = f"{REPORT}/charts"
CLAIMS_JSON = f"{REPORT}/claims.json"
COMPARE_JSON = f"{REPORT}/compare.json"
COMPARE_TXT = f"{REPORT}/compare.txt"
AB_JSON = f"{REPORT}/ab.json"
AB_TXT = f"{REPORT}/ab.txt"
#: What each binary of Wasmer has answered about its version and compilers.
WASMER_ANSWERS = f"{BUILD}/runtimes/wasmer-cli-answers.json"
#: What went wrong in tasks that do not stop a run, a file per task: ``check`` reports it.
TROUBLES = f"{BUILD}/troubles"
#: The variable that names the file of a workflow step's summary, where there is one.
SUMMARY = "GITHUB_STEP_SUMMARY"
#: Not below RESULTS: it cannot be made again.
HISTORY = "history"
SELFTEST_TXT = f"{REPORT}/selftest.txt"
SELFTEST_JSON = f"{REPORT}/selftest.json"
REPRODUCE_TXT = f"{REPORT}/reproduce.txt"
REPRODUCE_JSON = f"{REPORT}/reproduce.json"
BUNDLE = f"{BUILD}/bundle/coremark-wasm.tar"
#: Copies of the project that are built for a comparison.
REBUILT = f"{BUILD}/rebuilt"
#: The JavaScript that draws the charts of every page.
PAGE_SCRIPT = f"{BUILD}/page-script.json"
EXPLAIN_TXT = f"{REPORT}/explain.txt"
EXPLAIN_JSON = f"{REPORT}/explain.json"
ENVIRONMENTS = "pipeline/runtimes/pins"
ENGINES = "pipeline/runtimes/engines"
TEMPLATES = "pipeline/report/templates"
TEMPLATE = f"{TEMPLATES}/report.md.jinja"


#: Folders that files are written to, with RESULTS: searched for incomplete files of a killed run.
WRITTEN = (BUILD, REPORT, THIRD_PARTY, WORKLOADS, HISTORY, ".")


def here() -> str:
    """The folder below RESULTS of what this host measured: hosts that share a folder never mix."""
    return fingerprint()[:12]


def host_record(host: str) -> str:
    """The record of the host that measured the samples in a folder."""
    return f"{RESULTS}/{host}/host.json"


def refined() -> str:
    return f"{RESULTS}/{here()}/refined.json"


def trouble(task: str) -> str:
    return f"{TROUBLES}/{task}"


def toolchain_identity(toolchain: str) -> str:
    return f"{BUILD}/toolchains/{toolchain}/identity.json"


def unwinding(workload: str, toolchain: str) -> str:
    """Whether a workload uses setjmp or C++ exceptions."""
    return f"{ARTIFACTS}/{workload}/{toolchain}/unwinding.json"


def profile(workload: str, toolchain: str) -> str:
    """What a workload's compilation with -fprofile-use reads."""
    return f"{ARTIFACTS}/{workload}/{toolchain}/profile.profdata"


def settled(key: str) -> str:
    return f"{SETTLED}/{key}.json"


def wasm_opt_identity() -> str:
    return f"{BUILD}/toolchains/wasm-opt/identity.json"


def toolchain_cache(toolchain: str) -> str:
    return f"{BUILD}/toolchains/{toolchain}/cache"


def libc(toolchain: str, target: str) -> str:
    return f"{BUILD}/toolchains/{toolchain}/libc/{target}"


def library(toolchain: str, target: str, name: str) -> str:
    """The folder of a library in addition to the C library."""
    return f"{BUILD}/toolchains/{toolchain}/libraries/{target}/{name}"


def flags(toolchain: str, variant: str) -> str:
    return f"{BUILD}/toolchains/{toolchain}/flags/{variant}.json"


def third_party(name: str) -> str:
    """The folder of the sources of a third party, with their manifest."""
    return f"{THIRD_PARTY}/{name}"


def manifest(name: str) -> str:
    return f"{third_party(name)}/manifest.toml"


def staged(workload: str) -> str:
    """A copy of a workload's files, so that no path of the user reaches a compiler or a guest."""
    return f"{BUILD}/workloads/{workload}"


def staged_sources(workload: str) -> str:
    return f"{staged(workload)}/sources"


def staged_files(workload: str) -> str:
    """The folder that a guest may read."""
    return f"{staged(workload)}/files"


def staged_stdin(workload: str, case: str = "") -> str:
    """What a guest reads as its standard input; ``case`` is one with an input of its own."""
    return f"{staged(workload)}/stdin" + (f"-{case}" if case else "")


def checked_reference(workload: str) -> str:
    """The record that the native reference of a workload was found to print the same each time."""
    return f"{BUILD}/references/{workload}.json"


def environment(name: str) -> str:
    return f"{BUILD}/environments/{name}"


def environment_record(name: str) -> str:
    return f"{BUILD}/environments/{name}.json"


def environment_lock(name: str) -> str:
    """The pins that come with the project."""
    return f"{ENVIRONMENTS}/{name}.txt"


def resolved_lock(name: str) -> str:
    """The pins of a version that the user asked for."""
    return f"{BUILD}/environments/{name}.txt"


def engine_record(identifier: str) -> str:
    """What is known of an engine in one release; it is in the user's cache."""
    return f"{BUILD}/engines/{identifier}.json"


def runtime_identity(runtime: str) -> str:
    return f"{BUILD}/runtimes/{runtime}.json"


def worker(script: str) -> str:
    return f"pipeline/runtimes/workers/{script}"


def samples(cell: str, host: str | None = None) -> str:
    """The folder of a cell's samples, of this host or of the one given."""
    return f"{RESULTS}/{host or here()}/{cell}"


def sample(cell: str, round_: int, host: str | None = None) -> str:
    return f"{samples(cell, host)}/round-{round_:02d}.json"


def run_size(key: str) -> str:
    """The number of iterations that this host's runs of one reference have."""
    return f"{RESULTS}/{here()}/sizes/{key[:16]}.json"


def paired_round(key: str, round_: int) -> str:
    """A round of two backends whose chunks alternate."""
    return f"{RESULTS}/{here()}/pairs/{key[:16]}/round-{round_:02d}.json"


def sweep(runtime: str, kind: str) -> str:
    """The table ("txt") or the data ("json") of a sweep over versions."""
    return f"{REPORT}/sweep-{runtime}.{kind}"


def asked(toolchain: str) -> str:
    """The toolchain's answers about the choices of [tune]."""
    return f"{BUILD}/toolchains/{toolchain}/asked.json"


def search_name(workloads: Sequence[str], backends: Sequence[str], objective: str = "speed") -> str:
    """The name of a search for flags: its backends, and what is not usual about it."""
    own = [] if list(workloads) == ["coremark"] else [_joined(workloads)]
    return "-".join([*own, _joined(backends), *([objective] if objective != "speed" else [])])


def _joined(names: Sequence[str]) -> str:
    whole = "+".join(names)
    return whole if len(whole) <= 60 else f"{names[0][:40]}+{len(names) - 1}-more"


def searches() -> str:
    return f"{RESULTS}/{here()}/tune"


def search(name: str, key: str) -> str:
    """The trial log of a search (with ".json") and the folder of the samples of its confirmations."""
    return f"{searches()}/{name}-{key[:12]}"


def tuned(name: str, kind: str) -> str:
    """The table ("txt") or the data ("json") of a search."""
    return f"{REPORT}/tune-{name}.{kind}"


def certificates() -> str:
    return f"{RESULTS}/{here()}/certificates"


def certificate(cell: str) -> str:
    """The folder of a cell's official runs."""
    return f"{certificates()}/{cell}"


def python_of(environment_dir: str | Path) -> Path:
    """The interpreter of a virtual environment."""
    return Path(environment_dir) / "bin" / "python"
