"""workload.toml is not trusted: the files that it names are in its folder, or it is refused in one line."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import paths
from pipeline.core.errors import BadInput
from pipeline.core.model import Workload
from pipeline.workloads import file_patterns, selection, staging, workload_toml

PROGRAM = "int main(void) { return 0; }\n"


@pytest.fixture
def folder(tmp_path):
    """A workload of one file, a header, and data; next to its folder a secret."""
    place = tmp_path / "prog"
    (place / "data").mkdir(parents=True)
    (place / "main.c").write_text(PROGRAM)
    (place / "own.h").write_text("")
    (place / "data/words.txt").write_text("words\n")
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "sibling").mkdir()
    (tmp_path / "sibling/secret.c").write_text(PROGRAM)
    return place


def read(folder, text="") -> Workload:
    (folder / paths.WORKLOAD_TOML).write_text(text)
    return workload_toml.read(str(folder))


def test_missing_keys_have_defaults(folder):
    found = read(folder)
    assert (found.name, found.title) == ("prog", "prog")
    assert found.sources == ("main.c", "guest_clock.c")
    assert found.headers == ("own.h",)
    assert found.proof.native
    assert not found.iterates


def test_every_key(folder):
    found = read(
        folder,
        """
        title = "Mine"
        sources = ["*.c"]
        includes = ["."]
        defines = { N = 3, NAME = '"x"', ON = true, OFF = false }
        standard = ["gnu99", "c++17"]
        flags = ["-fwrapv"]
        libraries = ["m"]
        args = ["-n", "{iterations}"]
        stdin = "data/words.txt"
        files = ["data/*"]
        [proof]
        iterations = 3
        text = "ok"
        [figure]
        match = 'took (\\d+)'
        unit = "ms"
        [limits]
        memory_mib = 64
        run_timeout_s = 20
        """,
    )
    assert found.defines == (("N", "3"), ("NAME", '"x"'), ("ON", None))
    assert found.iterates
    assert found.files == ("data/words.txt",)
    assert (found.limits.memory_mib, found.limits.run_timeout_s) == (64, 20.0)


OUTSIDE = ["../secret", "/etc/passwd", "data/../../secret", "../sibling/*.c", "/", ".."]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("key", ["sources", "headers", "includes", "files"])
def test_no_list_leads_out_of_the_folder(folder, key, path):
    with pytest.raises(BadInput, match=rf"{key}: .* leads out of its folder"):
        read(folder, f"{key} = ['{path}']")


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_stdin_leads_out_of_the_folder(folder, path):
    with pytest.raises(BadInput, match=r"stdin: .* leads out of its folder"):
        read(folder, f"stdin = '{path}'")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("leak.c", ""),
        ("leak.h", ""),
        ("leak.txt", "files = ['*.txt']"),
        ("leak.txt", "stdin = 'leak.txt'"),
    ],
)
def test_no_link_leads_out_of_the_folder(folder, name, text):
    (folder / name).symlink_to("../secret")
    with pytest.raises(BadInput, match="is a link out of its folder"):
        read(folder, text)


def test_a_linked_folder_is_not_looked_into(folder):
    (folder / "linked").symlink_to("../sibling")
    assert read(folder, "sources = ['**/*.c']").sources == ("main.c", "guest_clock.c")


def test_a_file_that_became_a_link_meanwhile_is_not_copied(folder, tmp_path, monkeypatch):
    found = read(folder, "files = ['data/*']")
    (folder / "data/words.txt").unlink()
    (folder / "data/words.txt").symlink_to("../../secret")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline/build").mkdir(parents=True)
    (tmp_path / paths.GUEST_CLOCK).write_text("")
    with pytest.raises(BadInput, match="is a link out of its folder"):
        staging.stage(found)


def test_workload_toml_itself_may_be_no_link_out(folder):
    (folder / paths.WORKLOAD_TOML).symlink_to("../secret")
    with pytest.raises(BadInput, match="is a link out of its folder"):
        workload_toml.read(str(folder))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("validator = 'coremark'", "unknown key 'validator'"),
        ("third_party = 'coremark'", "unknown key 'third_party'"),
        ("environment = { A = 'b' }", "unknown key 'environment'"),
        ("sources = ['*.cxx']", "nothing matches"),
        ("sources = ['data/*']", "expected a name that ends in .c"),
        ("args = ['{iterations}']\n[proof]\nnative = false\ntext = 'x'", "add native or match"),
        ("args = ['{iterations}']\n[figure]\ntime = 'host'", "leave out one of them"),
        ("x = " + "9" * 5000, "not TOML"),
        ("x = " + "[" * 5000, "not TOML"),
        ("defines = { A = 0xfffffffffffffffffffff }", "a number of 64 bits"),
        ("[proof]\nmatch = '(?u)a'", "not a regular expression"),
        ("sources = 'main.c'", "expected a list"),
        ("flags = ['-fplugin=x.so']", "not allowed here"),
        ("env = { 'A=B' = '1' }", "env.'A=B': expected the name of a variable: letters, digits and _"),
        ("env = { A = 1 }", "env.A: expected a string, found 1"),
        ("env = { LD_LIBRARY_PATH = '/x' }", "the loader of native programs reads it"),
        ("env = { N = '{iterations}' }", "env.N: {iterations} has its place in args"),
        ('env = { A = "\\u0000" }', "env.A: expected text without NUL"),
        (f"env = {{ A = '{'x' * 10_001}' }}", "env: expected at most 100 variables of 10000 characters"),
        ("exclude = ['../x']", "exclude: '../x' leads out of its folder"),
        ("[proof]\nstatus = 126", "proof.status: expected a whole number from 0 to 125, found 126"),
        ("[proof]\nignore = 'x'", "proof.ignore: expected a list of at most 20 regular expressions"),
        ("[proof]\nignore = ['a', '(']", "proof.ignore[1]: not a regular expression"),
        ("[proof]\nignore = ['a', '']", "proof.ignore[1]: expected a regular expression of at most 500"),
        ("flags = ['-include', '/etc/passwd']", "not allowed here"),
        ("flags = ['@/etc/passwd']", "not allowed here"),
        ("libraries = ['../../x']", "not allowed here"),
        ("standard = 'c99 -fplugin=x'", "expected one like 'c99'"),
        ("defines = { 'A=1 -B' = 1 }", "expected the name of a macro, found 'A=1 -B'"),
        ('defines = { A = "1\\n2" }', "expected printable text"),
        ("defines = { A = [1] }", "defines.A: expected text, a number, true or false, found [1]"),
        ("args = [1]", "args[0]: expected a string, found 1"),
        ('args = ["\\u0000"]', "args[0]: expected text without NUL"),
        ('title = "\\u001b[31m"', "printable characters"),
        ("[proof]\nnative = false", "nothing checks the output"),
        ("[proof]\nmatch = '('", "not a regular expression"),
        ("[proof]\nsha256 = 'abc'", "expected 64 hexadecimal digits"),
        ("[proof]\niterations = 3", "it needs {iterations} in args"),
        ("[figure]\nmatch = 'time'", "expected a group"),
        ("[figure]\ntime = 'mine'", "figure.time: unknown value 'mine'; known: guest, host"),
        ("[figure]\nunit = 'h'", "figure.unit: unknown value 'h'; known: s, ms, us, ns"),
        ("[limits]\nmemory_mib = 1", "expected a whole number from 64"),
        ("[limits]\nrun_timeout_s = 1e9", "expected a number from 0.1 to 600"),
        ("[limits]\ncpu = 1", "unknown key 'cpu'"),
        ("x = [", "not TOML"),
        ("title = 3", "title: expected a string, found 3"),
        ("sources = ['']", "sources[0]: expected a string, found ''"),
        ("proof = 3", "proof: expected a table, found 3"),
        ("[proof]\nnativ = true", "proof: unknown key 'nativ'; did you mean 'native'?"),
        ("[proof]\niterations = true", "expected a whole number from 1 to 2147483647, found True"),
        ("[figure]\nmatch = ''", "figure.match: expected a regular expression of at most 500 characters"),
    ],
)
def test_a_mistake_is_reported(folder, text, complaint):
    with pytest.raises(BadInput) as caught:
        read(folder, text)
    assert complaint in str(caught.value)
    assert paths.WORKLOAD_TOML in str(caught.value)


def test_all_mistakes_of_a_file_are_reported_at_once(folder):
    text = """
        title = 3
        flags = ['-fplugin=x.so']
        sources = ['*.cpp']
        stdin = 'nothing'
        args = ['-n', 3, true]
        colour = 'red'
        [defines]
        "A B" = 1
        [env]
        LD_PRELOAD = 'x.so'
        [proof]
        nativ = true
        match = 3
        [limits]
        memory_mib = 1
        """
    with pytest.raises(BadInput) as caught:
        read(folder, text)
    first, *others = str(caught.value).split("\n")
    assert first == f"{folder}/{paths.WORKLOAD_TOML}: 12 problems:"
    expected = [
        "title: expected a string, found 3",
        "args[1]: expected a string, found 3",
        "args[2]: expected a string, found True",
        "unknown key 'colour'; known: ",
        "proof: unknown key 'nativ'; did you mean 'native'?",
        "proof.match: expected a regular expression of at most 500 characters, found 3",
        "limits.memory_mib: expected a whole number from 64",
        "sources: nothing matches *.cpp",
        "defines: expected the name of a macro, found 'A B'",
        "flags: '-fplugin=x.so' is not allowed here",
        "stdin: nothing: No such file or directory",
        "env.LD_PRELOAD: the loader of native programs reads it",
    ]
    for words in expected:
        assert sum(line.startswith(f"  {words}") for line in others) == 1, (words, others)
    assert len(others) == len(expected)


def test_excluded_files_and_folders_are_no_sources(folder):
    for name in (
        "tests/one.c",
        "tests/deep/two.c",
        "other.c",
        "lib/part.c",
        "lib/part_test.c",
        "tests/own.h",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PROGRAM)
    found = read(folder, "sources = ['**/*.c']\nexclude = ['tests', 'other.c', '**/*_test.c']")
    assert found.sources == ("main.c", "lib/part.c", "guest_clock.c")
    assert found.headers == ("own.h",)
    with pytest.raises(BadInput, match=r"sources: nothing matches \*\.c without \*\*"):
        read(folder, "exclude = ['**']")


def test_what_is_included_is_staged_without_being_named(folder):
    """Also by what is included, from folders of includes, under any name."""
    (folder / "main.c").write_text('#include "impl.c"\n#  include <data/table.txt>\n#include "gone.c"\n')
    (folder / "impl.c").write_text(
        '#include "parts/part.cpp.in"\n#include "/etc/passwd"\n#include "../secret"\n'
    )
    (folder / "parts").mkdir()
    (folder / "parts/part.cpp.in").write_text('#include "next.c"\n#include "../impl.c"\n')
    (folder / "parts/next.c").write_text("")
    (folder / "data/table.txt").write_text("1, 2\n")
    found = read(folder, "sources = ['main.c']\nexclude = ['parts']")
    assert sorted(found.headers) == ["data/table.txt", "impl.c", "own.h", "parts/next.c", "parts/part.cpp.in"]
    copied = staging.copies(found)
    assert f"{paths.staged_sources('prog')}/parts/next.c" in copied
    assert not any("secret" in own or "passwd" in own for own in copied.values())


def test_an_included_link_out_of_the_folder_is_refused(folder):
    (folder / "main.c").write_text('#include "leak.c"\n')
    (folder / "leak.c").symlink_to("../secret")
    with pytest.raises(BadInput, match=r"main\.c includes: 'leak\.c' is a link out of its folder"):
        read(folder, "sources = ['main.c']")


def test_headers_are_looked_for_where_the_sources_are(folder):
    (folder / "lib").mkdir()
    (folder / "lib/part.c").write_text("")
    found = read(folder, "sources = ['**/*.c']")
    root = found.root
    quoted = ["-iquote", f"{root}/.", "-iquote", f"{root}/lib"]
    # After the system's, so that a "time.h" of its own is not <time.h>.
    assert found.include_flags == [*quoted, *(word.replace("quote", "dirafter") for word in quoted)]
    assert read(folder, "includes = ['data']").include_flags == [f"-I{root}/data"]


def test_a_folder_without_the_file_says_how_to_make_one(folder):
    with pytest.raises(BadInput, match=r"doit run new workload=NAME from=FILE\.c"):
        workload_toml.read(str(folder))


def test_too_many_files_are_no_program(folder, monkeypatch):
    (folder / "4").write_text("not one of them")
    monkeypatch.setattr(file_patterns, "MOST_FILES", 3)
    for number in range(4):
        (folder / f"{number}.c").write_text(PROGRAM)
    with pytest.raises(BadInput, match="more than 3 files"):
        read(folder)


def test_a_huge_file_is_no_source(folder, monkeypatch):
    monkeypatch.setattr(file_patterns, "MOST_BYTES", 5)
    with pytest.raises(BadInput, match=r"main\.c: \d+ bytes; expected at most 5"):
        read(folder)


@pytest.mark.parametrize("name", ["a=b.c", "a\nb.c", "\udcff.c", "a\x1bb.c"])
def test_a_file_name_that_would_be_mistaken_is_refused(folder, name):
    (folder / name).write_text(PROGRAM)
    with pytest.raises(BadInput, match="expected file names"):
        read(folder)


def test_two_sources_of_one_object_are_refused(folder):
    (folder / "a").mkdir()
    for name in ("a/b.c", "a__b.c"):
        (folder / name).write_text(PROGRAM)
    with pytest.raises(BadInput, match="would have one object"):
        read(folder, "sources = ['**/*.c']")


def test_many_stars_do_not_take_for_ever():
    assert not file_patterns._matches("/".join("a" * 40), "/".join(["**"] * 40) + "/y.c")


def test_a_folder_may_become_a_file_and_the_other_way_round(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline/build").mkdir(parents=True)
    (tmp_path / paths.GUEST_CLOCK).write_text("")
    copies = tmp_path / paths.staged_files("prog")
    staging.stage(read(folder, "files = ['data/*']"))
    assert (copies / "data/words.txt").read_text() == "words\n"
    (folder / "data/words.txt").rename(folder / "words.txt")
    (folder / "data").rmdir()
    (folder / "words.txt").rename(folder / "data")
    staging.stage(read(folder, "files = ['data']"))
    assert (copies / "data").read_text() == "words\n"
    (folder / "data").unlink()
    (folder / "data").mkdir()
    (folder / "data/more.txt").write_text("more\n")
    staging.stage(read(folder, "files = ['data/*']"))
    assert [p.name for p in copies.rglob("*")] == ["data", "more.txt"]


def test_a_pipe_is_no_file(folder):
    os.mkfifo(folder / "pipe.c")
    with pytest.raises(BadInput, match=r"pipe\.c: not a file"):
        read(folder)


@given(st.lists(st.sampled_from(["..", ".", "a", "b c", "", "~"]), max_size=6).map("/".join))
def test_what_is_accepted_lies_below(path):
    try:
        found = file_patterns.relative("x", "y", path)
    except BadInput:
        return
    assert not os.path.isabs(found)
    assert os.path.commonpath([os.path.normpath(os.path.join("/top", found)), "/top"]) == "/top"


def test_the_ready_ones_are_read_and_are_more_than_one():
    names = workload_toml.project_workloads()
    assert len(names) >= 7
    for name, folder in names.items():
        found = workload_toml.read(folder, own=True)
        assert found.name == name
        assert found.stresses


def choose(folder=None, **variables):
    return [w.name for w in selection.chosen("m", ["coremark"], variables)]


def test_names_patterns_and_folders_choose(folder):
    (folder / paths.WORKLOAD_TOML).write_text("")
    assert choose() == ["coremark"]
    assert choose(workloads="n*,json") == ["nbody", "json"]
    assert choose(workload=str(folder)) == ["prog"]
    assert choose(workload=f"json,{folder}") == ["json", "prog"]
    assert choose(workload="workloads/json") == ["json"]
    assert choose(workloads="*")[:2] == ["coremark", "calls"]
    assert len(choose(workloads="*")) >= 7


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"workloads": "jsn"}, "did you mean 'json'"),
        ({"workloads": ""}, "workloads= is empty"),
        ({"workload": "/no/such"}, "no such folder"),
        ({"workload": "nonsense"}, "nor a folder with a workload.toml"),
    ],
)
def test_a_mistake_in_the_choice_is_reported(variables, complaint):
    with pytest.raises(BadInput, match=complaint):
        choose(**variables)


@pytest.mark.parametrize("name", ["tune", "certificates", "host.json", "a=b", "a@b", ".hidden", "-x"])
def test_a_name_that_would_be_mistaken_is_refused(tmp_path, name):
    place = tmp_path / name
    place.mkdir()
    (place / "main.c").write_text(PROGRAM)
    with pytest.raises(BadInput, match="name"):
        read(place)


def test_a_folder_with_the_name_of_a_ready_one_is_refused(tmp_path):
    other = tmp_path / "json"
    other.mkdir()
    (other / "main.c").write_text(PROGRAM)
    (other / paths.WORKLOAD_TOML).write_text("")
    with pytest.raises(BadInput, match="a different workload is also called json"):
        choose(workload=str(other))


CASES = """
args = ["-1"]
stdin = "data/words.txt"
[proof]
match = "^ok"
[[case]]
name = "pack"
args = ["-9", "{iterations}"]
[[case]]
args = ["-d", "{iterations}"]
stdin = "data/packed"
files = ["*.h"]
status = 3
text = "done"
"""


def test_cases_have_what_they_do_not_name_from_the_workload(folder):
    (folder / "data/packed").write_text("x")
    found = read(folder, CASES)
    pack, other = found.cases
    assert (pack.name, pack.args, pack.stdin, pack.proof.match) == (
        "pack",
        ("-9", "{iterations}"),
        "data/words.txt",
        "^ok",
    )
    assert (other.name, other.stdin, other.proof.status, other.proof.text) == ("2", "data/packed", 3, "done")
    assert found.iterates
    assert found.files == ("own.h",)
    assert found.timed_cases == (pack, other)
    originals = staging.copies(found)
    assert originals[paths.staged_stdin("prog")] == f"{folder}/data/words.txt"
    assert originals[paths.staged_stdin("prog", "2")] == f"{folder}/data/packed"
    named = read(folder, CASES + "[figure]\ncase = 'pack'")
    assert named.timed_cases == (pack,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[case]]\nname = 'a/b'", "case[0].name: expected a name"),
        ("[[case]]\n[[case]]\nname = '1'", "case: two have the name '1'"),
        ("[[case]]\nargs = [1]", "case[0].args[0]: expected a string, found 1"),
        ("[[case]]\nstdin = '../secret'", "case[0].stdin: '../secret' leads out of its folder"),
        ("[[case]]\nfiles = ['../*']", "files: '../*' leads out of its folder"),
        ("[[case]]\nmatch = '('", "case[0].match: not a regular expression"),
        ("[[case]]\nsha256 = 'x'", "case[0].sha256: expected 64 hexadecimal digits"),
        ("[[case]]\nstatsu = 1", "case[0]: unknown key 'statsu'; did you mean 'status'?"),
        ("[[case]]\nname = 'a'\n[figure]\ncase = 'b'", "figure.case: unknown case 'b'; known: a"),
        ("[figure]\ncase = 'b'", "figure.case: unknown case 'b'"),
        ("[proof]\ntext = 'x'\n[[case]]\n[[case]]", "proof: text and sha256 hold for one output"),
        ("[[case]]\nargs = ['{iterations}']\n[[case]]", "all that are timed have {iterations} in args"),
        ("[[case]]\n" * 21, "case: expected at most 20 tables, each [[case]]"),
        ("[proof]\nnative = false\n[[case]]\ntext = 'x'\n[[case]]", "case[1]: nothing checks the output"),
    ],
)
def test_a_mistake_in_a_case_is_reported(folder, text, complaint):
    with pytest.raises(BadInput) as caught:
        read(folder, text)
    assert complaint in str(caught.value)


def test_a_program_without_a_native_form_may_ask_for_simd(folder):
    found = read(folder, 'native = false\nflags = ["-msimd128"]')
    assert found.flags == ("-msimd128",)
    assert not found.native
    assert found.paired.name == "coremark"
    with pytest.raises(BadInput, match="'-msimd128' is not allowed here"):
        read(folder, 'flags = ["-msimd128"]')
