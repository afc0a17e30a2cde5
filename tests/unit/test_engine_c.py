"""Hosts in C and packages of Debian: what is missing on a machine, what is fetched, and what is refused."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.runtimes.engines import c, debian, manifest
from pipeline.runtimes.engines.build_process import Unavailable
from tests.unit.conftest import script

CONTENT = b"a package"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PATH = "pool/main/s/some/libsome0_1.2+dfsg-1+b1_amd64.deb"
SOURCE = debian.Source("sid", "libsome-dev")


@pytest.fixture
def wasmedge():
    return manifest.engine("wasmedge", "0.17.1")


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "packages.lock"
    path.write_text(f"{DIGEST}  {PATH}\n")
    return path


@pytest.mark.parametrize(
    ("program", "package"), [("apt-get", "apt"), ("helper", "apt"), ("dpkg-deb", "dpkg")]
)
def test_a_program_that_is_missing_is_one_line(wasmedge, debian_programs, monkeypatch, program, package):
    monkeypatch.setenv("PATH", str(debian_programs))
    assert c.BUILDER.missing(wasmedge) is None
    (debian_programs / program).unlink()
    words = f"fetched by {program}, which is not here; on Debian: install {package}"
    assert c.BUILDER.missing(wasmedge) == f"WasmEdge is taken from Debian's packages, {words}"


def test_a_different_processor_is_one_line(wasmedge, monkeypatch):
    monkeypatch.setattr(c.platform, "machine", lambda: "aarch64")
    expected = "WasmEdge is taken from Debian's packages for x86-64, and this is aarch64"
    assert c.BUILDER.missing(wasmedge) == expected


def test_what_is_locked_is_fetched_once_from_where_apt_has_debian(wasmedge, debian_programs, lock, tmp_path):
    folder = tmp_path / "packages"
    for _ in range(2):
        (found,) = debian.fetch(lock, SOURCE, wasmedge, folder)
        assert found.read_bytes() == CONTENT
    asked = (folder / "asked").read_text().split()
    assert asked == [f"https://here.invalid/debian/{PATH}", str(found), f"SHA256:{DIGEST}"]


def test_half_a_package_is_fetched_again(wasmedge, debian_programs, lock, tmp_path):
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / PATH.rpartition("/")[2]).write_bytes(CONTENT[:3])
    (found,) = debian.fetch(lock, SOURCE, wasmedge, folder)
    assert found.read_bytes() == CONTENT


def test_a_different_package_is_refused(wasmedge, debian_programs, lock, tmp_path):
    script(debian_programs / "helper", 'printf "something else" > "$5"')
    with pytest.raises(
        Unavailable, match=r"^wasmedge-0\.17\.1: libsome0_\S+: not what packages\.lock says; "
    ):
        debian.fetch(lock, SOURCE, wasmedge, tmp_path / "packages")


def test_a_package_that_is_gone_is_one_line(wasmedge, debian_programs, lock, tmp_path):
    text = f"E: Failed to fetch https://here.invalid/debian/{PATH}  404  Not Found [IP: 192.0.2.1 80]"
    script(
        debian_programs / "helper",
        f"echo '{text.replace('+', '%2b')}' >&2; echo 'E: Download Failed' >&2; exit 100",
    )
    with pytest.raises(Unavailable) as caught:
        debian.fetch(lock, SOURCE, wasmedge, tmp_path / "packages")
    words = "wasmedge-0.17.1: Debian sid no longer has libsome0_1.2+dfsg-1+b1, which is locked; try @0.14.1"
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (
            "Debian Debian https://a.invalid/debian/\nDebian Debian https://b.invalid/debian/",
            "https://a.invalid/debian",
        ),
        (
            "Debian Debian-Security https://a.invalid/s/\nDebian Debian https://a.invalid/d",
            "https://a.invalid/d",
        ),
        ("  https://a.invalid/debian/", "https://a.invalid/debian"),
    ],
)
def test_the_archive_is_the_one_that_apt_uses(debian_programs, printed, expected):
    script(debian_programs / "apt-get", f"echo '{printed}'")
    assert debian._archive() == expected


@pytest.mark.parametrize(
    "printed", ["", "Ubuntu Ubuntu https://a.invalid/ubuntu/", " https://a.invalid/ubuntu/"]
)
def test_a_machine_without_debian_is_one_line(debian_programs, printed):
    script(debian_programs / "apt-get", f"echo '{printed}'")
    with pytest.raises(
        Unavailable, match=r"^apt of this machine gets nothing from Debian's archive; see: man"
    ):
        debian._archive()


@pytest.mark.parametrize("release", ["0.17.1", "0.14.1"])
def test_a_lock_names_no_mirror(release):
    wanted = manifest.engine("wasmedge", release)
    lines = (manifest.place() / wanted.folder / c.BUILDER.lock).read_text().splitlines()
    assert len(lines) > 10
    assert all(debian._LOCKED.fullmatch(line) for line in lines)
    assert sum(f"/libwasmedge0_{release}" in line for line in lines) == 1
