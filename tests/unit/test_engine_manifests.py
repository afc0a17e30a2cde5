"""engine.toml: what is read of it, what is refused, and which backends it gives, also in other releases."""

from __future__ import annotations

import pytest

from pipeline.core.errors import BadInput
from pipeline.core.model import Kind
from pipeline.experiment import backend_selection, matrix
from pipeline.experiment.backend_selection import pick
from pipeline.runtimes.backends import at_version, discover, engines
from pipeline.runtimes.engines import manifest
from pipeline.runtimes.engines.manifest import between, number

WHOLE = """
title = "Some engine"
language = "rust"

[[families]]
folder = "v2"
release = "2.4.0"
first = "2.1"
before = "4"
needs = { rust = "1.80", llvm = "14" }
cpu_seconds = 100
disk_mb = 200

[[families]]
folder = "v1"
release = "1.0.0"
first = "1"
before = "2.1"
cpu_seconds = 100
disk_mb = 200

[backends."some.fast"]
kind = "optimizing JIT"
options = { compiler = "fast" }
proof = { compiler = "fast" }

[backends."some.new"]
kind = "interpreter"
first = "2.4.0"
"""


@pytest.fixture
def read(tmp_path):
    """Reads a manifest of an engine that is named "some"."""
    path = tmp_path / "some" / "engine.toml"
    path.parent.mkdir()

    def reading(text):
        path.write_text(text)
        return manifest.read(path)

    return reading


@pytest.fixture
def some(read, monkeypatch):
    """The same manifest as the only one that there is."""
    found = read(WHOLE)
    monkeypatch.setattr(manifest, "manifests", lambda: {"some": found})
    monkeypatch.setattr(engines, "manifests", lambda: {"some": found})
    return found


def test_every_manifest_of_the_project_can_be_read():
    found = manifest.manifests()
    assert {"wasmi", "tinywasm"} <= set(found)
    for name, each in found.items():
        for family in each.families:
            engine = manifest.engine(name, family.release)
            assert engine.shipped
            assert (manifest.place() / engine.folder).is_dir()


def test_a_manifest_is_read_whole(read):
    found = read(WHOLE)
    assert [family.release for family in found.families] == ["2.4.0", "1.0.0"]
    assert found.families[0].needs == {"rust": "1.80", "llvm": "14"}
    assert found.command == ("{folder}/host",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Some engine"', "titel = 1", "titel"),
        ('language = "rust"', 'language = "ada"', "language: unknown value 'ada'"),
        ("cpu_seconds = 100", "cpu_seconds = 0", "cpu_seconds: expected a whole number, above 0, found 0"),
        ('first = "2.1"', 'first = "two"', "families.first: expected a release like 2.0.0, found 'two'"),
        ('release = "2.4.0"', 'release = "4.0.0"', "families: 4.0.0 is not in 2.1 to below 4"),
        ('rust = "1.80"', 'rust = "new"', "families.needs.rust: expected a release like 2.0.0, found 'new'"),
        ('"some.fast"', '"other.fast"', "backends: other.fast: expected some.NAME"),
        ('kind = "interpreter"', 'kind = "fast"', "backends.some.new.kind: unknown kind 'fast'"),
        ('kind = "interpreter"', 'kind = "interpreter"\nspeed = 1', "speed"),
    ],
)
def test_what_is_wrong_is_named(read, old, new, message):
    assert old in WHOLE
    with pytest.raises(BadInput) as caught:
        read(WHOLE.replace(old, new, 1))
    assert "engine.toml: " in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_releases_are_in_the_order_of_their_numbers():
    releases = ["0.9", "0.10.0", "1.0.0-beta.2", "1.0.1", "1.10", "2"]
    assert sorted(releases, key=number) == releases
    assert number("2.0.0") == number("2")
    assert between("2.1.0", "2.1", "4")
    assert between("3.99", "2.1", "4")
    assert not between("4.0.0", "2.1", "4")
    assert not between("2.0.9", "2.1", "4")


def test_a_release_has_the_family_that_serves_it(some):
    assert manifest.engine("some", "3.3.0").folder == "some/v2"
    assert manifest.engine("some", "2.0.1").folder == "some/v1"
    assert manifest.engine("some", "2.4.0").shipped
    assert not manifest.engine("some", "3.3.0").shipped
    with pytest.raises(ValueError, match=r"^no host here serves Some engine 4\.0; .*: 1 to below 4$"):
        manifest.engine("some", "4.0")


def test_backends_are_in_the_first_familys_release(some):
    found = {backend.name: backend for backend in engines.backends()}
    assert list(found) == ["some.fast", "some.new"]
    assert found["some.fast"].kind is Kind.OPTIMIZING
    assert found["some.fast"].runtime.version == "2.4.0"
    assert found["some.fast"].options == found["some.fast"].proof == {"compiler": "fast"}
    # In each release whose lock is here, those that it has.
    assert [backend.name for backend in engines.shipped()] == ["some.fast", "some.new", "some.fast@1.0.0"]


def test_a_release_that_is_not_listed_is_had_by_its_version_alone(read, monkeypatch):
    found = read(WHOLE.replace('release = "1.0.0"', 'release = "1.0.0"\nlisted = false', 1))
    for module in (manifest, engines):
        monkeypatch.setattr(module, "manifests", lambda: {"some": found})
    assert [backend.name for backend in engines.shipped()] == ["some.fast", "some.new"]
    assert engines.at_version(engines.backends()[0], "1.0.0").name == "some.fast@1.0.0"


def test_a_version_is_a_release_of_the_engine(some):
    base = engines.backends()[0]
    found = engines.at_version(base, "3.0.0")
    assert found.name == "some.fast@3.0.0"
    assert (found.runtime.name, found.runtime.engine, found.runtime.version) == (
        "some@3.0.0",
        "some",
        "3.0.0",
    )
    with pytest.raises(ValueError, match=r"Some engine 2\.2 has no some\.new"):
        engines.at_version(engines.backends()[1], "2.2")
    with pytest.raises(ValueError, match=r"no host here serves Some engine 0\.1"):
        engines.at_version(base, "0.1")


def test_a_name_of_pypi_keeps_its_versions(some):
    """An engine of the same name may have the others."""
    wasmtime = discover()["wasmtime.cranelift"]
    assert engines.at_version(wasmtime, "38.0.0") is None
    assert at_version(wasmtime, "38.0.0").runtime.environment == "wasmtime-38.0.0"


def test_versions_of_a_package_of_the_same_name_are_those_below_its_first_release():
    wasmer = discover()["wasmer.llvm"]
    assert at_version(wasmer, "1.0.0").runtime.engine is None
    assert at_version(wasmer, "3.3.0").runtime.engine == "wasmer"


def test_the_command_line_says_why_not():
    known = discover()
    for pattern, message in (
        ("wasmi.eager@0.1.0", r"no host here serves wasmi 0\.1\.0"),
        # No version of PyPI's package either.
        ("wasmer.llvm@2.3.0", r"no host here serves Wasmer 2\.3\.0; releases that one serves: 7\.2"),
        (
            "wasmer.llvm@99.0",
            r"no host here serves Wasmer 99\.0; .*: 7\.2 to below 7\.5; 3\.2 to below 7$",
        ),
        ("wasmi.eager@latest", r"not a version; expected one like 38\.0\.0"),
    ):
        with pytest.raises(BadInput, match=message):
            pick("command line: backends", [pattern], known)
    assert [b.name for b in pick("here", ["wasmi.eager@1.0.0"], known)] == ["wasmi.eager@1.0.0"]


def test_a_pattern_is_for_what_a_release_has():
    known = discover()
    names = [backend.name for backend in pick("here", ["wasmedge.*@0.14.1"], known)]
    assert sorted(names) == ["wasmedge.aot@0.14.1", "wasmedge.interpreter@0.14.1"]
    with pytest.raises(BadInput, match=r"WasmEdge 0\.14\.1 has no wasmedge\.jit"):
        pick("here", ["wasmedge.jit@0.14.1"], known)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("*", False),
        ("wasm*", False),
        ("*eager", False),
        ("wasmi", False),
        ("wasmi*", True),
        ("wasmi.*", True),
        ("wasmi.eager", True),
        ("wasmi.e?ger", True),
    ],
)
def test_an_engine_is_chosen_by_its_name(pattern, chosen):
    """Nothing is built for those who ask for all that is there."""
    try:
        names = [backend.name for backend in pick("here", [pattern], discover())]
    except BadInput:
        names = []
    assert ("wasmi.eager" in names) == chosen


def test_the_default_matrix_has_no_engine():
    assert not [b.name for b in matrix.load({}).backends if b.runtime.engine]
    assert not [b.name for b in matrix.load({"backends": "*"}).backends if b.runtime.engine]


def test_engines_are_added_by_name(monkeypatch):
    plan = matrix.load({"backends": "native", "engines": "wasmi,tinywasm"})
    assert [backend.name for backend in plan.backends] == ["native", "tinywasm", "wasmi.eager"]
    message = r"^command line: engines: 'wasmj' matches nothing; did you mean 'wasmi'\?$"
    with pytest.raises(BadInput, match=message):
        matrix.load({"engines": "wasmj"})


def test_by_a_pattern_only_what_this_machine_can_have_is_added(monkeypatch, tmp_path):
    monkeypatch.setattr(backend_selection, "can_be_had", lambda runtime: runtime.engine == "tinywasm")
    plan = matrix.load({"backends": "native", "engines": "*"})
    assert [backend.name for backend in plan.backends] == ["native", "tinywasm"]
