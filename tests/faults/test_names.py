"""Names of anybody's files and command lines never become paths outside the project's folders."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from pipeline import archive, bundle, claims_file, layout, lock, matrix, newcomer, workloads
from pipeline.errors import BadInput
from tests.conftest import ROOT
from tests.faults.house import EVIL, LINES, make_house

FAULTS = "Names that lead elsewhere"
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
        layout.BUILD: [
            *(layout.artifact_dir(w.name, t.name, v.name, target) for w, t, v, target in plan.artifacts()),
            *(layout.flags(t.name, v.name) for t in plan.toolchains for v in plan.variants),
            *(layout.runtime_identity(b.runtime.name) for b in plan.backends),
            *(layout.environment(str(b.runtime.environment)) for b in plan.backends),
            *(layout.staged(w.name) for w in plan.workloads),
        ],
        layout.RESULTS: [layout.sample(cell.name, 1) for cell in plan.cells()],
        layout.REPORT: [layout.sweep(plan.sweep_name, "txt")] if plan.sweep else [],
    }
    for folder, paths in made.items():
        for path in paths:
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
        folder = tmp_path / "stranger"
        folder.mkdir(exist_ok=True)
        (folder / "main.c").write_text("int main(void) { return 0; }\n")
        quoted = json.dumps(name)
        for key in ("sources = [%s]", "headers = [%s]", "includes = [%s]", "files = [%s]", "stdin = %s"):
            (folder / "workload.toml").write_text(key % quoted + "\n", encoding="utf-8")
            with contextlib.suppress(BadInput):
                found = workloads.read(str(folder))
                for path in (*found.sources, *found.includes, *found.files, *filter(None, [found.stdin])):
                    assert not os.path.isabs(path), name
                    assert os.pardir not in path.split("/"), name
            times += 1
        for key in ("judge = %s", "third_party = %s"):
            (folder / "workload.toml").write_text(key % quoted + "\n", encoding="utf-8")
            with pytest.raises(BadInput, match=r"unknown key|not TOML"):
                workloads.read(str(folder))
            times += 1
        (tmp_path / "claims.toml").write_text(f"[claims.{quoted}]\nkind = 'order'\nworkload = {quoted}\n")
        with pytest.raises(BadInput):
            claims_file.read(str(tmp_path / "claims.toml"))
        if os.sep not in name:  # with one it is a path that the user types
            with contextlib.suppress(BadInput):
                newcomer.create(name, "mine.c")
        times += 2
    made = {p for p in workspace.snapshot() if p not in before}
    assert all(p.startswith("workloads/local/") and len(Path(p).parts) == 4 for p in made), made
    shutil.rmtree("workloads/local")
    tried(
        "an evil name in a stranger's workload.toml or claims.toml",
        "refused, or a name below its folder",
        times,
    )


def test_no_name_of_a_bundle_is_a_path(workspace, monkeypatch, tmp_path, tried):
    """As members, as links, and in a lock whose digest is right."""
    monkeypatch.chdir(workspace.path)
    before = workspace.snapshot()
    known = json.loads((ROOT / layout.LOCK).read_text())
    path = tmp_path / "theirs.tar"
    for name in EVIL:
        for kind in (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE):
            with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as made:
                member = tarfile.TarInfo(f"coremark-wasm/{name}")
                member.type, member.linkname = kind, name
                made.addfile(member, BytesIO())
            with pytest.raises(BadInput):
                bundle.read(str(path))
        entry = next(iter(known["artifacts"].values()))
        sealed = lock.serialise(lock.seal({**known, "artifacts": {name: {**entry, "file": name}}}))
        members = {"artifacts.lock": sealed, "README.txt": b"", "SHA256SUMS": b""}
        path.write_bytes(archive.pack({f"coremark-wasm/{each}": text for each, text in members.items()}))
        with pytest.raises(BadInput):
            bundle.read(str(path))
    assert workspace.snapshot() == before
    tried("an evil name in a stranger's bundle or its lock", "refused, nothing unpacked", 5 * len(EVIL))
