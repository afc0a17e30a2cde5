"""Only the output of a correct run is believed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coremark import validator

#: What our native build printed, shortened by nothing.
GOOD = """2K performance run parameters for coremark.
CoreMark Size    : 666
Total ticks      : 852990
Total time (secs): 0.852990
Iterations/Sec   : 35170.400591
ERROR! Must execute for at least 10 secs for a valid result!
Iterations       : 30000
Compiler version : Clang 22.1.8
Compiler flags   : -O3
Memory location  : STACK
seedcrc          : 0xe9f5
[0]crclist       : 0xe714
[0]crcmatrix     : 0x1fd7
[0]crcstate      : 0x8e3a
[0]crcfinal      : 0x5275
Errors detected
"""


def test_a_good_run_is_believed():
    run = validator.validate(GOOD, validator.PERFORMANCE, 30000)
    assert run.iterations == 30000
    assert run.seconds == 0.852990
    assert run.result == 0x5275
    assert run.score == pytest.approx(35170.400591, rel=1e-6)


@pytest.mark.parametrize("name", ["seedcrc", "crclist", "crcmatrix", "crcstate"])
def test_any_wrong_crc_is_named(name):
    wrong = re.sub(rf"({name}\s+: 0x)....", r"\g<1>1234", GOOD)
    with pytest.raises(validator.Invalid, match=rf"{name} is 0x1234, expected 0x"):
        validator.validate(wrong, validator.PERFORMANCE, 30000)


def test_the_other_seed_set_is_not_taken_for_this_one():
    with pytest.raises(validator.Invalid, match="seedcrc is 0xe9f5, expected 0x18f2"):
        validator.validate(GOOD, validator.VALIDATION, 30000)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("0.852990\n", "0.000000\n", "stands still or is wrong"),
        ("0.852990\n", "nan\n", "no line"),
        ("0.852990\n", "-1.0\n", "no line"),
        ("35170.4", "70340.8", "it says 70340.8 iterations/s, but 30000 in"),
        ("Iterations       : 30000", "Iterations       : 3", "it did 3 iterations"),
        ("2K perf", "[0]ERROR! list crc 0x0000 - should be 0xe714\n2K perf", "CoreMark says"),
        ("seedcrc          : 0xe9f5\n", "seedcrc          : 0xe9f5\n" * 2, "2 lines"),
        ("[0]crcfinal      : 0x5275\n", "", "no line '\\[0\\]crcfinal'"),
    ],
)
def test_what_is_wrong_is_said(old, new, complaint):
    assert old in GOOD
    with pytest.raises(validator.Invalid, match=complaint):
        validator.validate(GOOD.replace(old, new), validator.PERFORMANCE, 30000)


@given(st.text())
def test_rubbish_is_refused_and_nothing_else_happens(text):
    with pytest.raises(validator.Invalid):
        validator.validate(text, validator.PERFORMANCE, 1)


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_one_changed_character_never_gives_another_score(position, character):
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    try:
        run = validator.validate(changed, validator.PERFORMANCE, 30000)
    except validator.Invalid:
        return
    assert run.score == pytest.approx(30000 / 0.852990, rel=1e-4)


def test_arguments_are_seeds_and_iterations():
    assert validator.arguments(validator.VALIDATION, 7) == [
        "coremark",
        "0x3415",
        "0x3415",
        "0x66",
        "7",
    ]
