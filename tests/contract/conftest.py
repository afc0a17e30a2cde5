"""What several contract tests need: each backend that is here, and guests for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.core.files import read_json
from pipeline.runtimes.backends import discover
from toolchain import discover as discover_toolchains
from toolchain.model import WASM

BACKENDS = discover()


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
def present(prepared):
    """A backend by its name; one that is not here is skipped, but not in CI, which installs all."""

    def find(name):
        identity = read_json(paths.runtime_identity(BACKENDS[name].runtime.name))
        if not identity["present"] and not os.environ.get("CI"):
            pytest.skip(identity["reason"])
        assert identity["present"], f"{name}: {identity['reason']}"
        return BACKENDS[name]

    return find


@pytest.fixture(params=sorted(BACKENDS), scope="module")
def backend(request, present):
    return present(request.param)
