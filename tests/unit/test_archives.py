"""A library is the same wherever it was made."""

from toolchain.archives import canonical


def _member(name: bytes, content: bytes) -> bytes:
    header = name.ljust(16) + b"0".ljust(32) + str(len(content)).encode().ljust(10) + b"`\n"
    return header + content + b"\n" * (len(content) % 2)


def _library(place: bytes, content: bytes = b"abc") -> bytes:
    names = b"cache/o/" + place * 32 + b"/one.o/\n"
    return b"!<arch>\n" + _member(b"/", b"index") + _member(b"//", names) + _member(b"/0", content)


def test_the_place_it_was_made_in_is_gone_and_nothing_else():
    assert canonical(_library(b"1")) == canonical(_library(b"2")) != _library(b"1")
    assert canonical(_library(b"1", b"abc")) != canonical(_library(b"1", b"abd"))
    assert len(canonical(_library(b"1"))) == len(_library(b"1"))
    planted = b"x/o/" + b"1" * 32 + b"/"  # in a member's content it stays
    assert planted in canonical(_library(b"2", planted))


def test_what_is_no_archive_or_a_broken_one_is_left_alone():
    for data in (b"", b"\x7fELF", b"!<arch>\n", b"!<arch>\nshort"):
        assert canonical(data) == data
