"""Hosts in Java: compiled by a JDK of this machine; their jars come by its mvn, with digests in jars.lock."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pipeline.core.files import sha256, write_atomic
from pipeline.runtimes.engines import record
from pipeline.runtimes.engines.build_process import Failed, Unavailable, run
from pipeline.runtimes.engines.languages import Job
from pipeline.runtimes.engines.manifest import Engine, number

#: What copies jars. Its version is no part of what is made: that is what jars.lock says.
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_RELEASE = "17"  # of the language, and of classes
#: For programs that run for a second.
_QUICK = "-XX:TieredStopAtLevel=1"
_PLACES = "/usr/lib/jvm"
_KEY = re.compile(r'(\w+)="(.*)"')
_NO_ROUTE = "check the route to the registry of Maven, and free disk space, then run doit again"
#: Of the user's environment, what would change what a JVM does.
_DECIDING = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH")
#: That is not there where a JDK cannot compile for GraalVM.
_JVMCI = "jdk.internal.vm.ci"


class _Java:
    lock = "jars.lock"
    code = ("java",)
    shared = ("hosts/java",)

    def missing(self, engine: Engine) -> str | None:
        title, wanted = engine.manifest.title, engine.family.needs.get("jdk", _RELEASE)
        if _jdk(engine) is None:
            found = "no JDK of that kind on PATH, in $JAVA_HOME or in /usr/lib/jvm"
            remedy = f"run: apt-get install openjdk-{wanted}-jdk-headless"
            return f"{title} wants JDK {wanted} or later, and there is {found}; {remedy}"
        if shutil.which("mvn") is None:
            return f"{title} is fetched by mvn, which is not on PATH; run: apt-get install maven"
        return None

    def tools(self, engine: Engine) -> dict[str, str]:
        home = _jdk(engine)
        assert home is not None
        found = _release_file(home)
        known = " ".join(filter(None, (found.get("IMPLEMENTOR"), found.get("JAVA_RUNTIME_VERSION"))))
        return {"jdk": known, "jvmci": "yes" if _has_jvmci(engine, home) else "no"}

    def at_release(self, text: str, engine: Engine) -> str:
        return text.replace(f">{engine.family.release}<", f">{engine.release}<")

    def resolve(self, job: Job) -> None:
        lines = [f"{sha256(path)}  {path.name}" for path in _fetch(job)]
        write_atomic(job.host / self.lock, "\n".join(lines) + "\n")

    def build(self, job: Job) -> None:
        lock = job.host / self.lock
        _check(_fetch(job), lock, job)
        job.progress.begin()
        home = _jdk(job.engine)
        assert home is not None
        own = {job.host, job.sources / job.engine.name}
        sources = [path for folder in sorted(own) for path in sorted(folder.glob("*.java"))]
        sources += _renamed(job)
        sources += sorted((job.sources / "hosts" / "java").rglob("*.java"))
        compiler = [f"-J{_QUICK}", "--release", _RELEASE, "-proc:none", "-nowarn", "-g"]
        paths = ["-d", str(job.into / "classes"), "-cp", str(job.into / "lib" / "*")]
        shutil.copytree(job.work / "lib", job.into / "lib")
        javac = [str(home / "bin" / "javac"), *compiler, *paths, *map(str, sources)]
        try:
            run(javac, folder=job.sources, environment=_environment(home))
        except Failed as error:
            raise Unavailable(f"{error} (building {job.engine.id})") from None
        # A link: what it needs lies around the program that it leads to.
        (job.into / "java").symlink_to(home / "bin" / "java")

    def uses(self, engine: Engine) -> list[str]:
        home = _jdk(engine)
        names = ("lib/server/libjvm.so", "release")
        return [] if home is None else [str(home / name) for name in names if (home / name).exists()]


BUILDER = _Java()


def _renamed(job: Job) -> list[Path]:
    """The sources that its host shares with other engines, with its own names in them."""
    made = []
    for folder in job.engine.shared:
        for path in sorted((job.sources / folder).glob("*.java")):
            text = path.read_text(encoding="utf-8")
            for name, own in job.engine.manifest.names.items():
                text = text.replace(name, own)
            made.append(job.sources / "renamed" / path.name)
            write_atomic(made[-1], text)
    return made


def _check(jars: list[Path], lock: Path, job: Job) -> None:
    """Raises Unavailable unless the jars are those of the lock, byte for byte."""
    try:
        lines = [line.split() for line in lock.read_text(encoding="utf-8").splitlines()]
        expected = {name: digest for digest, name in lines}
    except (OSError, ValueError):
        expected = {}
    found = {path.name: sha256(path) for path in jars}
    for name in sorted({*expected, *found}):
        if expected.get(name) == found.get(name):
            continue
        what = f"{name} has SHA-256 {found.get(name, 'none: it was not fetched')}"
        wanted = expected.get(name, "no such jar")
        helps = record.lock_remedy(job.engine)
        raise Unavailable(f"{job.engine.id}: {what}, expected {wanted} ({lock.name}); {helps}")


def _fetch(job: Job) -> list[Path]:
    """The jars that pom.xml names, and all that they need; raises Unavailable."""
    home, folder = _jdk(job.engine), job.work / "lib"
    assert home is not None
    shutil.rmtree(folder, ignore_errors=True)
    mvn = [str(shutil.which("mvn")), "--batch-mode", "--file", str(job.host / "pom.xml"), _COPY]
    mvn += [f"-DoutputDirectory={folder}", "-DincludeScope=runtime", "-Dmdep.overWriteReleases=true"]
    environment = _environment(home)
    try:
        run([*mvn, "--offline"], folder=job.host, environment=environment)
    except Failed:
        job.progress.say("downloading its jars")
        try:  # -U: what was not there once may be there now
            run([*mvn, "-U"], folder=job.host, environment=environment)
        except Failed as error:
            raise Unavailable(f"{error}; {_NO_ROUTE}") from None
    return sorted(folder.glob("*.jar"))


def _environment(home: Path) -> dict[str, str]:
    """The user's, with that JDK, without what changes what is made."""
    kept = {name: value for name, value in os.environ.items() if name not in _DECIDING}
    return {
        **kept,
        "JAVA_HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "MAVEN_OPTS": f"{os.environ.get('MAVEN_OPTS', '')} {_QUICK}".strip(),
    }


def _jdk(engine: Engine) -> Path | None:
    """The JDK that an engine is built and run with: the first that has all of it, else all that it must."""
    fitting = [home for home in _jdks() if _fits(home, engine)]
    return next((home for home in fitting if _has_jvmci(engine, home)), fitting[0] if fitting else None)


def _fits(home: Path, engine: Engine) -> bool:
    return _number(home) >= number(engine.family.needs.get("jdk", _RELEASE))


def _has_jvmci(engine: Engine, home: Path) -> bool:
    """Whether a JDK has what an optional compiler needs: JVMCI, and exactly that release of Java."""
    wanted = engine.family.optional.get("jvmci")
    return (
        wanted is not None
        and _number(home)[:1] == number(wanted)
        and _JVMCI in _release_file(home).get("MODULES", "")
    )


def _number(home: Path) -> tuple[int, ...]:
    return number(_release_file(home).get("JAVA_VERSION", "0"))


def _jdks() -> Iterator[Path]:
    """The JDKs of this machine, each once, that of $JAVA_HOME and that on PATH first."""
    given, javac = os.environ.get("JAVA_HOME"), shutil.which("javac")
    found = [Path(given)] if given else []
    found += [Path(javac).resolve().parent.parent] if javac else []
    found += sorted(Path(_PLACES).glob("*"), reverse=True)
    whole = [path.resolve() for path in found if (path / "bin" / "javac").exists() and _release_file(path)]
    return iter(dict.fromkeys(whole))


@cache
def _release_file(home: Path) -> dict[str, str]:
    """What a JDK's file "release" says; nothing where there is none."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {found[1]: found[2] for found in map(_KEY.fullmatch, text.splitlines()) if found}
