"""What a difference between two outputs looks like, and the keys of workload.toml that help."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

from pipeline.workloads.output_difference import LineDifference, OutputDifference

_TOKEN = re.compile(
    r"0[xX][0-9a-fA-F]+|\d+[-/:.]\d+[-/:.]\d+|-?nan|(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|-?\d+|\w+|[^\w\s]",
    re.ASCII,
)
#: Of up to 48 bits; longer ones, and those after such a word, are checksums.
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{1,12}|(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,12}")
_CHECKSUM = re.compile(r"sum|hash|crc|digest|md5|sha", re.IGNORECASE)
_DATE = re.compile(r"\d+[-/:.]\d+[-/:.]\d+|Mon|Tue|Wed|Thu|Fri|Sat|Sun")
_ABOUT_TIME = re.compile(
    r"time|elapsed|second|duration|took|clock|\bcpu\b|\d ?(?:s|ms|us|µs|ns|sec|secs|msec|usec)\b|/s\b",
    re.IGNORECASE,
)
_FAST_MATH = ("-Ofast", "-ffast-math", "-funsafe-math-optimizations", "-fassociative-math")
#: Relative difference of two numbers that were only rounded differently.
_ROUNDED = 1e-3
_IGNORE = "name such lines in proof.ignore"
_BITS = "long, size_t and pointers have 32 bits in wasm, and 64 natively"
_KEYS = f"{_IGNORE} (or set proof.native = false)"


def not_the_same_each_time(difference: OutputDifference) -> str:
    """The reason where two runs of the native build print different things."""
    found = difference.text("a second prints")
    reason = f"the program does not print the same each time: in one native run {found}"
    return f"{reason}; {unsteady(difference.lines[0])}"


def unsteady(line: LineDifference) -> str:
    """What differs from run to run, as it looks, and the keys that help."""
    one, other = _first_tokens(line)
    if _is_address(line):
        return f"it looks like an address: {_KEYS}"
    if any(map(_DATE.fullmatch, (one, other))):
        return f"it looks like a date or a time of day: {_KEYS}"
    if _numbers(one, other) and _is_about_time(line):
        return f"it looks like a time: name the one to compare in figure.match, or {_KEYS}"
    return f"random numbers, times, addresses and unset memory do so: {_KEYS}"


def in_wasm(line: LineDifference, flags: Sequence[str] = ()) -> str:
    """Why all of wasm, compiled with these flags, prints what native does not, and the keys that help."""
    if fast := [flag for flag in flags if flag in _FAST_MATH]:
        return f"{fast[0]} lets a compiler change the results of floating-point arithmetic"
    one, other = _first_tokens(line)
    keys = f"if both are right, {_KEYS}"
    numbers = _numbers(one, other)
    if _is_address(line):
        return f"it looks like an address, which natively is a different one; {keys}"
    if "nan" in one.lower() and "nan" in other.lower():
        return f"the sign of a NaN is not determined in wasm; {keys}"
    if numbers and _rounded(numbers):
        return (
            "the last digits of floating-point numbers differ: long double, fused multiply-add and -Ofast "
            f"round differently; {keys}"
        )
    if numbers and _narrow(numbers):
        return f"{_BITS}; types of a fixed size, such as uint64_t, give the same everywhere"
    if numbers and _is_about_time(line):
        return f"it looks like a time: name it in figure.match, or {_IGNORE}"
    return f"{_BITS}; files, users, time zones and character sets differ as well; {keys}"


def may_be_time(line: LineDifference) -> bool:
    """Whether two outputs differ in a number that may be a time."""
    tokens = _first_tokens(line)
    return _numbers(*tokens) is not None and (_is_about_time(line) or any("." in each for each in tokens))


def of_native_flags(line: LineDifference, flags: Sequence[str]) -> str:
    """Why a native build prints something else than the reference, which has other flags."""
    fast = any(flag in _FAST_MATH for flag in flags)
    cause = in_wasm(line, flags) if fast else "the program relies on what C does not define, or flags decide"
    return f"{line.text('the reference prints')}; {cause}"


#: What to do about a number that may be a time.
TIME_KEYS = f"if that is a time, name it in figure.match, or {_IGNORE}"


def _first_tokens(line: LineDifference) -> tuple[str, str]:
    """The first words or numbers of both lines that differ; "" where one has no more."""
    return _first_tokens_after(line)[1:]


def _first_tokens_after(line: LineDifference) -> tuple[str, str, str]:
    """The same, after the word before them."""
    found, expected = (_TOKEN.findall((text or "").strip("…'")) for text in (line.found, line.expected))
    before = ""
    for one, other in itertools.zip_longest(found, expected, fillvalue=""):
        if one != other:
            return before, one, other
        before = one if one[0].isalnum() else before
    return before, "", ""


def _numbers(one: str, other: str) -> tuple[float, float] | None:
    try:
        return float(one), float(other)
    except ValueError:
        return None


def _is_address(line: LineDifference) -> bool:
    before, *tokens = _first_tokens_after(line)
    return not _CHECKSUM.search(before) and any(map(_ADDRESS.fullmatch, tokens))


def _is_about_time(line: LineDifference) -> bool:
    return any(_ABOUT_TIME.search(text or "") for text in (line.found, line.expected))


def _rounded(numbers: tuple[float, float]) -> bool:
    one, other = numbers
    whole = one.is_integer() and other.is_integer()
    return not whole and math.isclose(one, other, rel_tol=_ROUNDED)


def _narrow(numbers: tuple[float, float]) -> bool:
    """Whether the second has more than 32 bits, or both are sizes of a type."""
    found, native = numbers
    return (abs(native) >= 2**31 and native.is_integer()) or (native, found) in ((8, 4), (16, 8), (64, 32))
