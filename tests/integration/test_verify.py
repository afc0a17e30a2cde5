"""artifacts.lock, provenance and verify on real builds: one flipped bit anywhere is caught and named."""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput
from pipeline.reproducibility import bundle, canonical_tar
from pipeline.reproducibility.lock import parse
from tests.conftest import copied, environment, make_workspace

WASM = "build/artifacts/coremark/zig/O2/wasm"


@pytest.fixture(scope="module")
def with_lock(tmp_path_factory, prepared):
    made = make_workspace(tmp_path_factory.mktemp("locked") / "a copy", prepared)
    made.run("lock")
    return made


@pytest.fixture
def locked(tmp_path, with_lock):
    return copied(with_lock.path, tmp_path / "a copy")


def flip(path, at=-1, bit=0):
    """One bit, and the time stamp as it was: doit, which goes by that, sees nothing."""
    data, status = bytearray(path.read_bytes()), path.stat()
    data[at] ^= 1 << bit
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_what_was_built_is_what_the_lock_says(locked):
    outcome = locked.doit("run", "verify")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    for name in ("O2/wasm", "O2/native", "O3/wasm", "O3/native"):
        assert f"coremark/zig/{name}: ok, " in outcome.stdout
    assert not list((locked.path / "build/rebuilt").iterdir())


def test_flipped_bits_are_named(locked):
    names = ["core_main.o", "coremark.wasm", "provenance.json"]
    for name in names:
        flip(locked.path / WASM / name, at=200)
    flip(locked.path / "build/toolchains/zig/libc/wasm/crt1-command.o")
    port = locked.path / "third_party/coremark/core_portme.c"
    flip(port, at=port.read_bytes().index(b"/*") + 3)  # in a comment: no artifact differs
    outcome = locked.doit("run", "verify")
    assert outcome.returncode == 1
    output = outcome.stdout + outcome.stderr
    for name in names:
        assert f"{WASM}/{name}: not what its inputs give" in output
    assert "libc/wasm/crt1-command.o: not what its inputs give" in output
    assert "the recorded inputs differ: third_party/coremark/core_portme.c differs" in output
    assert "Traceback" not in output


def test_a_changed_port_is_named_with_what_it_changed(locked):
    port = locked.path / "third_party/coremark/core_portme.c"
    port.write_text(port.read_text().replace("return", "return 1 +", 1) + "\nint added(void) { return 7; }\n")
    outcome = locked.doit("run", "verify", "variants=O2")
    output = outcome.stdout + outcome.stderr
    assert outcome.returncode == 1
    assert "core_portme.c differs" in output
    assert "object core_portme.o differs" in output
    assert "section code" in output
    assert "function " in output


def test_a_flipped_bit_in_a_source_is_named(locked):
    flip(locked.path / "third_party/coremark/core_util.c", at=1000)
    outcome = locked.doit("run", "verify")
    assert outcome.returncode == 1
    assert "core_util.c" in outcome.stdout + outcome.stderr


def test_a_changed_compiler_is_named(locked, tmp_path):
    import ziglang

    real = Path(ziglang.__file__).parent
    fake = tmp_path / "site" / "ziglang"
    fake.mkdir(parents=True)
    for each in real.iterdir():
        if each.name != "zig" and each.name != "__pycache__":
            (fake / each.name).symlink_to(each)
    # It builds the same: a compiler of different bytes would first build its C libraries, for a minute.
    (fake / "zig").write_text(f'#!/bin/sh\nexec "{real}/zig" "$@"\n')
    (fake / "zig").chmod(0o755)
    path = os.pathsep.join(map(str, (locked.path, fake.parent)))
    outcome = subprocess.run(
        [sys.executable, "-m", "doit", "run", "verify", "variants=O2"],
        cwd=locked.path,
        env={**environment(locked.path), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    output = outcome.stdout + outcome.stderr
    assert outcome.returncode == 1, output
    assert "the compiler zig differs" in output


def test_every_flipped_bit_of_the_lock_is_refused(locked):
    data = (locked.path / "artifacts.lock").read_bytes()
    parse(data, "it")
    for at in range(0, len(data), 7):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(BadInput, match="edited or damaged"):
            parse(bytes(flipped), "it")


def test_the_lock_covers_the_whole_matrix(locked):
    before = (locked.path / "artifacts.lock").read_bytes()
    outcome = locked.doit("run", "lock", "variants=O2")
    assert outcome.returncode == 1
    assert "without variants=O2, run: doit run lock" in outcome.stdout + outcome.stderr
    assert (locked.path / "artifacts.lock").read_bytes() == before


def test_without_a_lock_verify_says_what_to_run(workspace):
    outcome = workspace.doit("run", "verify")
    assert outcome.returncode == 1
    assert "there is no artifacts.lock; run:" in outcome.stdout + outcome.stderr


def test_provenance_is_what_slsa_publishes_and_names_no_user(workspace):
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
    from in_toto_attestation.v1.statement import Statement

    found = list(workspace.path.glob("build/artifacts/coremark/zig/*/*/provenance.json"))
    assert len(found) >= 4
    for path in found:
        text = path.read_text(encoding="utf-8")
        statement = json.loads(text)
        ParseDict(statement["predicate"], Provenance()).SerializeToString()
        subject = statement["subject"]
        copy = Statement([], statement["predicateType"], statement["predicate"])
        ParseDict(statement, copy.pb)
        copy.validate()
        assert len(subject) == 1
        for private in (str(workspace.path), sys.prefix, platform.node(), str(Path.home())):
            # As a word: a machine may be named "vm", which "-mllvm" holds.
            assert not re.search(rf"(?<!\w){re.escape(private)}(?!\w)", text)
        assert not [word for word in text.split('"') if word.startswith("/") and word != "/usr/bin:/bin"]


def test_a_bundle_is_the_same_again_and_each_of_its_parts_is_checked(locked, tmp_path):
    locked.run("bundle")
    made = locked.path / "build/bundle/coremark-wasm.tar"
    data = made.read_bytes()
    made.unlink()
    locked.run("bundle")
    assert made.read_bytes() == data
    outcome = locked.doit("run", "verify", f"bundle={made}")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "coremark/zig/O2/wasm: ok, " in outcome.stdout

    members = canonical_tar.unpack(data, "it")
    top = "coremark-wasm/artifacts/coremark/zig/O2/wasm"
    for name, reason in {
        f"{top}/coremark.wasm": "SHA256SUMS has a different digest",
        f"{top}/provenance.json": "SHA256SUMS has a different digest",
        "coremark-wasm/artifacts.lock": "edited or damaged",
        "coremark-wasm/SHA256SUMS": "SHA256SUMS",
        "coremark-wasm/README.txt": "SHA256SUMS has a different digest",
    }.items():
        changed = bytearray(members[name])
        changed[len(changed) // 2] ^= 1
        given = tmp_path / "given.tar"
        given.write_bytes(canonical_tar.pack({**members, name: bytes(changed)}))
        with pytest.raises(BadInput, match=reason):
            bundle.read(str(given))
    for changed, reason in (
        ({k: v for k, v in members.items() if not k.endswith("README.txt")}, "README.txt is missing"),
        ({**members, "coremark-wasm/more.tar": data}, "more.tar: not called for by its lock"),
        ({**members, "other/x": b""}, "expected below"),
    ):
        given.write_bytes(canonical_tar.pack(changed))
        with pytest.raises(BadInput, match=reason):
            bundle.read(str(given))
    outcome = locked.doit("run", "verify", f"bundle={given}")
    assert outcome.returncode == 1
    assert outcome.stderr.count("\n") == 1
