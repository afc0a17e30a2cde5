"""Which toolchains are found, by what name, and what an absent one says."""

import os
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput
from pipeline.experiment import matrix
from toolchain import clang, discover, wasi_sdk
from toolchain.model import NATIVE, WASM


def sdk(folder, version):
    (folder / "bin").mkdir(parents=True)
    (folder / "VERSION").write_text(f"{version}\nllvm: 19\n")
    return str(folder)


def test_several_releases_of_wasi_sdk_stand_beside_each_other(tmp_path, monkeypatch):
    one, other, third = (sdk(tmp_path / x, x) for x in ("24.0", "25.0", "26.1"))
    monkeypatch.setenv("WASI_SDK_PATH", os.pathsep.join([other, third]))
    found = discover({"wasi_sdk": [one]})
    assert {"wasi-sdk-24.0", "wasi-sdk-25.0", "wasi-sdk-26.1"} <= found.keys()
    assert "wasi-sdk" not in found
    assert "wasi-sdk-24.0 has no clang" in found["wasi-sdk-24.0"].missing(WASM)


def test_matrix_toml_names_folders_of_wasi_sdk(tmp_path):
    text = Path("matrix.toml").read_text(encoding="utf-8")
    folder = sdk(tmp_path / "my sdk", "27.0")
    path = tmp_path / "matrix.toml"
    path.write_text(f"wasi_sdk = ['{folder}']\n{text}", encoding="utf-8")
    plan = matrix.load({"toolchains": "wasi-sdk-27*"}, str(path))
    assert [t.name for t in plan.toolchains] == ["wasi-sdk-27.0"]
    path.write_text(f"wasi_sdk = [3]\n{text}", encoding="utf-8")
    with pytest.raises(BadInput, match=r"wasi_sdk\[0\]: expected a folder like '/opt/wasi-sdk', found 3"):
        matrix.load({}, str(path))


def test_what_is_not_here_is_known_and_says_what_brings_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("WASI_SDK_PATH", raising=False)
    (absent,) = clang.toolchains(())
    assert absent.name == "clang-19"
    assert absent.version() == ""
    needed = "apt-get install clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc"
    assert absent.missing(WASM) == absent.missing(NATIVE) == f"clang-19 has no clang: {needed}"
    assert absent.files() == absent.headers() == []
    assert not absent.identify().present
    # In a folder where none is, there is one placeholder.
    (nothing,) = (t for t in wasi_sdk.toolchains(()) if not t.version())
    assert "set WASI_SDK_PATH" in nothing.missing(WASM)


def test_a_plain_clang_is_not_found_twice(tmp_path, monkeypatch):
    root = tmp_path / "llvm-19" / "bin"
    root.mkdir(parents=True)
    (root / "clang").write_text("#!/bin/sh\n")
    (root / "clang").chmod(0o755)
    for name in ("clang-19", "clang", "clang-format", "clang-19x"):
        (tmp_path / name).symlink_to(root / "clang")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [t.name for t in clang.toolchains(())] == ["clang-19"]
    (tmp_path / "clang-19").unlink()
    assert [t.name for t in clang.toolchains(())] == ["clang"]
