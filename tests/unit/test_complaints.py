"""Errors and warnings as compilers and linkers print them, one by one."""

from toolchain.complaints import errors, warnings

COMPILER = """In file included from main.c:1:
./own.h:2:1: error: unknown type name 'nat'
    2 | nat count(void);
      | ^
main.c:4:18: warning: unused variable 'x' [-Wunused-variable]
    4 |     int y = 1, x = 2;
      |                ^
main.c:5:3: error: call to undeclared function 'f'; ISO C99 and later [-Wimplicit-function-declaration]
    5 |   f();
      |   ^
main.c:5:3: note: did you mean 'g'?
fatal error: too many errors emitted, stopping now [-ferror-limit=]
1 warning and 3 errors generated.
"""
LINKER = """wasm-ld: warning: function signature mismatch: area
>>> defined as (i32) -> i32 in main.o
>>> defined as (f64) -> f64 in area.o
wasm-ld: error: main.o: undefined symbol: one
wasm-ld: error: main.o: undefined symbol: two
wasm-ld: error: duplicate symbol: main
>>> defined in a.o
>>> defined in b.o
"""
NATIVE = """ld.lld: error: undefined symbol: one
>>> referenced by main.c
>>>               build/main.o:(main)
"""


def test_a_compilers_errors_have_their_places_and_lines():
    first, second = errors(COMPILER)
    assert (first.place, first.file) == ("./own.h:2:1", "./own.h")
    assert first.rest_of_line == "nat count(void);"
    assert second.line == "main.c:5:3: call to undeclared function 'f'; ISO C99 and later"
    assert second.rest_of_line == "f();"
    assert [each.place for each in warnings(COMPILER)] == ["main.c:4:18"]


def test_a_linkers_errors_are_all_there_with_what_it_adds():
    assert [each.line for each in errors(LINKER)] == [
        "wasm-ld: main.o: undefined symbol: one",
        "wasm-ld: main.o: undefined symbol: two",
        "wasm-ld: duplicate symbol: main (defined in a.o, defined in b.o)",
    ]
    assert [each.line for each in errors(NATIVE)] == [
        "ld.lld: undefined symbol: one (referenced by main.c, build/main.o:(main))"
    ]
    (warning,) = warnings(LINKER)
    assert warning.line.endswith(
        "area (defined as (i32) -> i32 in main.o, defined as (f64) -> f64 in area.o)"
    )


def test_what_is_no_complaint_is_none():
    assert errors("") == errors("error\nwarning: \n  error: indented\nall is well\n") == []
