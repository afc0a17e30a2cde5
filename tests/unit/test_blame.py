"""Who is wrong: found by comparing the cells that ran one module, where native ended differently."""

import msgspec
import pytest

from pipeline.core.model import Cell, Proof, Status, Workload
from pipeline.measure.sample import SCHEMA, Sample
from pipeline.results.blame.outputs import RanCell
from pipeline.results.blame.statuses import judge, judged_statuses
from pipeline.results.cell_result import Rounds
from pipeline.runtimes.backends import discover
from pipeline.workloads.output_difference import compare
from toolchain.model import Variant

NATIVE = b"first\nsum 5057740795\nlast\n"
WASM = b"first\nsum 762773499\nlast\n"
MANY = ("wasmtime.cranelift", "wasmtime.winch", "v8.turbofan", "jsc.omg", "wasm3")


def cell(backend, flags=("-O2",)):
    workload = Workload("w", "w", "", None, "w", "w", ("w.c",), (), args=("{iterations}",), proof=Proof())
    return Cell(workload, "zig", Variant("O2", flags), discover()[backend])


def sample(backend, status=Status.OK, reason=None, **more):
    values = {
        "schema": SCHEMA,
        "key": "",
        "inputs": "",
        "cell": f"w/zig/O2/{backend}",
        "round": 1,
        "measured": "",
        "artifact_sha256": "ab" * 32,
    }
    return Sample(**values, status=status, reason=reason, **more)


def right(backend, iterations=4000):
    return RanCell(cell(backend), sample(backend, iterations=iterations))


def prints(backend, output, iterations=1, flags=("-O2",), native=NATIVE):
    difference = compare(output, native, iterations)
    reason = f"{backend}, run: {difference.text()}"
    return RanCell(cell(backend, flags), sample(backend, Status.INVALID, reason, difference=difference))


def exits(backend, code=1, words="the guest exited with 1; standard error: cannot open x.ini"):
    return RanCell(cell(backend), sample(backend, Status.INVALID, f"{backend}: {words}", exit_code=code))


def traps(backend, words="unreachable"):
    return RanCell(cell(backend), sample(backend, Status.TRAP, f"{backend}: {words}"))


def reasons(*cells):
    """{backend: reason}"""
    return {name.rpartition("/")[2]: reason for name, reason in judge(cells).items()}


def test_where_all_of_wasm_agrees_no_runtime_is_at_fault():
    found = reasons(*(prints(name, WASM) for name in MANY))
    assert set(found) == set(MANY)
    (reason,) = set(found.values())
    assert reason.startswith(
        "all wasm backends print the same, so no runtime is at fault: line 2 is 'sum 762773499'"
    )
    assert "native prints 'sum 5057740795'" in reason
    assert "32 bits" in reason


def test_the_one_that_stands_alone_is_named_with_both_lines():
    found = reasons(*(right(name) for name in MANY[:4]), prints("wasm3", b"first\nsum 7\nlast\n"))
    assert set(found) == {"wasm3"}
    assert "line 2 is 'sum 7'" in found["wasm3"]
    assert (
        "native and wasmtime.cranelift, wasmtime.winch, v8.turbofan, jsc.omg print 'sum 5057740795'"
        in found["wasm3"]
    )
    assert "so it is wasm3, not the program" in found["wasm3"]


def test_one_stands_alone_also_where_the_others_agree_against_native():
    found = reasons(
        *(prints(name, WASM) for name in MANY[:4]), prints("wasm3", b"second\nsum 762773499\nlast\n")
    )
    assert "all wasm backends but wasm3 print the same, so no runtime is at fault" in found["v8.turbofan"]
    # Its first line that differs from the others is one that native has in common with them.
    assert "line 1 is 'second'" in found["wasm3"]
    assert "v8.turbofan, jsc.omg print 'first'" in found["wasm3"]
    assert "it is wasm3" in found["wasm3"]


def test_lines_that_are_right_in_others_are_compared_too():
    found = reasons(
        *(prints(name, WASM) for name in MANY[:4]), prints("wasm3", NATIVE.replace(b"last", b"end"))
    )
    assert "line 2 is 'sum 5057740795'" in found["wasm3"]
    assert "print 'sum 762773499'" in found["wasm3"]


def test_backends_of_one_runtime_are_one_voice():
    found = reasons(right("v8.turbofan"), right("wasm3"), prints(MANY[0], WASM), prints(MANY[1], WASM))
    assert set(found) == set(MANY[:2])
    assert "it is their runtime (wasmtime.cranelift, wasmtime.winch)" in found[MANY[0]]
    alone = reasons(prints(MANY[0], WASM), prints(MANY[1], WASM))
    assert "it may be the runtime or the program" in alone[MANY[0]]
    assert "no runtime is at fault" not in alone[MANY[0]]
    assert "it may be the runtime or the program" in reasons(prints("wasm3", WASM))["wasm3"]


def test_where_they_disagree_nothing_is_called_right():
    outputs = [b"took %d.5 s\n" % number for number in range(5)]
    cells = [prints(name, text, native=b"took 9.1 s\n") for name, text in zip(MANY, outputs, strict=True)]
    (reason,) = set(reasons(*cells).values())
    assert "none is called right" in reason
    assert "native: 'took 9.1 s'" in reason
    assert "wasm3: 'took 4.5 s'" in reason
    assert "figure.match" in reason
    # Two against two.
    cells = [right("v8.turbofan"), right("jsc.omg"), prints("wasm3", WASM), prints(MANY[0], WASM)]
    found = reasons(*cells)
    assert set(found) == {"wasm3", MANY[0]}
    assert "native, v8.turbofan, jsc.omg: 'sum 5057740795'" in found["wasm3"]
    assert "it is" not in found["wasm3"]
    assert "figure.match" not in found["wasm3"]


def test_a_cell_that_ran_too_few_iterations_says_nothing_about_many():
    many = [prints(name, WASM, iterations=4096) for name in MANY[:4]]
    found = reasons(*many, right("wasm3", iterations=900))
    assert "print the same, so no runtime is at fault" in found["v8.turbofan"]
    assert "all wasm" not in found["v8.turbofan"]
    assert "(4096 iterations)" in found["v8.turbofan"]
    assert "none is called right" in reasons(*many, right("wasm3", iterations=5000))["v8.turbofan"]


def test_flags_that_change_floating_point_are_the_cause():
    found = reasons(*(prints(name, WASM, flags=("-Ofast",)) for name in MANY))
    assert "-Ofast lets a compiler change" in found["wasm3"]
    assert "32 bits" not in found["wasm3"]


def test_an_exit_status_of_all_of_wasm_is_no_runtimes():
    found = reasons(*map(exits, MANY))
    (reason,) = set(found.values())
    assert "natively it ends well, but under all 5 wasm backends: the guest exited with 1" in reason
    assert "cannot open x.ini" in reason
    assert "WASI may lack what it needs" in reason


def test_one_that_alone_exits_or_traps_is_named_in_its_own_words():
    found = reasons(*(right(name) for name in MANY[:4]), traps("wasm3", "stack overflow; in f"))
    assert set(found) == {"wasm3"}
    assert "stack overflow; in f; under wasmtime.cranelift" in found["wasm3"]
    assert "it is wasm3, not the program" in found["wasm3"]
    assert "it is wasm3" in reasons(right("v8.turbofan"), exits("wasm3"))["wasm3"]


def test_a_trap_of_all_of_wasm_is_the_programs():
    found = reasons(*map(traps, MANY))
    (reason,) = set(found.values())
    assert "under all 5 wasm backends it traps, so no runtime is at fault: unreachable" in reason
    # Some trap, some end well: of several runtimes, so each says what it says.
    assert reasons(right("v8.turbofan"), traps("wasm3"), traps("jsc.omg")) == {}
    assert reasons(traps("wasm3"), exits("jsc.omg")) == {}
    assert reasons(traps("wasm3")) == {}


def test_what_did_not_end_is_no_evidence():
    gone = [
        RanCell(cell("v8.turbofan"), sample("v8.turbofan", Status.UNAVAILABLE, "needs simd128")),
        RanCell(cell("jsc.omg"), sample("jsc.omg", Status.TIMEOUT, "jsc.omg: killed: no answer within 5 s")),
        RanCell(cell("wasmtime.winch"), sample("wasmtime.winch", Status.CRASH, "the worker died of SIGSEGV")),
    ]
    assert "it may be the runtime or the program" in reasons(*gone, prints("wasm3", WASM))["wasm3"]
    assert set(reasons(*gone, traps("wasm3"), traps(MANY[0]))) == {"wasm3", MANY[0]}


def statuses(*rounds):
    """{backend: (status, reason)} of cells with these rounds."""
    cells = [each[0].cell for each in rounds]
    collected = {
        one.name: Rounds([r.sample for r in each], None) for one, each in zip(cells, rounds, strict=True)
    }
    return {name.rpartition("/")[2]: found for name, found in judged_statuses(cells, collected).items()}


def test_statuses_stay_and_reasons_say_who():
    found = statuses(*([prints(name, WASM)] * 2 for name in MANY), [right("native")])
    assert found["native"] == (Status.OK, None)
    assert {found[name][0] for name in MANY} == {Status.INVALID}
    assert len({found[name][1] for name in MANY}) == 1


def test_a_cell_whose_rounds_end_in_different_ways_is_no_evidence():
    found = statuses([right("wasm3"), prints("wasm3", WASM)], [prints("v8.turbofan", WASM)])
    assert found["wasm3"][1].startswith("round 2 of 2: wasm3, run: line 2")
    assert "it may be the runtime or the program" in found["v8.turbofan"][1]


def test_where_the_reference_contradicts_itself_no_cell_is_right_by_chance():
    why = "the program does not print the same each time"
    unsteady = RanCell(cell("wasm3"), sample("wasm3", Status.INVALID, why, wrong_reference="unsteady"))
    trapped = traps("v8.turbofan")
    found = statuses([right("native")], [right("jsc.omg")], [prints(MANY[0], WASM)], [unsteady], [trapped])
    assert {found[name] for name in ("native", "jsc.omg", MANY[0], "wasm3")} == {(Status.INVALID, why)}
    assert found["v8.turbofan"][0] is Status.TRAP


def test_a_reference_that_fails_is_said_as_it_is():
    why = "the program itself fails, natively as well: the guest exited with 1"
    failing = [
        [RanCell(cell(name), sample(name, Status.INVALID, why, wrong_reference="fails"))]
        for name in ("native", *MANY)
    ]
    assert set(statuses(*failing).values()) == {(Status.INVALID, why)}


def test_a_native_build_that_differs_from_the_reference_has_its_flags():
    native = prints("native", b"first\nsum 7\nlast\n", flags=("-O2",))
    fast = prints("native", b"first\nsum 7\nlast\n", flags=("-O3", "-ffast-math"))
    assert "the reference prints 'sum 5057740795'" in statuses([native])["native"][1]
    assert "does not define" in statuses([native])["native"][1]
    assert "-ffast-math lets a compiler change" in statuses([fast])["native"][1]


@pytest.mark.parametrize("output", [b"", b"x" * 100_000, bytes(range(256)) * 9, b"\n" * 500])
def test_no_output_makes_a_sample_that_cannot_be_read(output):
    made = prints("wasm3", output).sample
    assert msgspec.json.decode(msgspec.json.encode(made), type=Sample).difference == made.difference
    assert judge([prints("wasm3", output), prints("v8.turbofan", output[:-1] + b"z")])
