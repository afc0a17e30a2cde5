"""``doit run new`` on whole repositories: which files make the program, what is left out, and why."""

import os

import pytest
import tomli

from pipeline.core.errors import BadInput
from pipeline.workloads import c_text, scaffold, workload_toml

#: A repository as people have them: {name: content}.
REPOSITORY = {
    "Makefile": "CFLAGS = -O2 -DTABLE_BITS=12 -DFAST\n# CFLAGS += -DOLD\n",
    "src/pack.c": '#include "pack.h"\n#include "impl.c"\n#include <math.h>\n'
    "static const struct step { int (*run)(int); } steps[] = { { by_table } };\n"
    "int main(int argc, char **argv) { return (int)sqrt(SQUARE(argc)) - argc + steps[0].run(0) + own(); }\n",
    "src/impl.c": "static int own(void) { return 0; }\n",
    "src/table é's.c": '#include "pack.h"\nint by_table(int i) { return i * limit; }\n',
    "src/limit.c": "int limit = 3;\n",
    "src/twice[1].c": "int twice (int i)\n{ return 2 * i; }\n",
    "include/pack.h": "#ifndef PACK_H\n#define PACK_H\n#define SQUARE(x) ((x) * (x) + 0 * twice(x))\n"
    "int by_table(int), twice(int), unused(int);\nextern int limit;\n#endif\n",
    "src/unused.c": "int unused(int i) { return i; }\n",
    "src/windows.c": "#ifdef _WIN32\n#include <windows.h>\nint limit = 4;\n#endif\n",
    "src/selftest.c": "int more;\n#ifdef SELFTEST\nint main(void) { return 1; }\n#endif\n",
    "tests/test_pack.c": '#include "../src/impl.c"\nint main(void) { return own(); }\n',
    "tests/limit.c": "int limit = 4;\n",
    "examples/a/hello.c": "int main(void) { return 0; }\n",
    "examples/b/hello.c": "int\nmain(argc, argv)\n int argc; char **argv;\n{ return 0; }\n",
    "tool.c": "int main() { return 0; }\n",
    "a=b.c": "int a;\n",
    "build/CMakeCache.txt": "",
    "build/CMakeFiles/3.28/CompilerIdC/CMakeCCompilerId.c": "int main(void) { return 0; }\n",
    ".git/hooks/x.c": "int main(void) { return 0; }\n",
    "data/huge.bin": "x" * 100_000,
}


@pytest.fixture
def repository(tmp_path):
    place = tmp_path / "pack"
    for name, content in REPOSITORY.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    (tmp_path / "secret.c").write_text("int secret;\n")
    (place / "src/leak.c").symlink_to("../../secret.c")
    (place / "linked").symlink_to("src")
    return place


def new(tmp_path, repository, main=None):
    made = tmp_path / "made" / "mine"
    scaffold.create(str(made), str(repository), main)
    return made, workload_toml.read(str(made))


def test_the_program_is_what_its_main_uses(repository, tmp_path, capsys):
    made, found = new(tmp_path, repository)
    assert sorted(found.sources) == [
        "guest_clock.c",
        "src/limit.c",
        "src/pack.c",
        "src/table é's.c",
        "src/twice[1].c",
    ]
    assert found.includes == ("include",)
    assert found.libraries == ("m",)
    assert "src/impl.c" in found.headers
    printed = capsys.readouterr().out
    assert "program: src/pack.c, with 3 more sources" in printed
    assert "other programs: examples/a/hello.c, examples/b/hello.c, tests/test_pack.c, tool.c;" in printed
    assert "not used by it: src/selftest.c, src/unused.c, src/windows.c, tests/limit.c" in printed
    assert "left out: a=b.c: its name has '='" in printed
    assert "left out: src/leak.c: is a link out of its folder" in printed
    assert "left out: linked/: a link to a folder" in printed
    assert "left out: build/: made by a build" in printed
    assert "not copied: 2 other files, 0.1 MB" in printed
    assert "missing" not in printed
    assert not (made / "data").exists()
    assert not (made / "src/leak.c").exists()


def test_what_is_left_out_is_excluded_with_its_reason(repository, tmp_path):
    made, _ = new(tmp_path, repository)
    text = (made / "workload.toml").read_text()
    assert tomli.loads(text)["exclude"] == [
        "examples/**",
        "tests/**",
        "src/impl.c",
        "src/selftest.c",
        "src/unused.c",
        "src/windows.c",
        "tool.c",
    ]
    assert '"examples/**",  # 2 files: own main\n' in text
    assert '"tests/**",  # 2 files: not used by src/pack.c (1), own main (1)\n' in text
    assert '"src/impl.c",  # included by others\n' in text
    assert "# defines = { TABLE_BITS = 12, FAST = true }  # as in the project's build" in text
    assert "OLD" not in text


def test_another_of_its_programs_can_be_named(repository, tmp_path):
    _, found = new(tmp_path, repository, "tests/test_pack.c")
    assert found.sources == ("tests/test_pack.c", "guest_clock.c")
    assert "src/impl.c" in found.headers
    with pytest.raises(
        BadInput, match=r"main: 'tests/tset_pack\.c': no such file; did you mean 'tests/test_"
    ):
        new(tmp_path / "more", repository, "tests/tset_pack.c")


def test_a_folder_without_a_program_says_so(tmp_path):
    with pytest.raises(BadInput, match="no file there has a function main"):
        new(tmp_path, _library(tmp_path))


def _library(tmp_path):
    place = tmp_path / "library"
    place.mkdir()
    (place / "one.c").write_text("int one(void) { return 1; }\n")
    return place


def test_a_header_that_a_build_makes_is_named(repository, tmp_path, capsys):
    (repository / "src/limit.c").write_text('#include "config.h"\nint limit = 3;\n')
    (repository / "cmake").mkdir()
    (repository / "cmake/config.h.in").write_text("")
    (repository / "src/table é's.c").write_text("#include <zstd.h>\nint by_table(int i) { return limit; }\n")
    message = "missing: config.h, which src/limit.c includes; a build makes it from cmake/config.h.in"
    made, _ = new(tmp_path, repository)
    printed = capsys.readouterr().out
    assert message in printed
    assert "missing: zstd.h, which src/table é's.c includes" in printed
    assert "# src/limit.c includes config.h, which is not here" in (made / "workload.toml").read_text()


def test_too_many_files_are_not_copied_unless_they_are_used(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scaffold, "_MOST_COPIED", 5)
    made, found = new(tmp_path, repository)
    copied = sorted(os.path.relpath(p, made) for p in made.rglob("*") if p.is_file())
    assert "tool.c" not in copied
    assert {*found.sources} - {"guest_clock.c"} <= {*copied}
    assert "include/pack.h" in copied
    assert "left out: " in capsys.readouterr().out


def test_of_two_definitions_the_nearest_is_taken_and_that_is_said(repository, tmp_path, capsys):
    (repository / "lib").mkdir()
    (repository / "lib/limit.c").write_text("int limit = 5;\n")
    _, found = new(tmp_path, repository)
    assert "src/limit.c" in found.sources
    assert "lib/limit.c" not in found.sources
    assert "limit is defined in lib/limit.c, src/limit.c, tests/limit.c; taken: src/limit.c" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("text", "main"),
    [
        ("int main(void) { return 0; }", True),
        ("int main(argc, argv) int argc; char **argv; { return 0; }", True),
        ("auto main() -> int { return 0; }", True),
        ("int main(int argc,\n char *argv[])\n{", True),
        ("int main(void);", False),
        ("/* int main(void) { } */", False),
        ("// int main(void) { }", False),
        ('const char *s = "int main(void) { }";', False),
        ("#if 0\nint main(void) { }\n#endif", False),
        ("#ifdef NEVER\nint main(void) { }\n#else\n#endif", False),
        ("#ifdef NEVER\n#else\nint main(void) { }\n#endif", True),
        ("#ifndef NEVER\nint main(void) { }\n#endif", True),
        ("#if defined(KNOWN)\nint main(void) { }\n#endif", True),
        ("#if defined(_WIN32)\nint main(void) { }\n#endif", False),
        ("#if A + B > 3\nint main(void) { }\n#endif", True),
        ("static int main_loop(void) { return main(); }", False),
        ("struct s { int (*main)(void); };", False),
    ],
)
def test_a_main_is_found_where_there_is_one(text, main):
    assert c_text.read(text, {"KNOWN"}).main is main


@pytest.mark.parametrize(
    ("text", "defined"),
    [
        ("int f(void) { return g(); }", {"f"}),
        ("static int f(void) { return 1; }", set()),
        ("#define local static\nlocal int f(void) { return 1; }", set()),
        ("int API(f)(int a) { return 1; }", {"f"}),
        ("EXPORT(int) f(int a) { return 1; }", {"f"}),
        ("__attribute__((noinline)) int f(void) { return 1; }", {"f"}),
        ("int f(a) int a; { return 1; }", {"f"}),
        ("int f(int a); extern int b; typedef int c;", set()),
        ("int a, *b[3] = { 0 }; const char d[] = { 1 };", {"a", "d"}),
        ('extern "C" { int f(void) { return 1; } }', {"f"}),
        ("namespace n { int f() { return 1; } }", {"f"}),
        ("int T::close(int a) { return 1; }\nT::T() : a(1) { }\nT::~T() { }", {"T"}),
        ("struct s { int f; }; enum { a, b };", set()),
        ("struct s;", set()),
    ],
)
def test_what_other_files_can_use_is_found(text, defined):
    assert c_text.read(text, set()).defined == defined


def written(tmp_path, text):
    source = tmp_path / "main.c"
    source.write_text(text)
    scaffold.create(f"{tmp_path}/made/mine", str(source))
    return (tmp_path / "made/mine/workload.toml").read_text()


def test_a_program_for_wasm_only_gets_no_native_build(tmp_path):
    text = written(tmp_path, "#include <wasm_simd128.h>\nint main(void) { return 0; }\n")
    assert 'native = false\nflags = ["-msimd128"]\n' in text
    assert "# native = true" in text


def test_a_program_that_asks_for_its_target_has_a_native_form(tmp_path):
    guarded = "#ifdef __wasm_simd128__\n#include <wasm_simd128.h>\n#endif\nint main(void) { return 0; }\n"
    assert "native = false" not in written(tmp_path, guarded)
