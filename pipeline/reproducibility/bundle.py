"""All artifacts in one archive for publication that others can verify, and the reading of such an archive."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import hints, paths
from pipeline.core.errors import BadInput
from pipeline.core.files import write_atomic
from pipeline.experiment.plan import Plan
from pipeline.reproducibility import canonical_tar, lock, provenance
from pipeline.reproducibility.lock import Lock, LockedArtifact
from pipeline.workloads.third_party import package_folder, read_manifest
from pipeline.workloads.validators import validator_of
from toolchain.model import CXX

TOP = "coremark-wasm"
_SUMS = "SHA256SUMS"
_README = "README.txt"
_LICENCES = ("coremark-wasm.txt", "musl.txt", "wasi-libc.txt", "zig.txt")
#: Where a toolchain that is not bundled linked its own C library.
_DEBIAN = "wasi-libc-of-debian.txt"
_BUNDLED = {"zig", "wasm-opt"}
#: Where C++'s library was linked.
_LIBCXX = "libcxx.txt"
_TEXT = """The artifacts of coremark-wasm: programs to measure, compiled to WebAssembly and natively.

To check that nothing was changed on the way:      sha256sum -c {sums}
To check that it is what its sources give, in a checkout of coremark-wasm:
                                                   doit run verify bundle=THIS-FILE.tar

artifacts/WORKLOAD/TOOLCHAIN/VARIANT/
    wasm/WORKLOAD.wasm      a WASI command
    native/WORKLOAD.exe     a static program for the machine that artifacts.lock names
    .../provenance.json     what it was made of, and how (in-toto, SLSA provenance v1)
artifacts.lock              digests of the artifacts and of all that decides them

To run one:

    wasmtime run WORKLOAD.wasm ARGUMENTS
    wasmer run WORKLOAD.wasm -- ARGUMENTS
    ./WORKLOAD.exe ARGUMENTS

{manuals}
"""


@dataclass(frozen=True)
class Bundle:
    """A bundle that is whole and agrees with itself. What it states need not be true."""

    lock: Lock
    provenance: dict[str, dict[str, Any]]  # in-toto statements, by Artifact.id


def refuse(plan: Plan) -> None:
    """Raise BadInput where there is no lock, or only a part of what it covers is asked for."""
    lock.refuse_choice(plan, "a bundle has", "bundle")
    lock.read(lock.lock_path(plan))


def write(plan: Plan) -> None:
    """Write the archive of the artifacts in the lock; raises BadInput where others are built."""
    locked = lock.read(lock.lock_path(plan))
    built, _ = lock.describe(plan)
    if built != locked:
        raise BadInput(
            f"the built artifacts differ from {lock.lock_path(plan)}; to see how, run: "
            f"{hints.command('verify', given=plan.given)}"
        )
    members: dict[str, bytes] = {"artifacts.lock": lock.serialise(locked), _README: _readme(plan)}
    members |= {f"LICENSES/{name}": text for name, text in _licences(locked).items()}
    for artifact in (spec.artifact for spec in plan.artifacts()):
        for path in map(Path, (artifact.path, artifact.provenance_path)):
            members[f"artifacts/{artifact.id}/{path.name}"] = path.read_bytes()
    members[_SUMS] = _sums(members)
    data = canonical_tar.pack({f"{TOP}/{name}": content for name, content in members.items()})
    write_atomic(paths.BUNDLE, data)
    print(f"{paths.BUNDLE}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}", flush=True)


def _sums(members: Mapping[str, bytes]) -> bytes:
    """As sha256sum writes them."""
    lines = (f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members))
    return "".join(lines).encode()


def _readme(plan: Plan) -> bytes:
    manuals = (f"{each.name}: {each.title}\n{validator_of(each).manual()}\n" for each in plan.workloads)
    text = _TEXT.format(sums=_SUMS, manuals="\n".join(manuals))
    return (text.rstrip() + "\n").encode()


def _parties(locked: Lock) -> list[str]:
    """Third parties whose sources are in a lock."""
    top = f"{paths.THIRD_PARTY}/"
    return sorted({path.split("/")[1] for path in locked.sources if path.startswith(top)})


def _terms(locked: Lock) -> list[str]:
    """Names of the licences that a bundle of this lock has."""
    names = [*(f"{name}.txt" for name in _parties(locked)), *_LICENCES]
    linked = [name for each in locked.toolchains.values() for files in each.libc.values() for name in files]
    names += [_LIBCXX] if any(name.startswith(f"{CXX}: ") for name in linked) else []
    return names if set(locked.toolchains) <= _BUNDLED else [*names, _DEBIAN]


def _licences(locked: Lock) -> dict[str, bytes]:
    """The terms of all that is linked into the artifacts, from where it was installed; raises BadInput."""
    spec = importlib.util.find_spec("ziglang")
    places = list(spec.submodule_search_locations or ()) if spec else []
    zig = Path(places[0]) if places else Path("ziglang")
    wasi = zig / "lib" / "libc" / "wasi"
    names = ("LICENSE", "LICENSE-APACHE-LLVM", "LICENSE-APACHE", "LICENSE-MIT")
    files = {
        "coremark-wasm.txt": [paths.ROOT / "LICENSE"],
        "musl.txt": [zig / "lib" / "libc" / "musl" / "COPYRIGHT"],
        "wasi-libc.txt": [wasi / name for name in names],
        "zig.txt": [zig / "LICENSE"],
        _LIBCXX: [zig / "lib" / "libcxx" / "LICENSE.TXT"],
        _DEBIAN: [Path("/usr/share/doc/wasi-libc/copyright")],
    }
    for name in _parties(locked):
        manifest = read_manifest(name)
        files[f"{name}.txt"] = [package_folder(manifest) / manifest.package.folder / "LICENSE.md"]
    try:
        return {name: b"\n".join(path.read_bytes() for path in files[name]) for name in _terms(locked)}
    except OSError as error:
        raise BadInput(
            f"a licence is missing: {Path(error.filename).name}; run: pip install --force-reinstall -e ."
        ) from None


def read(path: str) -> Bundle:
    """Check a bundle against itself; raises BadInput naming the member that is wrong.

    Nothing in it is run, and nothing is written.
    """
    members = {}
    for name, content in canonical_tar.unpack(canonical_tar.load(path), path).items():
        top, _, rest = name.partition("/")
        if top != TOP or not rest:
            raise BadInput(f"{path}: {name}: expected below {TOP}/")
        members[rest] = content
    for name in (_SUMS, _README, "artifacts.lock"):
        if name not in members:
            raise BadInput(f"{path}: {name} is missing")
    locked = lock.parse(members["artifacts.lock"], f"{path}: artifacts.lock")
    expected = {_SUMS, _README, "artifacts.lock", *(f"LICENSES/{each}" for each in _terms(locked))}
    for name, entry in locked.artifacts.items():
        expected |= {f"artifacts/{name}/{entry.file}", f"artifacts/{name}/provenance.json"}
    for name in sorted(expected ^ members.keys()):
        problem = "missing" if name in expected else "not called for by its lock"
        raise BadInput(f"{path}: {name[:120]}: {problem}")
    _check_sums(path, members)
    statements = {name: _statement(path, name, entry, members) for name, entry in locked.artifacts.items()}
    return Bundle(locked, statements)


def _check_sums(path: str, members: Mapping[str, bytes]) -> None:
    expected = _sums({name: content for name, content in members.items() if name != _SUMS})
    lines = members[_SUMS].decode("latin-1").splitlines()
    for line in expected.decode().splitlines():
        if line not in lines:
            raise BadInput(
                f"{path}: {line.partition('  ')[2]}: {_SUMS} has a different digest of it, or none"
            )
    if expected != members[_SUMS]:
        raise BadInput(f"{path}: {_SUMS} is not as sha256sum writes it for these members")


def _statement(path: str, name: str, entry: LockedArtifact, members: Mapping[str, bytes]) -> dict[str, Any]:
    """An artifact's provenance; raises BadInput where it describes a different artifact."""
    content = members[f"artifacts/{name}/{entry.file}"]
    digest = hashlib.sha256(content).hexdigest()
    if (digest, len(content)) != (entry.sha256, entry.bytes):
        problem = "its lock has a different digest or size of it"
        raise BadInput(f"{path}: artifacts/{name}/{entry.file}: {problem}")
    where = f"{path}: artifacts/{name}/provenance.json"
    try:
        document = json.loads(members[f"artifacts/{name}/provenance.json"].decode("utf-8"))
        kinds, subject = (document["_type"], document["predicateType"]), document["subject"]
        right = [{"name": entry.file, "digest": {"sha256": digest}}]
        if kinds != (provenance.STATEMENT, provenance.PREDICATE) or subject != right:
            raise ValueError("it describes a different artifact")
        if not isinstance(document["predicate"], dict):
            raise ValueError("its predicate is no table")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{where}: not the provenance of this artifact: {str(error)[:100]}") from None
    assert isinstance(document, dict)
    return document
