"""Names of anybody's files and command lines never become paths outside the project's folders."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.analyses.claims import claims_toml
from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.experiment import matrix
from pipeline.reproducibility import bundle, canonical_tar, lock, provenance
from pipeline.workloads import scaffold, workload_toml
from tests.conftest import ROOT
from tests.faults.house import EVIL, LINES, make_house, state

FAULTS = "Names that lead out of their folder"
#: Why an archive's member is refused.
OBJECTION = (
    "more than 99 bytes|an absolute path|a path out of its folder|a name with characters or components"
    "|invalid utf-16 surrogate"  # in the lock, whose names are text
)
#: What a bundle may have all the same: names below the folder that they stand in, for all that read them.
HARMLESS = ("good", "...", "a/b", " ", "  x", "~", "~/x", "~root", "CON", "nul.txt", "a.", "a..", ".hidden")
HARMLESS += ("-rf", "--help", "@x", "a=b", "a@1", "a,b")
#: Tables of matrix.toml whose keys are names of the user's.
TABLES = {
    "variants": '{ flags = "-O1" }',
    "runtimes": '{ argv = ["/bin/true", "{artifact}", "{args}"] }',
    "artifacts": '{ file = "good.wasm" }',
    "sweeps": '{ backends = ["wasmtime.cranelift"], versions = ["50.0.1"], variants = ["O3"] }',
    "protocols": "{ rounds = 1 }",
}


@pytest.fixture(scope="module")
def workspace(prepared, tmp_path_factory):
    return make_house(tmp_path_factory.mktemp("house"), prepared)


def harmless(plan):
    """Where a plan would write: each below the folder that is meant for it."""
    made = {
        paths.BUILD: [
            *(spec.artifact.directory for spec in plan.artifacts()),
            *(paths.flags(t.name, v.name) for t in plan.toolchains for v in plan.variants),
            *(paths.runtime_identity(b.runtime.name) for b in plan.backends),
            *(paths.environment(str(b.runtime.environment)) for b in plan.backends),
            *(paths.staged(w.name) for w in plan.workloads),
        ],
        paths.RESULTS: [paths.sample(cell.name, 1) for cell in plan.cells()],
        paths.REPORT: [paths.sweep(plan.sweep_name, "txt")] if plan.sweep else [],
    }
    for folder, places in made.items():
        for path in places:
            assert os.path.normpath(path) == path, path
            assert path.startswith(f"{folder}/"), path
            assert all(len(os.fsencode(part)) < 256 for part in path.split("/")), path
            assert path.isprintable()


def test_no_name_of_the_matrix_is_a_path(workspace, monkeypatch, tried):
    """Every evil name in every place of matrix.toml that names something."""
    monkeypatch.chdir(workspace.path)
    text = Path("matrix.toml").read_text(encoding="utf-8")
    refused = accepted = 0
    for name in EVIL:
        quoted = json.dumps(name)
        trials = [_in_table(text, table, f"{quoted} = {entry}") for table, entry in TABLES.items()]
        for key in ("workloads", "default_variants", "toolchains", "protocol", "wasi_sdk"):
            value = quoted if key == "protocol" else f"[{quoted}]"
            trials.append(_with_line(text, key, f"{key} = {value}"))
        values = (
            f"artifacts.mine = {{ file = {quoted} }}",
            f'runtimes.mine = {{ argv = ["/bin/true", {quoted}, "{{artifact}}", "{{args}}"] }}',
            f'runtimes.mine = {{ argv = [{quoted}, "{{artifact}}", "{{args}}"], version = [{quoted}] }}',
            f"coremark = {quoted}",
        )
        trials += [f"{value}\n{text}" for value in values]
        for trial in trials:
            Path("trial.toml").write_text(trial, encoding="utf-8")
            try:
                plan = matrix.load({}, "trial.toml")
            except BadInput:
                refused += 1
            else:
                harmless(plan)
                accepted += 1
    assert refused > accepted > 0, (refused, accepted)
    tried("an evil name in matrix.toml", "refused by key, or a plain name below build/", refused + accepted)


def _in_table(text, table, line):
    head = f"[{table}]\n"
    assert table in ("artifacts", "runtimes", "sweeps", "protocols") or head in text
    return text.replace(head, head + line + "\n", 1) if head in text else f"{text}\n{head}{line}\n"


def _with_line(text, key, line):
    lines = [each for each in text.splitlines() if not each.startswith(f"{key} =")]
    return "\n".join([line, *lines]) + "\n"


def test_no_word_of_the_command_line_is_a_path(workspace, monkeypatch, tried):
    """Every evil name in every variable that chooses what a run is about."""
    monkeypatch.chdir(workspace.path)
    refused = accepted = 0
    for name in EVIL:
        for line in LINES:
            if not line.startswith(("compare", "verify", "new")):
                words = dict(word.split("=", 1) for word in line.split() if "=" in word)
                given = {key: value.replace("{}", name) for key, value in words.items()}
                try:
                    plan = matrix.load(given)
                except BadInput:
                    refused += 1
                else:
                    harmless(plan)
                    accepted += 1
    assert refused > accepted > 0, (refused, accepted)
    tried("an evil name on the command line", "refused, or a plain name below build/", refused + accepted)


def test_no_name_of_others_files_is_a_path(workspace, monkeypatch, tmp_path, tried):
    """workload.toml, claims.toml, a bundle, its lock, and a new workload's name."""
    monkeypatch.chdir(workspace.path)
    times = 0
    before = workspace.snapshot()
    for name in EVIL:
        folder = tmp_path / "untrusted"
        folder.mkdir(exist_ok=True)
        (folder / "main.c").write_text("int main(void) { return 0; }\n")
        quoted = json.dumps(name)
        for key in ("sources = [%s]", "headers = [%s]", "includes = [%s]", "files = [%s]", "stdin = %s"):
            (folder / "workload.toml").write_text(key % quoted + "\n", encoding="utf-8")
            with contextlib.suppress(BadInput):
                found = workload_toml.read(str(folder))
                for path in (*found.sources, *found.includes, *found.files, *filter(None, [found.stdin])):
                    assert not os.path.isabs(path), name
                    assert os.pardir not in path.split("/"), name
            times += 1
        for key in ("validator = %s", "third_party = %s"):
            (folder / "workload.toml").write_text(key % quoted + "\n", encoding="utf-8")
            with pytest.raises(BadInput, match=r"unknown key|not TOML"):
                workload_toml.read(str(folder))
            times += 1
        (tmp_path / "claims.toml").write_text(f"[claims.{quoted}]\nkind = 'order'\nworkload = {quoted}\n")
        with pytest.raises(BadInput):
            claims_toml.read(str(tmp_path / "claims.toml"))
        if os.sep not in name:  # with one it is a path that the user types
            with contextlib.suppress(BadInput):
                scaffold.create(name, "mine.c")
        times += 2
    made = {p for p in workspace.snapshot() if p not in before}
    assert all(p.startswith("workloads/local/") and len(Path(p).parts) == 4 for p in made), made
    shutil.rmtree("workloads/local")
    tried(
        "an evil name in an untrusted workload.toml or claims.toml",
        "refused, or a name below its folder",
        times,
    )


def test_no_member_of_a_bundle_is_a_path(workspace, monkeypatch, tmp_path, tried):
    """As files, links and folders of other writers' archives."""
    monkeypatch.chdir(workspace.path)
    before = workspace.snapshot(), state(workspace)
    path = tmp_path / "untrusted.tar"
    for name in EVIL:
        for kind in (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE):
            with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as made:
                member = tarfile.TarInfo(f"coremark-wasm/{name}")
                member.type, member.linkname = kind, name
                made.addfile(member, BytesIO())
            with pytest.raises(BadInput):
                bundle.read(str(path))
    assert (workspace.snapshot(), state(workspace)) == before
    tried("an evil name in an untrusted bundle", "refused, nothing unpacked", 4 * len(EVIL))


def whole(members, known):
    """The archive of a bundle whose lock and sums are right, as one who does not look at names writes it."""
    members = {"README.txt": b"", **members, "artifacts.lock": lock.serialise(known)}
    members |= {f"LICENSES/{name}": b"" for name in bundle._terms(known)}
    members["SHA256SUMS"] = b"".join(
        f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape")
        for name in sorted(members)
    )
    raw = b""
    for name, content in sorted((f"{bundle.TOP}/{name}", content) for name, content in members.items()):
        # canonical_tar.pack refuses such names: the header of a good one, with this one and a sum of its own.
        field = name.encode("utf-8", "surrogateescape")[:100].ljust(100, b"\0")
        header = field + canonical_tar.header("x", len(content))[100:]
        total = sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")
        header = header[:148] + f"{total:06o}\0 ".encode() + header[156:]
        raw += header + content + bytes(-len(content) % 512)
    return raw + bytes(1024)


def statement(entry):
    """Provenance of an artifact, as far as a reader looks at it."""
    subject = [{"name": entry.file, "digest": {"sha256": entry.sha256}}]
    found = {"_type": provenance.STATEMENT, "predicateType": provenance.PREDICATE}
    return json.dumps({**found, "subject": subject, "predicate": {}}).encode()


def test_no_name_of_a_bundles_lock_is_a_path(workspace, monkeypatch, tmp_path, tried):
    """In a bundle that is whole but for its name: as an artifact's, as its file's, as both."""
    monkeypatch.chdir(workspace.path)
    before = workspace.snapshot(), state(workspace)
    known = lock.read(str(ROOT / paths.LOCK))
    content = b"its bytes"
    one = replace(
        next(iter(known.artifacts.values())), sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)
    )
    path = tmp_path / "untrusted.tar"
    times = 0
    for evil in ("good", *EVIL):
        for name, file in ((evil, evil), (evil, "good"), ("good", evil)):
            entry = replace(one, file=file)
            members = {f"artifacts/{name}/{file}": content}
            members[f"artifacts/{name}/provenance.json"] = statement(entry)
            forged = lock.seal(replace(known, artifacts={name: entry}))
            path.write_bytes(whole(members, forged))
            if evil in HARMLESS:
                assert list(bundle.read(str(path)).lock.artifacts) == [name]
            else:
                with pytest.raises(BadInput, match=OBJECTION):
                    bundle.read(str(path))
                # Also where its archive has no such member.
                path.write_bytes(whole({}, forged))
                with pytest.raises(BadInput, match=r": missing$|invalid utf-16 surrogate"):
                    bundle.read(str(path))
            times += 1
    assert (workspace.snapshot(), state(workspace)) == before
    tried(
        "an evil name in the lock of an untrusted bundle", "refused, or a plain name; nothing unpacked", times
    )
