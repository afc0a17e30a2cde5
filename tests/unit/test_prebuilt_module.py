"""Modules that were made by others, as artifacts."""

import wasmtime

from pipeline.build import prebuilt
from pipeline.core.artifact import Artifact, load_record
from pipeline.core.model import PREBUILT, Prebuilt
from toolchain.model import WASM

COMMAND = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")))"""


def test_a_file_name_that_shows_nothing_is_replaced_by_the_module_s_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "\u200b"
    path.write_bytes(wasmtime.wat2wasm(COMMAND))
    prebuilt.take_in("coremark", Prebuilt("given", str(path)))
    assert load_record(Artifact("coremark", PREBUILT, "given", WASM)).file == "given"
