"""Which JDK builds and runs an engine in Java, and that its jars are those of its lock."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from pipeline.runtimes.engines import java
from pipeline.runtimes.engines.build_process import Unavailable
from pipeline.runtimes.engines.languages import Job
from pipeline.runtimes.engines.manifest import engine
from pipeline.runtimes.engines.progress import Progress

CHICORY = engine("chicory", "1.7.5")
GRAAL = engine("graalwasm", "25.0.2")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with these JDKs: makes one of a release, with or without JVMCI."""
    monkeypatch.setattr(java, "_PLACES", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))

    def make(release, *, jvmci=False):
        home = tmp_path / f"jdk-{release}-{jvmci}"
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "javac").touch()
        modules = "java.base jdk.internal.vm.ci" if jvmci else "java.base"
        text = f'IMPLEMENTOR="Builder"\nJAVA_VERSION="{release}"\nMODULES="{modules}"\n'
        (home / "release").write_text(text)
        return home

    return make


def test_a_machine_without_a_jdk_says_what_brings_one(machine):
    reason = java.BUILDER.missing(CHICORY)
    assert reason.startswith("Chicory wants JDK 17 or later, and there is no JDK of that kind")
    assert reason.endswith("run: apt-get install openjdk-17-jdk-headless")
    machine("11.0.2")
    assert java.BUILDER.missing(CHICORY) == reason


def test_a_machine_without_maven_says_what_brings_it(machine):
    machine("17.0.1")
    assert java.BUILDER.missing(CHICORY).endswith("run: apt-get install maven")


def test_the_jdk_that_can_compile_is_taken_where_there_is_one(machine):
    machine("21.0.5", jvmci=True)
    assert java.BUILDER.tools(GRAAL)["jvmci"] == "no"
    machine("25.0.3", jvmci=False)
    assert java.BUILDER.tools(GRAAL)["jvmci"] == "no"
    machine("25.0.3", jvmci=True)
    assert java.BUILDER.tools(GRAAL)["jvmci"] == "yes"
    assert java.BUILDER.tools(CHICORY)["jvmci"] == "no", "it asks for none"


def test_the_users_jdk_comes_first(machine, monkeypatch):
    machine("25.0.3")
    own = machine("17.0.9")
    monkeypatch.setenv("JAVA_HOME", str(own))
    assert java._jdk(CHICORY) == own


@pytest.fixture
def job(tmp_path):
    return Job(CHICORY, tmp_path, tmp_path, tmp_path, Progress(CHICORY))


def test_jars_must_be_those_of_the_lock(tmp_path, job):
    jar, lock = tmp_path / "a.jar", tmp_path / "jars.lock"
    jar.write_bytes(b"content")
    digest = java.sha256(jar)
    lock.write_text(f"{digest}  a.jar\n")
    java._check([jar], lock, job)
    jar.write_bytes(b"other content")
    with pytest.raises(Unavailable, match=r"a\.jar has SHA-256 .*, expected .* run: git checkout pipeline"):
        java._check([jar], lock, job)
    with pytest.raises(Unavailable, match=r"a\.jar has SHA-256 none: it was not fetched"):
        java._check([], lock, job)
    lock.write_text("")
    with pytest.raises(Unavailable, match="expected no such jar"):
        java._check([jar], lock, job)
    lock.write_text("no lock at all, but words\n")
    with pytest.raises(Unavailable, match="expected no such jar"):
        java._check([jar], lock, job)


def test_a_release_of_its_own_is_put_into_the_pom(tmp_path):
    older = replace(CHICORY, release="1.6.0", family=msgspec.structs.replace(CHICORY.family, release="1.7.5"))
    assert java.BUILDER.at_release("<engine.version>1.7.5</engine.version>", older) == (
        "<engine.version>1.6.0</engine.version>"
    )
