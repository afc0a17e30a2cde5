"""Checks that every table of matrix.toml gets: types, known keys, numbers within bounds. Raises BadInput."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadInput, near_miss

#: No "=": doit takes a task of such a name for a variable. No "@": a version follows it.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
#: Inclusive bounds; a value outside is a slip, not a wish.
_BOUNDS = {
    "rounds": (1, 1000),
    "pairs": (1, 10000),
    "undisturbed": (1, 10000),
    "half_width_percent": (0.01, 100),
    "budget_s": (1, 10**6),
    "repeats": (1, 1000),
    "chunk_ms": (1, 60000),
    "warmup_chunks": (1, 1000),
    "run_timeout_s": (0.1, 86400),
    "load_timeout_s": (0.1, 86400),
    "memory_mib": (64, 2**20),
    "seed": (0, 2**63),
    "threshold_percent": (0, 99),
}


def read_toml(path: str) -> dict[str, Any]:
    """The content of a TOML file; raises BadInput naming it."""
    import tomli

    try:
        return tomli.loads(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    except (ValueError, RecursionError) as error:  # tomli's own is a ValueError, and so are endless numbers
        raise BadInput(f"{path}: not TOML: {str(error)[:200]}") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; run doit in the project's folder") from None


def typed(path: str, key: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        names = {"list": "a list", "str": "a string", "dict": "a table"}
        raise BadInput(f"{path}: {key}: expected {names[kind.__name__]}, found {value!r}")


def no_nul(path: str, key: str, value: object) -> None:
    """Raises BadInput for text with the one character that no name of a file and no argument can have."""
    if isinstance(value, str) and "\0" in value:
        raise BadInput(f"{path}: {key}: expected text without NUL, found {value[:80]!r}")
    each = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, entry in each:
        no_nul(path, f"{key}.{name}", entry)


def named(path: str, where: str, name: str) -> None:
    """Check a name that a user gives: it becomes part of paths, task names and patterns."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{path}: {where}: not a name; expected letters, digits and . _ + -, "
            "at most 80, starting with a letter or a digit"
        )


def table(path: str, data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A table of tables; missing is empty."""
    found: dict[str, Any] = data.get(key, {})
    for name, entry in found.items():
        typed(path, f"{key}.{name}", entry, dict)
    return found


def only(path: str, where: str, entry: Mapping[str, Any], known: Iterable[str]) -> None:
    known = sorted(known)
    for key in entry:
        if key not in known:
            raise BadInput(f"{path}: {where}: unknown key {key!r}{near_miss(key, known)}")


def given_number(variable: str, key: str, text: str) -> int | float:
    """A number of the command line."""
    value: int | float | str = text
    if re.fullmatch(r"[0-9]+", text):
        value = int(text)
    elif re.fullmatch(r"[0-9]*\.[0-9]+", text):
        value = float(text)
    number(f"command line: {variable}", key, value)
    assert not isinstance(value, str)
    return value


def number(where: str, key: str, value: Any) -> None:
    whole = not key.endswith(("_ms", "_s", "_percent"))
    low, high = _BOUNDS[key]
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise BadInput(f"{where}: expected {kind} from {low} to {high}, found {value!r}")
