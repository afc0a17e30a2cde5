"""What several contract tests need: each backend that is here, and guests for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.build import artifacts, compilers, flag_check, libraries, unwinding
from pipeline.core import paths
from pipeline.core.artifact import BuildSpec
from pipeline.core.files import read_json
from pipeline.runtimes.backends import discover, engines
from pipeline.workloads import staging, third_party, workload_toml
from tests.conftest import ROOT, alone
from toolchain import discover as discover_toolchains
from toolchain.model import WASM

BACKENDS = discover()
#: Of engines that are built from source, those that have no name without a version.
VERSIONED = {backend.name: backend for backend in engines.shipped() if backend.name not in BACKENDS}


#: Backends whose runtime gives no standard output of a guest that traps.
LOSES_OUTPUT = "wasmer-sdk."


def _host(backend):
    """What answers a guest's calls: the same for all backends of a runtime, and for all of wasm2c."""
    return backend.runtime.name.removesuffix("-gcc")


#: {host: the first of its backends}
HOSTS = {_host(found): name for name, found in sorted({**VERSIONED, **BACKENDS}.items(), reverse=True)}


def compiled(folder: Path, source: str, target: str = WASM) -> str:
    """A guest of one C file, compiled by the bundled toolchain into a folder: its path."""
    zig = discover_toolchains()["zig"]
    made = str(folder / f"{Path(source).stem}.{target}")
    environment = zig.environment(str(folder))
    subprocess.run(zig.compile(target, ["-O1"], source, f"{made}.o"), check=True, env=environment)
    link = zig.link(target, [f"{made}.o"], paths.libc("zig", target), made)
    subprocess.run(link, check=True, env=environment)
    return made


@pytest.fixture(scope="session")
def is_chosen(pytestconfig):
    """Whether what every backend must do is tested under this one.

    Under one of an engine or a browser it is where ``--engines`` names that, as such backends are measured
    only where they are named: each start of a JVM or a browser takes its time.
    """
    named = {*pytestconfig.getoption("--engines").split(",")}

    def look(backend):
        browser = backend.runtime.worker == "browser_worker.py"
        own = backend.runtime.name if browser else backend.runtime.engine
        return own is None or bool(named & {own, "*"})

    return look


@pytest.fixture(scope="session")
def present(prepared, is_chosen):
    """A backend by its name; one that is not here is skipped, but not in CI, which installs what it names."""

    def find(name):
        backend = BACKENDS.get(name) or VERSIONED[name]
        identity = read_json(paths.runtime_identity(backend.runtime.name))
        if not identity["present"] and not (os.environ.get("CI") and is_chosen(backend)):
            pytest.skip(identity["reason"])
        assert identity["present"], f"{name}: {identity['reason']}"
        return backend

    return find


@pytest.fixture(scope="session")
def chosen(present, is_chosen):
    """The same, for what every backend must do."""

    def find(name):
        backend = BACKENDS.get(name) or VERSIONED[name]
        if not is_chosen(backend):
            pytest.skip("backends of engines and browsers are tested with --engines=NAMES")
        return present(name)

    return find


@pytest.fixture(params=sorted(BACKENDS), scope="module")
def backend(request, chosen):
    return chosen(request.param)


@pytest.fixture(params=sorted(BACKENDS), scope="module")
def distinct(request, chosen):
    """The same, for what is answered by a host and not by code that an engine makes: one of each host's."""
    first = HOSTS[_host(BACKENDS[request.param])]
    if request.param != first and not request.config.getoption("--long-faults"):
        pytest.skip(f"its host is that of {first}; all are tried with --long-faults")
    return chosen(request.param)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Builds a program as the graph does, in a folder of its own; returns its BuildSpec."""
    monkeypatch.chdir(tmp_path)
    for name in ("toolchain", "third_party"):
        (tmp_path / name).symlink_to(ROOT / name)
    clock = tmp_path / paths.GUEST_CLOCK
    clock.parent.mkdir(parents=True)
    clock.symlink_to(ROOT / paths.GUEST_CLOCK)

    def build(toolchain, variant, target, toml="", **files):
        folder = tmp_path / "program"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, text in files.items():
            stem, _, suffix = name.partition("__")
            (folder / f"{stem}.{suffix or 'c'}").write_text(text)
        (folder / "workload.toml").write_text(toml)
        workload = workload_toml.read(str(folder))
        staging.stage(workload)
        spec = BuildSpec(workload, toolchain, variant, target)
        with alone():
            _provide(toolchain, target, workload.libraries)
        flag_check.check_flags(toolchain, variant, [target], "here")
        with alone():  # it may build libc++
            unwinding.ask(workload, toolchain)
        for source in workload.sources:
            artifacts.compile_object(spec, source)
        artifacts.link(spec)
        return spec

    return build


def _provide(toolchain, target, names):
    """The toolchain's libraries, made once in the project itself."""
    own = Path(paths.toolchain_cache(toolchain.name)).parent
    there = ROOT / own
    own.mkdir(parents=True, exist_ok=True)
    for name in ("libc", "cache", "libraries"):
        (there / name).mkdir(parents=True, exist_ok=True)
        if not (own / name).is_symlink():
            (own / name).symlink_to(there / name)
    if not (own / "identity.json").exists():
        compilers.identify(toolchain)
    for part in toolchain.libc(target).own.values():
        if part.third_party is not None and not all(map(os.path.exists, part.files)):
            third_party.obtain(part.third_party, None)
    libc = Path(paths.libc(toolchain.name, target))
    if not all((libc / name).exists() for name in toolchain.libc(target).files):
        libraries.build_libc(toolchain, target)
    for name in names:
        if not all(map(os.path.exists, libraries.archives(toolchain, target, [name]))):
            libraries.build_library(toolchain, target, name)
