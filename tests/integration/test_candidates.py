"""What the search builds, with the real compiler: asked once, built once, nothing superfluous in a winner."""

import json
import os

import pytest
import tomli

from pipeline.analyses.tune import candidate_builder
from pipeline.analyses.tune.candidate_builder import CandidateBuilder
from pipeline.analyses.tune.codes import Codes
from pipeline.build import artifacts, flag_check, profiles
from pipeline.core.artifact import Artifact
from pipeline.core.model import Cell, Status
from pipeline.experiment import matrix, tune_table
from pipeline.measure.measure_round import ensure_sample
from pipeline.measure.probes.code_probe import CodeProbe
from pipeline.measure.sample_key import MeasurementSpec
from pipeline.workloads import workload_toml
from toolchain import discover
from toolchain.model import NATIVE, WASM, Variant

SPACE = """
[tune]
level = ["-O3", "-O2"]
unknown = ["", "-mllvm -no-such-option={}"]
simd = ["", "-msimd128"]
jump-tables = ["", "-fno-jump-tables"]
"""


@pytest.fixture
def here(workspace, monkeypatch):
    monkeypatch.chdir(workspace.path)
    return workspace


def builder(*targets):
    workload = workload_toml.read("workloads/coremark", own=True)
    return CandidateBuilder([workload], discover()["zig"], targets or [WASM])


def parse(text):
    return tune_table.space("matrix.toml", tomli.loads(text.replace("={}", ""))["tune"])


def test_refused_choices_are_asked_about_once(here, monkeypatch):
    left, refused = builder().without_refused(parse(SPACE))
    assert list(refused) == ["unknown"]
    ((label, why),) = refused["unknown"].items()
    assert label == "-mllvm -no-such-option"
    assert "zig refuses it for wasm32-wasip1" in why
    assert [c.label for c in left.dimensions["unknown"]] == [""]

    def asked(*_):
        raise AssertionError("asked again")

    monkeypatch.setattr(flag_check, "refusal_of", asked)
    assert builder().without_refused(parse(SPACE)) == (left, refused)
    with pytest.raises(AssertionError, match="asked again"):
        builder().without_refused(parse(SPACE + 'more = ["-O1 -DNEVER_ASKED"]\n'))


def test_what_the_native_compiler_refuses_is_out_where_native_is_wanted(here):
    assert list(builder(WASM, NATIVE).without_refused(parse(SPACE))[1]) == ["unknown", "simd"]


def test_flags_that_change_nothing_give_the_same_module(here):
    own = builder()
    plain = own.candidate(Variant("", ("-O3",)))
    same = own.candidate(Variant("", ("-O3", "-fvectorize"), ("-mllvm=-enable-dfa-jump-thread",)))
    other = own.candidate(Variant("", ("-O3", "-fno-jump-tables")))
    assert plain.module == same.module != other.module
    assert plain.variant.name != same.variant.name
    parts = [
        Variant("", ("-O3",)),
        Variant("", ("-fvectorize",), needs=("simd128",)),
        Variant("", ("-fno-jump-tables",), ("-mllvm=-enable-dfa-jump-thread",)),
    ]
    assert own.minimal(parts, lambda: True) == Variant("", ("-O3", "-fno-jump-tables"))
    late = own.minimal(parts, lambda: False)
    assert late.flags == ("-O3", "-fvectorize", "-fno-jump-tables")
    assert own.candidate(late).module == other.module


def test_a_candidate_is_built_once_and_again_where_it_is_not_whole(here, monkeypatch):
    variant = Variant("", ("-O3", "-fno-jump-tables"))
    first = builder().candidate(variant)
    path = Artifact("coremark", "zig", first.variant.name, WASM).path
    assert not [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".o")]
    made = []
    compile_ = artifacts.compile_object
    monkeypatch.setattr(artifacts, "compile_object", lambda *a: (made.append(a[-1]), compile_(*a)))
    assert builder().candidate(variant) == first
    assert made == []
    with open(path, "r+b") as stream:
        stream.truncate(100)
    assert builder().candidate(variant) == first
    assert len(made) == 6
    here.append("third_party/coremark/core_portme.c", "int added_symbol = 1;\n")
    assert builder().candidate(variant).module is not None
    assert len(made) == 12, "a different source is a different module"


def test_what_does_not_build_has_a_reason_and_no_module(here):
    built = builder().candidate(Variant("", ("-O3", "-Dmain=")))
    assert built.module is None
    assert "does not compile" in built.reason
    together = builder().candidate(Variant("", ("-O3", "-mno-such")))
    assert "refuses it" in together.reason


def test_a_candidate_s_cell_is_measured_as_any(here):
    here.run("build", "runtime")
    plan = matrix.load({"backend": "wasmtime.cranelift"})
    built = builder().candidate(Variant("", ("-O3",)))
    cell = Cell(plan.workloads[0], "zig", built.variant, plan.backends[0])
    sample = ensure_sample(MeasurementSpec(cell, plan.protocol, plan.reference_name))
    assert sample.status is Status.OK
    assert sample.artifact_sha256 == built.module
    with open(Artifact("coremark", "zig", built.variant.name, WASM).path, "rb") as stream:
        assert candidate_builder.TEXT.encode() in stream.read()


def test_what_a_module_becomes_and_executes_is_known_without_measuring_it(here):
    here.run("build", "runtime")
    plan = matrix.load({"backend": "wasmtime.cranelift"})
    own = builder()
    named = own.candidate(Variant("", ("-O3",)))
    bare = own.candidate(Variant("", ("-O3",), ("--strip-all",)))
    slow = own.candidate(Variant("", ("-O1",)))
    assert named.module != bare.module
    with Codes(plan) as codes:
        digests = [codes.digest(each.variant) for each in (named, bare, slow)]
    assert digests[0] == digests[1] != digests[2]
    assert None not in digests
    with CodeProbe(plan.backends[0], plan.workloads[0], plan.protocol) as probe:
        executed = [
            probe.instructions(Artifact("coremark", "zig", each.variant.name, WASM)) for each in (named, slow)
        ]
        again = probe.instructions(Artifact("coremark", "zig", named.variant.name, WASM))
    assert again == pytest.approx(executed[0], rel=1e-3), "it prints times, which are not the same"
    assert 100_000 < executed[0] < executed[1], "-O1 executes more than -O3"


def test_a_backend_that_does_not_tell_its_code_is_not_asked_again(here, monkeypatch):
    here.run("build", "runtime", "backends=wasmer.cranelift")
    plan = matrix.load({"backend": "wasmer.cranelift"})
    built = builder().candidate(Variant("", ("-O3",)))
    with Codes(plan) as codes:
        assert codes.digest(built.variant) is None

        def asked(*_):
            raise AssertionError("asked again")

        monkeypatch.setattr(CodeProbe, "code", asked)
        assert codes.digest(built.variant) is None


def test_a_profile_is_counted_once_and_changes_the_module(here):
    here.run("build", "runtime")
    space = parse('[tune]\nlevel = ["-O2"]\nprofile = ["", "-fprofile-use"]\n')
    own = builder()
    left, refused = own.without_refused(space)
    if refused:  # no clang of the same release
        assert "apt-get install clang-" in refused["profile"]["-fprofile-use"]
        return
    assert left == space
    plain, guided = (own.candidate(Variant("", ("-O2", *more))) for more in ((), ("-fprofile-use",)))
    assert plain.module != guided.module
    with open(profiles.file(own.workloads[0], own.toolchain), "rb") as stream:
        first = stream.read()
    assert builder().without_refused(space)[1] == {}
    with open(profiles.file(own.workloads[0], own.toolchain), "rb") as stream:
        assert stream.read() == first, "counts do not depend on the time"


def test_a_variant_with_a_profile_is_measured_as_any_or_says_what_it_lacks(here):
    here.believe_all()
    flags = "flags=O2 -fprofile-use"
    here.doit("run", flags, "variants=O2", "backends=wasmtime.cranelift", "rounds=1")
    cells = {c["variant"]: c for c in json.loads((here.path / "report/results.json").read_text())["cells"]}
    (guided,) = (cell for name, cell in cells.items() if name != "O2")
    if guided["status"] == "unavailable":
        assert "apt-get install clang-" in guided["reason"]
    else:
        assert guided["status"] == "ok"
        assert guided["wasm_sha256"] != cells["O2"]["wasm_sha256"]
    again = here.doit("run", flags, "variants=O2", "backends=wasmtime.cranelift", "rounds=1")
    assert "] compile" not in again.stdout + again.stderr


#: zig 0.17.1 compiled one source of CoreMark with these for 16 minutes, and would have gone on.
ENDLESS = (
    *(
        "-O3",
        "-mllvm",
        "-inline-threshold=419",
        "-mllvm",
        "-unroll-count=4",
        "-mllvm",
        "-unroll-threshold=15",
    ),
    *("-msimd128", "-fno-slp-vectorize", "-mwide-arithmetic", "-fwrapv", "-mllvm", "-enable-dfa-jump-thread"),
    *("-fno-jump-tables", "-mllvm", "-jump-threading-threshold=17"),
    *("-mllvm", "-rotation-max-header-size=19", "-mllvm", "-two-entry-phi-node-folding-threshold=7"),
    *("-mllvm", "-bonus-inst-threshold=1", "-mllvm", "-disable-select-optimize=0"),
    *("-mllvm", "-enable-split-backedge-in-load-pre", "-mllvm", "-pre-RA-sched=linearize"),
    *("-mllvm", "-aggressive-machine-cse", "-mllvm", "-tail-dup-size=9"),
)


def test_a_compiler_that_does_not_end_is_killed_and_the_search_goes_on(here):
    own = builder()
    own.first_s = 0.5
    built = own.candidate(Variant("", ENDLESS))
    assert built.module is None
    assert "does not compile within 10 s" in built.reason
    assert own.candidate(Variant("", ("-O3",))).module is not None
