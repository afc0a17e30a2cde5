"""Backends that are named with options of their engine, and engines whose code these do not change."""

import pytest

from pipeline.core.errors import BadInput
from pipeline.experiment import backend_selection
from pipeline.experiment.choose_by_name import words
from pipeline.measure.sample import SCHEMA, Sample
from pipeline.results.problems import same_code
from pipeline.runtimes.backends import discover
from pipeline.tasks.steps import within_a_cell, within_a_task


def picked(text):
    patterns = words("backends", {"backends": text})
    return backend_selection.pick("here", patterns, discover())


def test_a_name_has_a_version_and_options():
    names = (
        "wasmtime.cranelift@38.0.0[a=1]",
        "wasmtime.cranelift",
        "wasmtime.cranelift[memory-reservation=0,b=y]",
    )
    older, plain, changed = picked(",".join(names))
    assert (older.name, plain.name, changed.name) == names
    assert changed.options["settings"] == {"memory-reservation": "0", "b": "y"}
    assert changed.engine_options == ("memory-reservation=0", "b=y")
    assert changed.runtime == plain.runtime
    assert older.runtime.version == "38.0.0"


def test_a_sweep_puts_the_version_before_the_options():
    (plain,) = picked("wasmtime.cranelift[a=1]")
    found = backend_selection.at_version("here", plain, "38.0.0")
    assert found == picked("wasmtime.cranelift@38.0.0[a=1]")[0]


def test_flags_of_a_program_come_after_those_of_its_backend():
    (found,) = picked("v8.turbofan[--no-wasm-bounds-checks,--max-lazy]")
    assert found.arguments[-2:] == ("--no-wasm-bounds-checks", "--max-lazy")
    assert found.proof == discover()["v8.turbofan"].proof


def test_brackets_without_an_option_are_a_part_of_a_pattern():
    assert [each.name for each in picked("v8.[lt]*")] == ["v8.liftoff", "v8.turbofan"]
    assert [each.name for each in picked("wasmtime.[!cw]*")] == ["wasmtime.pulley"]
    names = [each.name for each in picked("v8.[lt]*[--no-wasm-bounds-checks]")]
    assert names == ["v8.liftoff[--no-wasm-bounds-checks]", "v8.turbofan[--no-wasm-bounds-checks]"]


@pytest.mark.parametrize(
    ("text", "words_"),
    [
        ("wasm3[x=1]", "wasm3 takes no options; these do: v8.*, wasmtime.*"),
        ("wasmtime.winch[--x]", "'--x': expected NAME=VALUE, as in signals-based-traps=n"),
        ("wasmtime.winch[consume_fuel=y]", "consume_fuel: expected - in place of _"),
        ("wasmtime.winch[a=1,a=2]", "a=1, a=2: expected each name once"),
        ("/no/such.so", "/no/such.so: there is no such file"),
        ("/etc/hostname", "/etc/hostname: expected a shared library of Wasmtime"),
        ("wasmtime.winch[strategy=1]", "strategy is decided by the backend's name and the limits of a guest"),
        ("v8.liftoff[x=1]", "'x=1': expected --FLAG, as in --no-wasm-bounds-checks"),
        ("v8.liftoff[--x=../y]", "'--x=../y' is no option; expected letters, digits and ._+-"),
        ("wasmtime.winch[a=1,,]", "'' is no option"),
    ],
)
def test_what_is_no_option_is_refused(text, words_):
    with pytest.raises(BadInput) as refused:
        picked(text)
    assert words_ in str(refused.value)


def test_a_task_has_no_equals_sign_in_its_name():
    name = "w/zig/O2/wasmtime.winch[a=1,b=y]"
    assert within_a_task(name) == "w:zig:O2:wasmtime.winch[a~1,b~y]"
    assert within_a_cell(within_a_task(name).rpartition(":")[2]) == name.rpartition("/")[2]


def sample(variant, backend, code):
    cell = f"w/zig/{variant}/{backend}"
    return Sample(
        schema=SCHEMA, key="", inputs="", cell=cell, round=1, measured="", scores=[1.0], code_sha256=code
    )


def test_only_options_that_change_no_artifact_are_told():
    changes, same, alone, silent = "e.a[x=1]", "e.a[y=1]", "e.b[x=1]", "e.c[x=1]"
    samples = [
        *(sample(variant, "e.a", variant) for variant in ("O2", "O3")),
        sample("O2", changes, "O2"),
        sample("O3", changes, "different"),
        *(sample(variant, same, variant) for variant in ("O2", "O3", "Oz")),
        sample("O2", alone, "O2"),
        *(sample("O2", name, None) for name in ("e.c", silent)),
    ]
    (warning,) = same_code.find(samples)
    assert warning.found == f"{same} makes the same machine code as e.a"
