"""Variants as data: inheritance, the parts of a variant, names, and the messages for mistakes."""

import pytest

from pipeline.core.errors import BadInput
from pipeline.core.toml_file import convert
from pipeline.experiment import variants_table
from pipeline.experiment.variants_table import VariantTable
from toolchain.model import Variant


def read(**tables):
    path = "here.toml"
    return variants_table.read(path, convert(path, tables, dict[str, VariantTable], "variants"))


def test_a_variant_goes_on_from_its_base():
    found = read(
        O3={"flags": "-O3"},
        lto={"base": "O3", "flags": "-flto", "link": "--lto-O3", "needs": ["simd128"]},
        both={"base": "lto", "wasm_opt": "-O4", "needs": ["tail-call", "simd128"]},
        last={"base": "both", "wasm_opt": "-Oz"},
    )
    assert found["lto"] == Variant("lto", ("-O3", "-flto"), ("--lto-O3",), None, ("simd128",))
    assert found["both"] == Variant(
        "both", ("-O3", "-flto"), ("--lto-O3",), ("-O4",), ("simd128", "tail-call")
    )
    assert found["last"].wasm_opt == ("-Oz",)


LINK = (
    *("--Map=x", "-Map=x", "--Map x", "--reproduce=x.tar", "--dependency-file=d", "--why-extract=w", "-o x"),
    *("--save-temps", "--thinlto-cache-dir=c", "-ox", "--output=x", "--time-trace", "-L/x", "@x", "/x/y"),
    *("--allow-undefined-file=x", "--print-gc-sections=x", "--plugin-opt=stats-file=x", "other.o"),
    *("--mllvm=-stats-file=x", "--symbol-ordering-file=x", "--version-script=x", "--opt-remarks-filename x"),
)
FLAGS = (
    *("-save-temps", "-save-temps=obj", "-ftime-trace", "-ftime-trace=x", "-MD", "-MFx", "-o x", "-I x"),
    *("-Wl,--Map=x", "-fplugin=x", "-fprofile-generate", "-fprofile-use=x", "--sysroot=/x", "-isysroot /x"),
    *("-idirafter x", "-fsave-optimization-record", "-foptimization-record-file=x", "-gsplit-dwarf", "-B/x"),
    *("-Xclang -load", "-mllvm -stats-file=x", "-Xlinker x", "--config=x", "-specs=x", "-fmodules"),
)
WASM_OPT = (
    *("-O3 --symbolmap=x", "-o x", "--emit-js-wrapper=x", "-ejw x", "--output-source-map=x", "-osm x", "-S"),
    *("--extra-fuzz-command=x", "-ttf", "other.wasm", "/x/y"),
)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("link", word) for word in LINK),
        *(("flags", word) for word in FLAGS),
        *(("wasm_opt", word) for word in WASM_OPT),
    ],
)
def test_flags_that_name_or_write_files_are_refused(key, text):
    with pytest.raises(
        BadInput, match=rf"^here.toml: variants.x.{key}: .* file that nothing tracks, or writes"
    ):
        read(O3={"flags": "-O3"}, x={"base": "O3", key: text})


def test_flags_that_only_look_like_them_are_taken():
    link = "--lto-O3 --stack-first -z stack-size=65536 --print-gc-sections --export=main --mllvm=-x=3"
    flags = "-O3 -mllvm -inline-threshold=9 -fno-jump-tables -fprofile-use -fxray-instrument -DX=/a/b"
    found = read(x={"flags": flags, "link": link, "wasm_opt": "-O4 --flatten --rereloop --enable-simd"})["x"]
    assert found.flags == tuple(flags.split())
    assert found.link == tuple(link.split())


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"base": "O4"}, r"variants.x.base: unknown variant 'O4'; did you mean 'O3'\?"),
        ({"base": "x"}, "it inherits from itself: x -> x"),
        ({"base": "O3", "flags": 3}, "variants.x.flags: expected a string like"),
        ({"base": "O3", "link": "'"}, 'variants.x.link: "\'": No closing quotation'),
        ({"base": "O3", "wasm_opt": " "}, "variants.x.wasm_opt: empty"),
        ({"base": "O3", "needs": "simd128"}, "variants.x.needs: expected a list of wasm features"),
        ({"base": "O3", "needs": ["simd"]}, "unknown feature 'simd'; did you mean 'simd128'"),
        ({"base": "O3", "flags": "@file"}, "'@file' makes the artifact depend on a file"),
        ({"base": "O3", "link": "-lm"}, "'-lm' makes the artifact depend on a file"),
        ({"base": "O3", "link": "--script=x"}, "makes the artifact depend on a file"),
        ({"base": "O3", "wasm_opt": "-O3 -o x"}, "'-o' makes the artifact depend on a file"),
        ({"base": "O3", "opt": "-O3"}, "unknown key 'opt'; did you mean 'wasm_opt'"),
        ({"link": "--lto-O3"}, "variants.x.flags: missing; expected a string like"),
    ],
)
def test_a_mistake_is_reported_with_its_place(table, complaint):
    with pytest.raises(BadInput, match=r"^here.toml: ") as error:
        read(O3={"flags": "-O3"}, x=table)
    assert error.match(complaint)


def test_a_circle_is_reported():
    with pytest.raises(BadInput, match="it inherits from itself: a -> b -> a"):
        read(a={"base": "b"}, b={"base": "a"})


def extra(text, **tables):
    return variants_table.extra({"flags": text}, read(**tables or {"O3": {"flags": "-O3"}}))


def test_flags_are_split_as_a_shell_would_but_for_semicolons():
    found = extra("-O2 ; '-DX=a;b' -DY=\"c d\";;-O1;")
    assert [v.flags for v in found] == [("-O2",), ("-DX=a;b", "-DY=c d"), ("-O1",)]


def test_the_first_word_may_be_a_variant():
    found = extra("lto -DX", lto={"flags": "-O3 -flto", "link": "--lto-O3", "wasm_opt": "-O2"})
    assert found == [Variant("lto-DX", ("-O3", "-flto", "-DX"), ("--lto-O3",), ("-O2",))]
    assert extra("O3; -O3") == [Variant("O3", ("-O3",))] * 2


def test_two_that_would_have_one_name_have_two():
    one, other = extra("-O2 -g0; -O2-g0")
    assert one.name != other.name
    assert one.name == extra("-O2 -g0")[0].name


def test_digest_is_of_everything_but_the_name():
    parts = [
        Variant("a", ("-O3",)),
        Variant("a", ("-O3",), ("--x",)),
        Variant("a", ("-O3",), (), ()),
        Variant("a", ("-O3",), (), ("-O3",)),
        Variant("a", ("-O3",), (), None, ("simd128",)),
        Variant("a", ("-O3 ",)),
    ]
    assert len({variants_table.digest(v) for v in parts}) == len(parts)
    assert variants_table.digest(Variant("b", ("-O3",))) == variants_table.digest(parts[0])
