"""What [tune] may contain, what it means, and the messages for mistakes."""

import pytest
import tomli

from pipeline.analyses.tune.result_text import snippet
from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.toml_file import convert
from pipeline.experiment import matrix, tune_table
from pipeline.experiment.search_space import Goal, Wanted
from pipeline.experiment.variants_table import VariantTable, read
from pipeline.tasks.command_line import read_plan
from toolchain.model import Variant

GOOD = """
[variants]
O2 = { flags = "-O2" }
O3-simd = { flags = "-msimd128 -O3", needs = ["simd128"] }
O3-lto = { flags = "-O3 -flto", link = "--lto-O3" }
Oz = { flags = "-Oz" }
O3-threshold = { flags = "-O3 -mllvm -inline-threshold=100" }
[tune]
level = ["-O3", "-O2"]
simd = ["", "-msimd128"]
lto = ["", { flags = "-flto", link = "--lto-O3" }]
inlining = { llvm = "-inline-threshold={}", from = 25, to = 2000 }
pass = ["", { wasm_opt = "-O3 --flatten" }]
"""


def parse(text=GOOD):
    return tune_table.space("matrix.toml", tomli.loads(text)["tune"])


def variants(text=GOOD):
    tables = tomli.loads(text)["variants"]
    return read("matrix.toml", convert("matrix.toml", tables, dict[str, VariantTable], "variants"))


def with_choice(choice):
    return GOOD + f"more = {choice}\n"


def test_a_point_is_one_variant():
    point = {"level": "-O2", "simd": "-msimd128", "lto": "-flto link --lto-O3", "pass": ""}
    point |= {"inlining": "llvm -inline-threshold={}", "inlining #": 300}
    assert parse().variant(point) == Variant(
        "",
        ("-O2", "-msimd128", "-flto", "-mllvm", "-inline-threshold=300"),
        # The linker compiles what -flto leaves to it, so it gets the option as well.
        ("--lto-O3", "-mllvm=-inline-threshold=300"),
    )
    passed = parse().variant({**parse().first(), "pass": "wasm_opt -O3 --flatten"})
    assert passed == Variant("", ("-O3",), (), ("-O3", "--flatten"))


def test_the_matrix_s_own_variants_are_found_whatever_the_order_of_their_flags():
    found = {name: parse().find(variant) for name, variant in variants().items()}
    assert found["O2"] == {**parse().first(), "level": "-O2"}
    assert found["O3-simd"] == {**parse().first(), "simd": "-msimd128"}
    assert found["O3-lto"] == {**parse().first(), "lto": "-flto link --lto-O3"}
    assert found["Oz"] is None
    number = {"inlining": "llvm -inline-threshold={}", "inlining #": 100}
    assert found["O3-threshold"] == {**parse().first(), **number}
    assert parse().find(Variant("", ("-O3", "-mllvm", "-inline-threshold=3000"))) is None, "out of the range"
    assert parse().find(Variant("", ("-O3",), ("-mllvm=-other",))) is None


def test_what_is_refused_leaves_the_space():
    left = parse().without(
        {"simd": ["-msimd128"], "inlining": ["llvm -inline-threshold={}"], "level": ["-O3"]}
    )
    assert {name: [c.label for c in choices] for name, choices in left.dimensions.items()} == {
        "level": ["-O2"],
        "simd": [""],
        "lto": ["", "-flto link --lto-O3"],
        "inlining": [""],
        "pass": ["", "wasm_opt -O3 --flatten"],
    }
    assert "simd" not in parse().without({"simd": ["", "-msimd128"]}).dimensions


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ("[]", "tune.more: expected a list of choices like ['', '-msimd128'], or a range, found []"),
        ("3", "tune.more: expected a list of choices like ['', '-msimd128'], or a range, found 3"),
        ("[3]", "tune.more[0]: expected flags as a string, or a table, found 3"),
        ('["", ""]', "tune.more: two choices are ''"),
        ("{}", "tune.more: two choices are ''"),
        ('{ needs = ["simd128"] }', "tune.more: two choices are ''"),
        ('["-O3 -include x.h"]', "tune.more[0].flags: '-include' makes the artifact depend on a file"),
        ('["", { link = "-Lfoo" }]', "tune.more[1].link: '-Lfoo' makes the artifact depend on a file"),
        ('["-D\'"]', "tune.more[0].flags"),
        ('[{ flag = "-O3" }]', "tune.more[0]: unknown key 'flag'; did you mean 'flags'?"),
        ("[{ flags = 3 }]", "tune.more[0].flags: expected a string like '-O3 -msimd128', found 3"),
        ("[{ llvm = [] }]", "tune.more[0].llvm: expected a string"),
        (
            '[{ needs = ["smid128"] }]',
            "tune.more[0].needs: unknown feature 'smid128'; did you mean 'simd128'?",
        ),
        ('{ flags = "-x={}" }', "tune.more: a range needs {}"),
        ('{ flags = "-x", from = 1, to = 2 }', "tune.more: a range needs {}"),
        ('{ flags = "-x={}", from = 1 }', "tune.more: a range needs {} in its flags, and from = and to ="),
        ('{ flags = "-x={}", from = 2, to = 2 }', "tune.more: from = 2 is not below to = 2"),
        (
            '{ flags = "-x={}", from = 1, to = 2.5 }',
            "more.to: expected a whole number from 0 to 1000000",
        ),
    ],
)
def test_a_mistake_is_reported(choice, complaint):
    with pytest.raises(BadInput) as caught:
        parse(with_choice(choice))
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("matrix.toml: tune.more")


def test_a_missing_table_is_named():
    with pytest.raises(BadInput, match="tune: there is no such table"):
        tune_table.space("matrix.toml", {})


# -- backend= on the command line


def test_backend_chooses_what_the_plan_is_about():
    plan = matrix.load({"backend": "wasmtime.cranelift,wasmtime.winch", "budget": "40"})
    assert [b.name for b in plan.backends] == ["wasmtime.cranelift", "wasmtime.winch"]
    assert [v.name for v in plan.variants] == ["O2", "O3"]
    assert [t.name for t in plan.toolchains] == ["zig"]
    assert plan.tune.budget_s == 40
    assert plan.protocol.budget_s is None, "the search's, not a cell's"
    assert {"O3-simd", "O2"} <= plan.tune.taken.keys()
    assert plan.tune.goal == Goal()
    assert [w.name for w in plan.workloads] == ["coremark"]
    assert matrix.load({}).tune is None


def test_several_workloads_are_searched_for_where_they_are_named():
    plan = matrix.load({"backend": "wasmtime.cranelift", "workloads": "calls,json"})
    assert [w.name for w in plan.workloads] == ["calls", "json"]
    assert plan.search_name == "calls+json-wasmtime.cranelift"


def test_an_objective_has_what_it_is_to_beat_and_its_own_files():
    plan = matrix.load({"backend": "wasmtime.cranelift", "objective": "size", "slowdown": "2.5%"})
    assert [v.name for v in plan.variants] == ["O3", "Oz"]
    assert plan.tune.goal == Goal(Wanted.SIZE, 0.025)
    assert plan.search_name == "wasmtime.cranelift-size-2.5"


def test_hints_of_the_matrix_are_points_of_its_space():
    plan = matrix.load({"backend": "wasmtime.cranelift"})
    assert plan.tune.hints
    for name, hint in plan.tune.hints.items():
        assert plan.tune.space.find(hint) is not None, name


def test_backends_means_backend_to_tune():
    plan = read_plan({"backends": "wasmtime.cranelift,wasmtime.winch"}, ["tune"])
    assert [b.name for b in plan.backends] == ["wasmtime.cranelift", "wasmtime.winch"]
    assert plan.tune is not None


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"backend": "wasmtime.cranleft"}, "backend: 'wasmtime.cranleft' matches nothing; did you mean"),
        ({"backend": ""}, "backend= is empty"),
        ({"backend": "native", "variants": "O3"}, "variants= does not go with backend="),
        ({"backend": "native", "backends": "native"}, "backends= does not go with backend="),
        ({"backend": "native", "budget": "0"}, "budget: expected a number from 1"),
        ({"backend": "native", "toolchains": "zig,wasi-sdk*"}, "a search takes one toolchain"),
        (
            {"backend": "native", "objective": "sized"},
            "objective: unknown objective 'sized'; did you mean 'size'",
        ),
        ({"backend": "native", "slowdown": "2"}, "slowdown= goes with objective=size"),
        ({"backend": "native", "objective": "size", "slowdown": "x"}, "slowdown: expected"),
    ],
)
def test_a_mistake_on_the_command_line_is_reported(variables, complaint):
    with pytest.raises(BadInput) as caught:
        matrix.load(variables)
    assert complaint in str(caught.value)


def test_the_shipped_space_is_parsed_only_where_it_is_asked_for(tmp_path):
    text = (paths.ROOT / paths.MATRIX).read_text(encoding="utf-8")
    path = tmp_path / "matrix.toml"
    path.write_text(text.replace("[tune]\n", "[tune]\nwrong = 3\n"))
    assert matrix.load({}, str(path)).tune is None
    with pytest.raises(BadInput, match=r"tune\.wrong"):
        matrix.load({"backend": "native"}, str(path))
    path.write_text(text.replace("[tune]\n", "[tune.x]\nflags = ''\n[rest]\n", 1).partition("[rest]")[0])
    dimensions = parse(text).dimensions
    assert 12 <= len(dimensions) <= 30
    assert [c.label for c in dimensions["level"]] == ["-O3", "-O2", "-O1", "-Os", "-Oz"]


# -- the line for matrix.toml


@pytest.mark.parametrize(
    "variant",
    [
        Variant("tuned-wasmtime-cranelift", ("-O3", "-mllvm", "-inline-threshold=225")),
        Variant("tuned-a+b", ("-O3", '-DX="a b"', "-DY='"), ("--lto-O3", "-mllvm=-x=1"), ("-O4",)),
        Variant("tuned-wasm3.x", ("-O3", "-Dä=\\", "-D\x7f"), needs=("simd128", "tail-call")),
    ],
)
def test_the_snippet_is_read_back_as_the_same_variant(variant):
    assert variants(f"[variants]\n{snippet(variant)}\n")[variant.name] == variant
