"""What ``doit run new`` writes and says: a first workload.toml, what was left out, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.workloads import build_files, workload_toml
from pipeline.workloads.program_choice import Choice
from pipeline.workloads.source_tree import Found
from toolchain.model import MATH

_TEXT = """# docs/workloads.md explains all keys. To measure this program, run: doit run workload={word}
title = {title}
{program}{form}
# Arguments of the program. In place of "{{iterations}}" it gets a number with which one run takes about
# 5 ms. Without "{{iterations}}" the whole program is timed a few times.
args = []

# stdin = "input.txt"          # its standard input
# files = ["data/*.txt"]       # files that it may open, by the same names
# env = {{ MODE = "fast" }}      # its environment
{libraries}
{defines}

{native}
[proof]
{proof}
# text = "42\\n"
# match = '^ok '
# ignore = ['^time: ']         # lines that differ from run to run

# The time is that of the whole program, by its own clock. A time that the program prints is used with:
# [figure]
# match = 'time: ([0-9.]+) s'
"""
#: What a header or a name asks for, where WASI has it only on demand.
_EMULATED = (
    ("wasi-emulated-signal", {"signal.h"}, {"signal", "raise"}),
    ("wasi-emulated-mman", {"sys/mman.h"}, set[str]()),
    ("wasi-emulated-process-clocks", {"sys/times.h", "sys/resource.h"}, {"clock", "times", "getrusage"}),
    ("wasi-emulated-getpid", set[str](), {"getpid"}),
)
_NATIVE = (
    "# The output must equal that of the native build. It may also be compared with a text or a pattern:"
)
_FORM = "native = false\n{flags}"
_NO_NATIVE = """# {used}, so there is no native build: backends are compared with
# each other, and must print the same. It may also be compared with a text or a pattern:"""
#: What compiles for WebAssembly only, unless the file asks which target it is.
_WASM_ONLY = re.compile(
    r"^[ \t]*#[ \t]*include[ \t]*<((?:wasm_simd128\.h|wasi/[\w./]+))>|\b(__builtin_wasm_\w+)", re.MULTILINE
)
_ASKS_TARGET = re.compile(r"\b__(?:wasm|wasm32|wasm__|wasm32__|wasi__|wasm_simd128__)\b")
_MOST_ENTRIES, _MOST_SHOWN = 40, 8


def toml(word: str, title: str, choice: Choice, files: Sequence[str], root: str) -> str:
    """The text of a workload.toml for a choice of files."""
    libraries = _libraries(choice)
    only = wasm_only(choice, root)
    asked = (
        f"libraries = {_list(libraries)}"
        if libraries
        else '# libraries = ["m"]            # linked in addition to the C library'
    )
    return _TEXT.format(
        word=word,
        title=_quoted(title),
        program=_program(choice, files),
        form=_FORM.format(flags='flags = ["-msimd128"]\n' if "simd128" in only else "") if only else "",
        libraries=asked,
        native=_NO_NATIVE.format(used=only) if only else _NATIVE,
        proof="# native = true" if only else "native = true",
        defines=_defines(root),
    )


def wasm_only(choice: Choice, root: str) -> str:
    """What of the sources has no native form, in words; "" if nothing has."""
    for source in choice.sources:
        text = Path(root, source).read_text("utf-8", "replace")
        found = _WASM_ONLY.search(text)
        if found and not _ASKS_TARGET.search(text):
            return f"{_comment(source)} uses {found[1] or found[2]}"
    return ""


def _program(choice: Choice, files: Sequence[str]) -> str:
    """The keys that say what is compiled."""
    reasons = dict.fromkeys(choice.others, "own main")
    reasons.update((name, "included by others") for name in choice.included)
    reasons.update((name, f"not used by {choice.main}") for name in choice.unused)
    present = [name for name in files if name.endswith(workload_toml.SUFFIXES)]
    left = {name: reasons[name] for name in present if name not in choice.sources and name in reasons}
    entries = _entries(left, choice.sources)
    if not left or (len(entries) > _MOST_ENTRIES and len(choice.sources) < len(entries)):
        lines = [f"sources = {_list(sorted(map(_pattern, choice.sources)))}"]
    else:
        ends = sorted({Path(name).suffix for name in choice.sources})
        lines = [
            f"sources = {_list([f'**/*{end}' for end in ends])}",
            "# No part of the program:",
            "exclude = [",
        ]
        lines += [f"    {_quoted(entry)},  # {_comment(reason)}" for entry, reason in entries]
        lines.append("]")
    if choice.includes:
        lines.append(f"includes = {_list(choice.includes)}")
    for header, source in choice.missing.items():
        lines.append(
            f"# {_comment(source)} includes {_comment(header)}, which is not here: see docs/trouble.md"
        )
    return "\n".join(lines) + "\n"


def _entries(left: Mapping[str, str], kept: Sequence[str]) -> list[tuple[str, str]]:
    """(pattern, reason) that name these files and none that is kept: a folder where all in it is left out."""
    folders: dict[str, list[str]] = {}
    entries = []
    for name in sorted(left):
        parts = name.split("/")[:-1]
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        whole = next((each for each in above if not any(k.startswith(f"{each}/") for k in kept)), None)
        if whole is None:
            entries.append((_pattern(name), left[name]))
        else:
            folders.setdefault(whole, []).append(left[name])
    whole_folders = [(f"{_pattern(name)}/**", _why(reasons)) for name, reasons in folders.items()]
    return [*whole_folders, *entries]


def _why(reasons: Sequence[str]) -> str:
    count = f"{len(reasons)} files" if len(reasons) > 1 else "1 file"
    kinds = list(dict.fromkeys(reasons))
    words = [kind if len(kinds) == 1 else f"{kind} ({reasons.count(kind)})" for kind in kinds]
    return f"{count}: {', '.join(words)}"


def notes(choice: Choice, found: Found, files: Sequence[str], root: str) -> Iterator[str]:
    """What a user should know of the choice, a line each."""
    if only := wasm_only(choice, root):
        yield f"no native form: {only}; with native = false backends are compared with each other"
    more = len(choice.sources) - 1
    if more or choice.others or choice.unused:
        yield f"program: {choice.main}, with {more} more source{'s' if more != 1 else ''}"
    if choice.others:
        yield f"other programs: {_some(choice.others)}; to take one of them, add: main=FILE"
    if choice.unused:
        yield f"not used by it: {_some(choice.unused)}"
    for name, reason in list(found.left_out.items())[:_MOST_SHOWN]:
        yield f"left out: {name}: {reason}"
    if len(found.left_out) > _MOST_SHOWN:
        yield f"left out: {len(found.left_out) - _MOST_SHOWN} more"
    for symbol, places in list(choice.ambiguous.items())[:_MOST_SHOWN]:
        taken = next((name for name in places if name in choice.sources), "none")
        yield f"{symbol} is defined in {_some(places)}; taken: {taken}"
    for header, source in choice.missing.items():
        made = build_files.template(header, root)
        hint = f"a build makes it from {made}" if made else "a build may make it"
        yield f"missing: {header}, which {source} includes; {hint}: put it next to {source}"
    if found.others:
        size = f"{found.other_bytes / 1e6:.1f} MB"
        yield f"not copied: {found.others} other files, {size}; those that it reads belong in files or stdin"


def _libraries(choice: Choice) -> list[str]:
    """What is linked in addition, by the headers that the program includes and the names that it uses."""
    headers = set(choice.system)
    found = [MATH] if headers & {"math.h", "tgmath.h", "complex.h", "cmath"} else []
    asked = [name for name, wanted, calls in _EMULATED if headers & wanted or choice.used & calls]
    return [*found, *asked]


def _defines(root: str) -> str:
    """A line with the macros that the project's build defines, for the user to judge."""
    macros = build_files.macros(root)
    if not macros:
        return "# defines = { N = 1000 }"
    values = {
        name: "true" if not value else value if value.isdigit() else _quoted(value)
        for name, value in macros.items()
    }
    shown = ", ".join(f"{name} = {value}" for name, value in list(values.items())[:_MOST_SHOWN])
    return f"# defines = {{ {shown} }}  # as in the project's build: judge each"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_SHOWN])
    return shown if len(names) <= _MOST_SHOWN else f"{shown} and {len(names) - _MOST_SHOWN} more"


def _pattern(name: str) -> str:
    """A pattern that matches this name only."""
    return re.sub(r"([\[*?])", r"[\1]", name)


def _list(words: Sequence[str]) -> str:
    whole = f"[{', '.join(map(_quoted, words))}]"
    if len(whole) <= 90:
        return whole
    return "[\n" + "".join(f"    {_quoted(word)},\n" for word in words) + "]"


def _comment(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
