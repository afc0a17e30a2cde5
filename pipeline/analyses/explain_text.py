"""explain.json's content as a text for people: tables with a column an artifact, then a paragraph a pair."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from pipeline.analyses.explain_model import (
    ChangedFunction,
    ExplainedArtifact,
    Explanation,
    FunctionSizes,
    ModuleContents,
    PairOfArtifacts,
)
from pipeline.wasm.instruction_kinds import KINDS

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH = 110
#: Artifacts in one table, so that it is no wider than that.
_COLUMNS = 6
_MOST_ROWS = 40
#: Functions named in a sentence; the table and explain.json have the others.
_MOST_NAMES = 20
_NAME_WIDTH = 36
_NOTHING = "–"
_SIZES = (
    ("file, bytes", attrgetter("bytes")),
    ("code section, bytes", attrgetter("code_bytes")),
    ("static data, bytes", attrgetter("data_bytes")),
    ("functions", attrgetter("functions")),
)


def render(found: Explanation) -> str:
    """The text, at most 110 columns wide."""
    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False)
    present = {a.artifact: a.contents for a in found.artifacts if a.contents is not None}
    label = _labels(found.artifacts)
    for a in found.artifacts:
        text = _commands(a) if a.contents is not None else f"not there: {a.reason}"
        console.print(Text(f"{label[a.artifact]}: {text}"))
    for names in _batched(present):
        console.print(_summary({name: present[name] for name in names}, label))
    for own in _by_workload(present):
        functions = [f for f in found.functions if any(f.bytes.get(name) is not None for name in own)]
        for names in _batched(own):
            console.print(_functions(functions, names, label))
    for pair in found.pairs:
        for line in _pair(pair, label):
            console.print(Text(line))
        console.print()
    if found.pairs:
        console.print(Text(_note(present.values())))
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def _batched(artifacts: Iterable[str]) -> Iterator[list[str]]:
    """As many as one table has columns for."""
    rest = iter(artifacts)
    while names := list(islice(rest, _COLUMNS)):
        yield names


def _labels(artifacts: Sequence[ExplainedArtifact]) -> dict[str, str]:
    """The variant's name, with the workload's and the toolchain's where there are several."""
    names = [a.names for a in artifacts]
    shown = [place for place in (0, 1) if len({name[place] for name in names}) > 1]
    return {"/".join(name): "/".join(name[place] for place in (*shown, 2)) for name in names}


def _by_workload(artifacts: Iterable[str]) -> list[list[str]]:
    """Different programs have different functions."""
    found: dict[str, list[str]] = {}
    for artifact in artifacts:
        found.setdefault(artifact.partition("/")[0], []).append(artifact)
    return list(found.values())


def _commands(artifact: ExplainedArtifact) -> str:
    """All that makes a variant: the options of compiler, linker and wasm-opt."""
    parts = [" ".join(artifact.flags) or "no flags"]
    if artifact.link:
        parts.append(f"linked with {' '.join(artifact.link)}")
    if artifact.wasm_opt is not None:
        parts.append(f"then wasm-opt {' '.join(artifact.wasm_opt)}")
    return ", ".join(parts)


def _table(first: str, artifacts: Iterable[str], label: dict[str, str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True, overflow="ellipsis", max_width=_NAME_WIDTH)
    for artifact in artifacts:
        title = label[artifact].replace("/", "/\n")
        table.add_column(Text(title), justify="right", overflow="fold")
    return table


def _summary(artifacts: Mapping[str, ModuleContents], label: dict[str, str]) -> Table:
    table, modules = _table("artifact", artifacts, label), artifacts.values()
    for title, size in _SIZES:
        table.add_row(title, *(f"{size(each):,}" for each in modules))
    table.add_section()
    table.add_row("instructions", *(f"{sum(each.instructions.values()):,}" for each in modules))
    for kind in KINDS:
        counts = [each.instructions.get(kind, 0) for each in modules]
        if any(counts):
            table.add_row(f"  {kind}", *(f"{n:,}" if n else _NOTHING for n in counts))
    table.add_section()
    table.add_row("features used")
    for feature in sorted({feature for each in modules for feature in each.features or ()}):
        table.add_row(f"  {feature}", *(_used(feature, each.features) for each in modules))
    if any(each.features is None for each in modules):
        table.add_row("  unknown", *("yes" if each.features is None else _NOTHING for each in modules))
    return table


def _used(feature: str, features: Sequence[str] | None) -> str:
    if features is None:
        return "unknown"
    return "yes" if feature in features else _NOTHING


def _functions(functions: Sequence[FunctionSizes], names: Sequence[str], label: dict[str, str]) -> Table:
    from rich.text import Text

    table = _table("function, bytes", names, label)
    listed = [f for f in functions if not f.same]
    for f in islice(listed, _MOST_ROWS):
        sizes = [f.bytes[name] for name in names]
        table.add_row(Text(f.function), *(_NOTHING if n is None else f"{n:,}" for n in sizes))
    for rest, what in (
        (listed[_MOST_ROWS:], "that differ" if len(listed) < len(functions) else "more"),
        ([f for f in functions if f.same], "the same in all"),
    ):
        if rest:
            sums = [sum(f.bytes[name] or 0 for f in rest) for name in names]
            table.add_row(f"… and {_count(len(rest), 'function')} {what}", *(f"{n:,}" for n in sums))
    return table


def _pair(pair: PairOfArtifacts, label: dict[str, str]) -> list[str]:
    both = f"{label[pair.one]} and {label[pair.other]}"
    if pair.same_file:
        return [f"{both} are the same file, byte for byte."]
    if pair.same_code:
        return [f"{both} give the same code; the files differ in static data, names or order."]
    same = f"{_count(pair.same_functions, 'function')} of {pair.same_bytes:,} bytes"
    changed = _enumerated([_changed(f) for f in pair.changed]) or "what is in one of them only"
    found = [f"{both} give the same code ({same}) except in: {changed}."]
    gone = [f"{f.function} ({f.bytes:,} bytes{_callers(f.callers)})" for f in pair.gone]
    new = [f"{f.function} ({f.bytes:,} bytes)" for f in pair.new]
    for what, names in (("Inlined or removed", gone), ("New", new)):
        if names:
            found.append(f"{what} in {label[pair.other]}: {_enumerated(names)}.")
    return found


def _changed(f: ChangedFunction) -> str:
    one, other = f.one_bytes, f.other_bytes
    sizes = f"{one:,} bytes in both" if one == other else f"{one:,} → {other:,} bytes"
    return f"{f.function} ({sizes})"


def _callers(names: Sequence[str] | None) -> str:
    return f", called by {_enumerated(names, most=3)}" if names else ""


def _enumerated(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _note(modules: Iterable[ModuleContents]) -> str:
    ranges = dict.fromkeys(each.static_data for each in modules if each.static_data[1])
    shown = ", ".join(f"{low:#x} to {high - 1:#x}" for low, high in ranges) or "none here"
    return (
        "Code is compared with calls by name, types by signature, and all numbers that can be addresses of "
        f"static data ({shown}) taken as equal: the flags' own text is part of the data and shifts it."
    )
