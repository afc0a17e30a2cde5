"""Wasmer's compilers, built here: the code that runs shows which of them made it, not its label."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.model import Status
from pipeline.experiment import matrix
from pipeline.measure.guest import Ended, Guest, prove
from pipeline.runtimes.backends import at_version, discover
from pipeline.runtimes.engines import llvm, provision
from pipeline.runtimes.engines.manifest import engine, manifests
from pipeline.runtimes.launch import start
from tests.contract.conftest import compiled

BACKENDS = discover()
RELEASES = tuple(family.release for family in manifests()["wasmer"].families)
COMPILERS = ("llvm", "cranelift", "singlepass")


@pytest.fixture(scope="module")
def guests(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guest modules")
    return [compiled(folder, f"tests/guests/{name}.c") for name in ("fails", "wasi_calls")]


def built(compiler, release):
    """The backend of an engine that was built already; a test takes not so long as a build."""
    backend = at_version(BACKENDS[f"wasmer.{compiler}"], release)
    if not provision.present(backend.runtime):
        pytest.skip(f"{backend.name} is not built; {provision.state(backend.runtime)[1]}")
    if compiler == "llvm" and (reason := llvm.left_out(engine("wasmer", release))) is not None:
        pytest.skip(f"{backend.name}: {reason}")
    return backend


def loaded(backend, path):
    protocol = matrix.load({}).protocol
    with start(backend, protocol) as worker:
        return Guest(worker, backend.name, protocol).load(path, backend.options)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_each_compiler_proves_itself_by_two_evidences(guests, release, compiler):
    backend = built(compiler, release)
    for path in guests:
        facts = loaded(backend, path)
        prove(backend, facts, release)
        assert facts.proof["compiler"] == facts.proof["shape"] == compiler
        assert facts.code_bytes is not None
        assert facts.code_bytes > 1000


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("made", COMPILERS)
@pytest.mark.parametrize("label", COMPILERS)
def test_a_compiler_under_the_label_of_another_is_caught(guests, release, label, made):
    """The host compiles with one and is believed to be the other: as a host would that mixes them up."""
    if label == made:
        return
    mislabelled = replace(built(label, release), options=built(made, release).options)
    facts = loaded(mislabelled, guests[0])
    reason = f"should prove compiler '{label}', but its compiler is '{made}'"
    with pytest.raises(Ended, match=reason) as caught:
        prove(mislabelled, facts, release)
    assert caught.value.status is Status.INVALID


@pytest.mark.parametrize("release", RELEASES)
def test_the_code_of_each_compiler_is_different(guests, release):
    sizes = {compiler: loaded(built(compiler, release), guests[0]).code_bytes for compiler in COMPILERS}
    assert sizes["llvm"] < sizes["cranelift"] < sizes["singlepass"]


def test_a_release_says_which_it_is(guests):
    backend = built("singlepass", "3.3.0")
    facts = loaded(backend, guests[0])
    with pytest.raises(Ended, match=r"the runtime says it is 3\.3\.0, expected 7\.4\.2"):
        prove(backend, facts, "7.4.2")
