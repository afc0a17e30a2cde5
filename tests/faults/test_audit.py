"""What CI's audit finds: changed, strange and vulnerable packages, and keys that were committed."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytest.importorskip("detect_secrets", reason="the audit's own packages: pip install -e '.[audit]'")

FAULTS = "Keys and packages that must not be here"
#: Made up. In pieces, or the audit would find them here.
KEYS = {
    "AWS key": "AKIA" + "QYLPMN5H" + "HHFPZAM2",
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "GitHub token": "ghp_" + "wWPw5k4aX" * 4,
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmc" + "CJDRjM2U" * 10,
    "JSON web token": ".".join(["eyJhbGciOi" + "JIUzI1NiJ9", "eyJzdWIi" + "OiIxIn0", "dozjgNry" * 5]),
    "something to log in with": "pass" + "word = " + '"hunter2hunter2"',
    "basic auth": "https://user:" + "pw0rd9x7" + "@example.org/simple",
}


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci/audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", ["notes.md", "pipeline/new.py", "artifacts.lock", "tests/data/results.json"])
def test_a_planted_key_is_found(audit, tmp_path, name, tried):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for kind, key in KEYS.items():
        path.write_text(f"# {kind}\n{key}\n")
        found = list(audit.secrets([path], tmp_path))
        assert found, f"{kind} in {name}"
        assert found[0].startswith(f"{name}:2: ")
    path.write_text('revision = "a plain word"\n')
    assert list(audit.secrets([path], tmp_path)) == []
    tried("a key, token or password in a committed file", "found by kind and line", len(KEYS))


def installed(site, name, files, requires=()):
    """A package as pip installs it."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    lines = []
    for file, text in files.items():
        (site / file).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{file},sha256={digest},{len(text)}\n")
    (folder / "RECORD").write_text("".join(lines) + f"{folder.name}/RECORD,,\n")


@pytest.fixture
def site(tmp_path):
    site = tmp_path / "site"
    installed(
        site, "one", {"one.py": "1\n", "one.pth": "import one\n"}, ["two[more]>=1", "nine; extra == 'no'"]
    )
    installed(site, "two", {"two.py": "2\n"}, ["three; extra == 'more'", "nine; python_version < '3'"])
    installed(site, "three", {"three.py": "3\n"})
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "mine"\ndependencies = ["one"]\n[project.optional-dependencies]\ntest = []\n'
    )
    return site


def test_a_package_that_was_changed_is_named(audit, site, tried):
    assert list(audit.changed(site)) == []
    (site / "two.py").write_text("import os\n")
    (site / "three.py").unlink()
    (site / "strange.pth").write_text("import strange\n")
    (site / "sitecustomize.py").write_text("")
    printed = "\n".join(audit.changed(site))
    for name in (
        "two.py is not what was published",
        "three.py is missing",
        "strange.pth: ",
        "sitecustomize.py: ",
    ):
        assert name in printed
    assert len(printed.splitlines()) == 4
    tried("a file of an installed package changed, gone, or of no package", "named by the audit", 4)


def test_a_package_that_nobody_asked_for_is_named(audit, site, tried):
    project = site.parent / "pyproject.toml"
    assert list(audit.unasked(site, project)) == []
    installed(site, "nine", {"nine.py": "9\n"})
    assert list(audit.unasked(site, project)) == ["nine 1.0: nothing asks for it"]
    tried("an installed package that nothing asks for", "named by the audit")


def test_a_known_vulnerability_is_a_finding_and_what_was_not_asked_is_said(audit, tried):
    """As pip-audit 2.10.1 writes it, with and without an answer of PyPI's."""
    hole = {"id": "PYSEC-2024-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}
    skipped = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1.0)"}
    answer = [{"name": name, "version": "1.0", "vulns": [hole]} for name in ("A.b", "pip")]
    found, printed = audit.vulnerable({"dependencies": [*answer, skipped], "fixes": []}, {"a-b", "c"})
    assert found == ["A.b 1.0: PYSEC-2024-1; fixed in 2.0"]
    assert (
        printed == "2 packages were looked up; 1 not: Dependency not found on PyPI and could not be audited"
    )
    tried(
        "an answer of pip-audit's with a vulnerability", "a finding; packages without an answer are counted"
    )


#: Folders of a developer's machine, and hosts of package indexes but PyPI's.
#: `clone` is the folder of a chroot in docs/reproducible.md.
_OURS = re.compile(
    r"(?<![\w/])/(root|home|work|Users)/(?!clone\b)[\w.]|\b(pypi|index|mirror|artifactory|nexus)[\w.-]*\.(corp|internal|local)\b"
)


def test_no_committed_file_names_a_machine(tried):
    files = [path for path in tracked() if path != Path(__file__).resolve()]
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        found = [line for line in text.splitlines() if _OURS.search(line)]
        assert found == [], path
    tried(
        "a path or an index of the machine it was made on, in a committed file", "there is none", len(files)
    )


def test_the_pattern_sees():
    for bad in ("/root/.pyenv", "/home/jane/x", "/work/main", "https://pypi.mirror.corp/simple"):
        assert _OURS.search(bad)
