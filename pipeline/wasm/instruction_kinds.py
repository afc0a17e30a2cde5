"""What kind of instruction a mnemonic is, for tables of counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

#: (kind, what its mnemonics look like); the first that matches counts. Garbage collection is "other".
_PATTERNS = (
    ("simd", r"(v128|[if]\d+x\d+)\."),
    ("atomic", r".*\batomic\."),
    ("call", r"(return_)?call"),
    ("parametric", r"drop|select"),
    ("local", r"local\."),
    ("global", r"global\."),
    ("bulk memory", r"memory\.(init|copy|fill)|data\.drop"),
    ("memory", r"memory\."),
    ("table", r"table\.|elem\."),
    ("reference", r"ref\."),
    ("load", r".*\.load"),
    ("store", r".*\.store"),
    ("constant", r".*\.const"),
    ("conversion", r"[if]\d+\.(wrap|trunc_|extend_|convert|demote|promote|reinterpret)"),
    ("compare", r"[if]\d+\.(eqz?|ne|[lg][te](_[su])?)$"),
    ("integer", r"i\d+\."),
    ("float", r"f\d+\."),
    ("other", r".*\."),
    ("control", r""),
)
#: In the order of tables.
KINDS = (
    "control",
    "call",
    "parametric",
    "local",
    "global",
    "table",
    "reference",
    "load",
    "store",
    "memory",
    "bulk memory",
    "constant",
    "integer",
    "compare",
    "float",
    "conversion",
    "simd",
    "atomic",
    "other",
)


@cache
def kind(mnemonic: str) -> str:
    """One of KINDS."""
    return next(name for name, pattern in _PATTERNS if re.match(pattern, mnemonic))


def count(code: Iterable[str]) -> Counter[str]:
    """How many instructions of each kind are in the lines of a function's text."""
    kinds = Counter(kind(line.partition(" ")[0]) for line in code if not line.startswith("("))
    kinds["control"] += 1  # the last "end", which the text does not have
    return kinds
