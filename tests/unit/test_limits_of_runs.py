"""What does not fit into the limits of a run is known before it, and has the key that helps."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.limits import Limits
from pipeline.core.model import Protocol
from pipeline.measure import limits
from pipeline.runtimes.backends import discover
from pipeline.wasm import memory
from pipeline.wasm.sections import sections
from pipeline.workloads import workload_toml

PROTOCOL = Protocol("p", 1, 2, 2, 10, 1, 5, 5, 512, 1)
HEAD = b"\0asm\1\0\0\0"
#: A function that grows memory by a page.
GROWING = b"\x0a\x09\x01\x07\x00\x41\x01\x40\x00\x1a\x0b"
TYPES = b"\x01\x04\x01\x60\x00\x00" + b"\x03\x02\x01\x00"


def module(limits: bytes, code: bytes = GROWING) -> bytes:
    return HEAD + TYPES + b"\x05" + bytes([len(limits) + 1, 1]) + limits + code


@pytest.fixture
def workload(tmp_path):
    def read(text=""):
        folder = tmp_path / "program"
        folder.mkdir(exist_ok=True)
        (folder / "main.c").touch()
        (folder / "workload.toml").write_text(text)
        return workload_toml.read(str(folder))

    return read


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"\x00\x02", b"\x01\x02\xc0\x0c"),  # none: 100 MiB are 1600 pages
        (b"\x01\x02\x03", b"\x01\x02\x03"),  # a lower one stays
        (b"\x01\x02\x80\x80\x04", b"\x01\x02\xc0\x0c"),
        (b"\x00\x81\x80\x01", b"\x01\x81\x80\x01\x81\x80\x01"),  # it has more already
    ],
)
def test_a_module_that_grows_gets_a_maximum(given, expected):
    assert memory.limited(module(given), 100 << 20) == module(expected)


@pytest.mark.parametrize("given", [b"\x03\x02\x03", b"\x04\x02", b"\x08\x02\x00", b"\x00", b"\x00\x82"])
def test_memories_of_other_kinds_are_left_as_they_are(given):
    """Shared ones, 64 bits, pages of other sizes, and what is no memory."""
    assert memory.limited(module(given), 100 << 20) == module(given)
    assert memory.initial_bytes(module(given)) is None


def test_a_module_that_does_not_grow_is_left_as_it_is():
    still = module(b"\x00\x02", b"\x0a\x04\x01\x02\x00\x0b")
    assert memory.limited(still, 100 << 20) == still


@pytest.mark.parametrize("data", [b"", HEAD, HEAD + b"\x05", b"\x7fELF", HEAD + b"\x05\x01\x00"])
def test_what_has_no_memory_is_left_as_it_is(data):
    assert memory.limited(data, 1 << 20) == data


def test_only_the_memory_section_differs():
    before, after = (sections(each) for each in (module(b"\x00\x02"), module(b"\x01\x02\xc0\x0c")))
    assert [part.content for part in before if part.number != 5] == [
        part.content for part in after if part.number != 5
    ]


def elf(size: int) -> bytes:
    """A program with one writable part of so many bytes."""
    header = b"\x7fELF\2\1\1" + bytes(25) + struct.pack("<Q", 64) + bytes(14) + struct.pack("<HH", 56, 1)
    return header.ljust(64, b"\0") + struct.pack("<IIQQQQQQ", 1, 6, 0, 0, 0, 0, size, 4096)


@pytest.mark.parametrize("content", [module(b"\x00\x81\x60"), elf((768 << 20) + 1)])
def test_what_a_program_has_before_it_runs_is_compared_with_the_limit(workload, tmp_path, content):
    path = tmp_path / "artifact"
    path.write_bytes(content)
    backend = discover()["native"]
    found = limits.beyond_memory(workload(), PROTOCOL, backend, str(path))
    assert found.startswith("needs 769 MiB of memory before it runs; a guest gets 512; ")
    assert "set memory_mib under [limits] in workload.toml" in found
    given = workload("[limits]\nmemory_mib = 1000")
    assert (
        limits.beyond_memory(given, limits.with_workload_limits(given, PROTOCOL), backend, str(path)) is None
    )


def test_more_than_a_runtime_can_is_named(workload, tmp_path):
    path = tmp_path / "artifact"
    path.write_bytes(module(b"\x00\x80\x88\x02"))  # 2112 MiB
    protocol = replace(PROTOCOL, memory_mib=4096)
    found = limits.beyond_memory(workload(), protocol, discover()["wasm3"], str(path))
    assert found == "needs 2,112 MiB of memory before it runs; wasm3 has 2,048 at most"


def test_more_than_the_machine_has_is_one_line(workload, tmp_path):
    given = workload(f"[limits]\nmemory_mib = {2**20}")
    found = limits.beyond_memory(given, PROTOCOL, discover()["native"], str(tmp_path / "none"))
    assert found.startswith("memory_mib = 1048576 in workload.toml: this machine gives a process ")


def test_a_workload_sets_each_limit(workload):
    text = "[limits]\n" + "\n".join(f"{name} = 100" for name in Limits.__struct_fields__)
    protocol = limits.with_workload_limits(workload(text), PROTOCOL)
    assert {getattr(protocol, name) for name in Limits.__struct_fields__} == {100}
    for name in Limits.__struct_fields__:
        assert f"set {name} under [limits]" in limits.remedy(name)
        assert f"`{name}`" in Path("docs/workloads.md").read_text(encoding="utf-8")


def test_memory_that_was_used_up_is_a_reason_of_a_wrong_result():
    most = 512 << 20
    words = limits.of_full_memory(most * 9 // 10 + 1, PROTOCOL)
    assert words.startswith(
        "; it used up its 512 MiB of memory; to allow more, set memory_mib under [limits]"
    )
    assert limits.of_full_memory(most, PROTOCOL) == words
    for less in (None, 0, most * 9 // 10 - 1):
        assert limits.of_full_memory(less, PROTOCOL) == ""


@pytest.mark.parametrize(
    ("key", "cost"),
    [
        ("memory_mib", "each of the two workers may then use as much of this machine"),
        ("stack_kib", "so much memory more in each run"),
        ("output_kib", "each chunk then prints, and is compared with, so much"),
        ("run_timeout_s", "a run that hangs is then waited for as long"),
        ("load_timeout_s", "a compiler that hangs is then waited for as long"),
    ],
)
def test_what_to_set_is_said_with_what_it_costs(key, cost):
    assert limits.remedy(key) == f"to allow more, set {key} under [limits] in workload.toml ({cost})"
