"""Environments are made of pinned hashes or not at all; what decides artifacts and scores is exact."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import tomli

from pipeline.core import paths
from pipeline.experiment import matrix
from pipeline.runtimes import environments
from tests.conftest import ROOT, make_workspace

FAULTS = "Packages that are not what was pinned"
NAME = "wasmtime-38.0.0"
BACKEND = "wasmtime.cranelift@38.0.0"
PINS = f"pipeline/runtimes/pins/{NAME}.txt"
_PINNED = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.]*( ;[^\\]*)?( --hash=sha256:[0-9a-f]{64})+"
)
#: What reads, shows or tests results: a newer one changes neither bytes of artifacts nor scores.
_RANGES = ("tomli", "msgspec", "rich", "jinja2", "fasteners", "archspec", "regex", "uv")


def pins(text):
    """Each requirement as one line, without comments."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def test_every_pin_that_we_ship_has_version_and_hashes(tried):
    files = sorted((ROOT / paths.ENVIRONMENTS).glob("*.txt"))
    lines = [(file.name, line) for file in files for line in pins(file.read_text())]
    assert len(files) > 15
    for name, line in lines:
        assert _PINNED.fullmatch(line), (name, line)
    tried("a pin without version or hash among those that come with the project", "there is none", len(lines))


@pytest.mark.parametrize("bad", ["a>=1 --hash=sha256:" + "0" * 64, "a==1", "a==1 --hash=md5:" + "0" * 32])
def test_the_check_sees(bad):
    assert not _PINNED.fullmatch(bad)


def test_what_decides_artifacts_and_scores_is_exact():
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    others = ("test", "audit", "docs")
    extras = {key: lines for key, lines in project["optional-dependencies"].items() if key not in others}
    wanted = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    names = [re.match(r"[A-Za-z0-9_-]+", line)[0] for line in wanted]
    for name, line in zip(names, wanted, strict=True):
        if name not in (*_RANGES, "coremark-wasm"):
            assert re.match(rf"{name}==[0-9][A-Za-z0-9.]*($|;)", line), line
    assert set(_RANGES) <= set(names), "a name in this test's list is no dependency any more"


@pytest.fixture(scope="module")
def workspace(prepared, tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("pins") / "a copy", prepared)


def spoil(how, text):
    """Pins with one thing wrong."""
    return {
        "a different digit": lambda: re.sub(
            r"(sha256:)(.)", lambda m: m[1] + ("0" if m[2] != "0" else "1"), text
        ),
        "no hash": lambda: re.sub(r" *\\\n +--hash=\S+", "", text),
        "no version": lambda: re.sub(r"==38\.0\.0", ">=38", text),
        "a package less": lambda: text[text.index("wasmtime==") :],
        "md5": lambda: re.sub(r"sha256:\w+", "md5:" + "0" * 32, text),
    }[how]()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("a different digit", "Hash mismatch"),
        ("no hash", "all requirements must have a hash"),
        ("no version", "must have their versions pinned"),
        ("a package less", "no trusted hash was provided for: `importlib-resources`"),
        ("md5", "md5"),
    ],
)
def test_nothing_is_installed_that_was_not_pinned(workspace, monkeypatch, how, why, tried):
    monkeypatch.chdir(workspace.path)
    path = Path(PINS)
    good = path.read_text()
    (backend,) = matrix.load({"backends": BACKEND}).backends
    shutil.rmtree("build/environments", ignore_errors=True)
    path.write_text(spoil(how, good))
    assert path.read_text() != good
    try:
        environments.provision(backend.runtime)
    finally:
        path.write_text(good)
    record = json.loads(Path(paths.environment_record(NAME)).read_text())
    assert record["present"] is False
    assert why in record["reason"], record["reason"]
    assert "then run doit again" in record["reason"]
    assert [p.name for p in Path("build/environments").iterdir()] == [f"{NAME}.json"], (
        "something was installed"
    )
    tried("pins that are wrong: " + how, "the environment is not made, and says why")
