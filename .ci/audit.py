"""Whether what is installed is what was published, asked for and not known to be vulnerable; and no secrets.

Asks PyPI for vulnerabilities where it answers, and says for how many packages it did. All the rest needs no
network. Prints a line a finding; exit status 1 if there is one.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
#: What venv puts there by itself.
SEEDS = {"pip", "setuptools", "wheel"}
#: Files of digests: text that looks random is no finding there, any other kind of secret is.
DIGESTS = (
    "artifacts.lock",
    "third_party/*/manifest.toml",
    "pipeline/runtimes/pins/*.txt",
    "tests/data/*.json",
    "*/go.sum",
    "pipeline/runtimes/engines/*/*.lock",
)
#: Other texts that look random and are not, by SHA-1 of the text: a C++ symbol, digests of nothing, and the
#: digests in test_own_code.py and in the example of docs/workloads.md.
HARMLESS = {"f8949ec4", "7c20a1ab", "e6de2600", "a0d50b56", "bca7fe43"}
_STARTED_BY_PYTHON = re.compile(r"[^/]+\.pth|(site|user)customize\.py")


def changed(site: Path) -> Iterator[str]:
    """Files that are not what their package's RECORD says, and of no package though Python runs them."""
    known: set[str] = set()
    for record in sorted(site.glob("*.dist-info/RECORD")):
        with open(record, encoding="utf-8", newline="") as stream:
            for name, digest, _ in csv.reader(stream):
                known.add(name)
                kind, _, wanted = digest.partition("=")
                if not wanted:
                    continue  # RECORD itself, and bytecode
                path = site / name
                if not path.is_file():
                    yield f"{record.parent.name}: {name} is missing"
                    continue
                with open(path, "rb") as content:
                    found = hashlib.new(kind)
                    while block := content.read(1 << 20):
                        found.update(block)
                if base64.urlsafe_b64encode(found.digest()).rstrip(b"=").decode() != wanted:
                    yield f"{record.parent.name}: {name} is not what was published"
    for path in sorted(site.iterdir()):
        if _STARTED_BY_PYTHON.fullmatch(path.name) and path.name not in known:
            yield f"{path.name}: Python runs it at each start, and no package contains it"


def asked_for(site: Path, project: Path = ROOT / "pyproject.toml") -> set[str]:
    """The names of all that the project asks for, with its extras, and of what that asks for in turn."""
    here = {canonicalize_name(d.name): d for d in metadata.distributions(path=[str(site)])}
    own = tomli.loads(project.read_text(encoding="utf-8"))["project"]
    lines = [*own["dependencies"], *(line for each in own["optional-dependencies"].values() for line in each)]
    wanted = [each for line in lines for each in _needs(line, "")]
    seen = {(canonicalize_name(own["name"]), "")}
    while wanted:
        name, extra = wanted.pop()
        if (name, extra) not in seen and name in here:
            seen.add((name, extra))
            wanted += [each for line in here[name].requires or [] for each in _needs(line, extra)]
    return {name for name, _ in seen}


def _needs(line: str, extra: str) -> list[tuple[str, str]]:
    """[(name, extra)] of a requirement, if it is one here."""
    need = Requirement(line)
    if need.marker is not None and not need.marker.evaluate({"extra": extra}):
        return []
    return [(canonicalize_name(need.name), each) for each in ("", *need.extras)]


def unasked(site: Path, project: Path = ROOT / "pyproject.toml") -> Iterator[str]:
    """Packages that are there and that nothing asks for."""
    wanted = asked_for(site, project) | SEEDS
    for distribution in metadata.distributions(path=[str(site)]):
        if canonicalize_name(distribution.name) not in wanted:
            yield f"{distribution.name} {distribution.version}: nothing asks for it"


def vulnerable(report: dict[str, object], wanted: set[str]) -> tuple[list[str], str]:
    """(known vulnerabilities of what is wanted, what could not be asked) of pip-audit's JSON."""
    found, asked, why = [], 0, Counter[str]()
    for each in report["dependencies"]:  # type: ignore[attr-defined]
        if "skip_reason" in each:
            why[each["skip_reason"].partition(":")[0]] += 1
            continue
        asked += 1
        for vulnerability in each["vulns"]:
            line = f"{each['name']} {each['version']}: {vulnerability['id']}"
            if canonicalize_name(each["name"]) in wanted:
                found.append(f"{line}; fixed in {', '.join(vulnerability['fix_versions']) or 'none'}")
    skipped = "".join(f"; {count} not: {reason}" for reason, count in why.items())
    return found, f"{asked} packages were looked up{skipped}"


def secrets(files: Iterable[Path], top: Path = ROOT) -> Iterator[str]:
    """Keys, tokens and passwords in files, by detect-secrets."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    for path in files:
        name = path.relative_to(top)
        found = SecretsCollection()
        with default_settings() as settings:
            # That filter goes by the ends of names, and leaves out artifacts.lock.
            settings.disable_filters("detect_secrets.filters.heuristic.is_non_text_file")
            if any(name.match(pattern) for pattern in DIGESTS):
                settings.disable_plugins("HexHighEntropyString", "Base64HighEntropyString")
            found.scan_file(str(path))
        for _, secret in found:
            if secret.secret_hash[:8] not in HARMLESS:
                yield f"{name}:{secret.line_number}: {secret.type}"


def _output(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def main() -> int:
    site = Path(sysconfig.get_path("platlib"))
    findings = [*changed(site), *unasked(site)]
    checked = _output(sys.executable, "-m", "pip", "check")
    findings += (checked.stdout or checked.stderr or "pip check").splitlines() if checked.returncode else []
    listed = _output("git", "ls-files", "-z")
    findings += [f"git ls-files: {listed.stderr.strip()}"] if listed.returncode else []
    tracked = listed.stdout.split("\0")
    findings += secrets(ROOT / name for name in tracked if name and (ROOT / name).is_file())
    audit = _output(
        sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "10"
    )
    try:
        known, lookups = vulnerable(json.loads(audit.stdout), asked_for(site))
    except ValueError:
        why = (audit.stderr.strip().splitlines() or ["no answer"])[-1]
        known, lookups = [], f"nothing was looked up: {why}"
    findings += known
    for line in findings:
        print(f"audit: {line}")
    print(f"known vulnerabilities: {lookups}")
    print(f"{len(list(metadata.distributions(path=[str(site)])))} packages, {len(tracked) - 1} files of ours")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
