"""Parts of programs: what differs is named by section and function."""

from pathlib import Path

import pytest

from pipeline.core.artifact import Artifact
from pipeline.reproducibility.binary_parts import anatomy, differences


@pytest.mark.parametrize(("target", "section"), [("wasm", "code"), ("native", ".text")])
def test_a_flipped_bit_is_found_where_it_is(prepared, target, section):
    data = Path(prepared / Artifact("coremark", "zig", "O2", target).path).read_bytes()
    whole = anatomy(data)
    assert section in whole["sections"]
    size = int(whole["sections"][section].partition(":")[0])
    assert 1000 < size < len(data)
    flipped = bytearray(data)
    at = data.rindex(b"CoreMark Size")  # a string that both have among their data
    flipped[at] ^= 1
    found = differences(anatomy(bytes(flipped)), whole)
    assert found.startswith("section data:" if target == "wasm" else "section .rodata:")
    assert "not the same ones" in found


def test_functions_are_named():
    one = {"sections": {}, "functions": {"a": "3:00", "b": "4:00", "d": "1:00"}}
    other = {"sections": {}, "functions": {"a": "3:ff", "b": "5:00", "c": "1:00"}}
    found = differences(one, other)
    assert found.startswith("function c: it is missing; function d: it should not be there (1 bytes)")
    assert found.endswith("function a: 3 bytes, not the same ones; 1 functions more")
    del one["functions"]["d"], one["functions"]["a"]
    assert "function b: 4 bytes in place of 5" in differences(one, other)
    assert differences(one, one) == ""


@pytest.mark.parametrize(
    "data", [b"", b"\0asm", b"\0asm\1\0\0\0\xff", b"\x7fELF\x02\x01" + b"\xff" * 100, b"MZ"]
)
def test_what_is_no_program_has_no_parts(data):
    assert not anatomy(data)["functions"]


def test_a_module_whose_code_cannot_be_read_has_sections():
    sections = anatomy(b"\0asm\1\0\0\0" + b"\x0a\2\1\5" + b"\0\4\3abc")["sections"]
    assert set(sections) == {"code", "custom abc"}
    assert sections["custom abc"].startswith("0:")
