"""Why cells have no number, each reason once: cells whose reasons differ only in numbers and names are one
failure, with the cells that it holds for in few words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.core.model import Status
from pipeline.results.model import HostResults
from pipeline.results.model_cell import CellResult

#: What is most likely to be looked for comes first.
_ORDER = (Status.CRASH, Status.TRAP, Status.INVALID, Status.TIMEOUT, Status.UNAVAILABLE)
_SOME_ROUNDS = re.compile(r"^round \d+ of \d+: ")
#: What was not there, in reasons of measure_round: the same compiler's words stand for both.
_OF_WHAT = re.compile(r"^(artifact|reference): ")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
#: A backend whose name is a word of reasons: the reference is native, too.
_NATIVE = "native"
#: More variants than this are not listed where all are meant.
_FEW_VARIANTS = 3
#: More groups of cells than this are counted.
_MOST_PARTS = 3


@dataclass(frozen=True)
class Failure:
    """Cells without a number that have one reason."""

    status: Status
    reason: str
    cells: tuple[CellResult, ...]
    where: str  # "O1, O2 under wasmtime.*", "all wasm cells"

    @property
    def text(self) -> str:
        return f"{self.status.value}: {self.reason}"


def failures(results: HostResults) -> list[Failure]:
    """Everything that has no number: what went wrong first, then what is not available."""
    groups: dict[str, list[CellResult]] = {}
    for cell in results.cells:
        if not cell.is_ok:
            groups.setdefault(kind_of(cell.status, str(cell.reason), _names_of(cell)), []).append(cell)
    found = [
        Failure(cells[0].status, _reason(cells), tuple(cells), cells_in_words(cells, results.cells))
        for cells in groups.values()
    ]
    return sorted(found, key=lambda failure: _ORDER.index(failure.status))


def kind_of(status: Status, reason: str, names: Sequence[str]) -> str:
    """What failures with one reason have in common; ``names``: workload, toolchain, variant, backend."""
    workload, toolchain, variant, backend = names
    text = _OF_WHAT.sub("", _SOME_ROUNDS.sub("", reason))
    quoted = _QUOTED.search(text)
    for name in (backend, _runtime(backend), variant, toolchain, workload):
        if name != _NATIVE:
            text = _named(name).sub("_", text)
    text = _NUMBER.sub("0", _QUOTED.sub("''", text))
    # What a program printed says something of that program only.
    return f"{status.value}: {text}" + (f" in {workload}" if quoted else "")


def _names_of(cell: CellResult) -> tuple[str, str, str, str]:
    return cell.workload, cell.toolchain, cell.variant, cell.backend


def _runtime(backend: str) -> str:
    return backend.partition("@")[0].partition(".")[0]


def _named(name: str) -> re.Pattern[str]:
    """A name as a word of its own, also in a path."""
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])(?: \([^()]*\d[^()]*\))?")


def _reason(cells: Sequence[CellResult]) -> str:
    """The reason of some cells, without the names of those: they are listed next to it."""
    several = len({cell.backend for cell in cells}) > 1
    texts = list(dict.fromkeys(_shown(cell, several) for cell in cells))
    if len(cells) > 1 and any(_SOME_ROUNDS.match(str(cell.reason)) for cell in cells):
        texts = list(dict.fromkeys(_SOME_ROUNDS.sub("in some rounds: ", text) for text in texts))
    texts = list(dict.fromkeys(_OF_WHAT.sub("", text) for text in texts)) if len(texts) > 1 else texts
    text = texts[0].removeprefix("artifact: ")
    return text if len(texts) == 1 else f"{text} (details differ from cell to cell)"


def _shown(cell: CellResult, several: bool) -> str:
    head = _SOME_ROUNDS.match(str(cell.reason))
    before = head[0] if head else ""
    rest = str(cell.reason)[len(before) :]
    for mark in (": ", ", "):
        rest = rest.removeprefix(f"{cell.backend}{mark}")
    several = several and cell.backend != _NATIVE
    return before + (_named(cell.backend).sub("it", rest) if several else rest)


def cells_in_words(cells: Iterable[CellResult], among: Iterable[CellResult]) -> str:
    """Which of the cells ``among`` these are: "O2 under wasmtime.*, wasm3", "all wasm cells"."""
    chosen = {cell.label for cell in cells}
    groups: dict[tuple[str, str], list[CellResult]] = {}
    for cell in among:
        groups.setdefault((cell.workload, cell.toolchain), []).append(cell)
    texts: dict[str, list[tuple[str, str]]] = {}
    for key, group in groups.items():
        text = _part(chosen, group)
        if text:
            texts.setdefault(text, []).append(key)
    parts = []
    for text, keys in texts.items():
        prefix = "" if len(keys) == len(groups) else f"{_names(keys, list(groups))}: "
        parts.append(prefix + text)
    return "; ".join(_cut(parts, "groups of cells"))


def _names(keys: Sequence[tuple[str, str]], every: Sequence[tuple[str, str]]) -> str:
    """Workloads, toolchains, or both, as far as there are several."""
    workloads, toolchains = ({key[i] for key in every} for i in (0, 1))
    names = (
        " ".join(name for name, several in zip(key, (workloads, toolchains), strict=True) if len(several) > 1)
        for key in keys
    )
    return ", ".join(dict.fromkeys(names))


def _part(chosen: set[str], group: Sequence[CellResult]) -> str:
    """The same of one workload and toolchain; "" where none of its cells is among them."""
    mine = [cell for cell in group if cell.label in chosen]
    wasm = [cell for cell in group if not cell.is_native]
    if len(mine) == len(group) > 1:
        return "all cells" if len(wasm) < len(group) else "all wasm cells"
    if mine == wasm and len(wasm) > 1:
        return "all wasm cells"
    variants = list(dict.fromkeys(cell.variant for cell in group))
    columns: dict[str, tuple[str, ...]] = {}
    for backend in dict.fromkeys(cell.backend for cell in mine):
        columns[backend] = tuple(cell.variant for cell in mine if cell.backend == backend)
    sets: dict[tuple[str, ...], list[str]] = {}
    for backend, names in columns.items():
        sets.setdefault(names, []).append(backend)
    parts = [
        f"{_variants(names, variants)} under {_backends(backends, group)}" for names, backends in sets.items()
    ]
    return "; ".join(_cut(parts, "groups of cells"))


def _variants(names: Sequence[str], every: Sequence[str]) -> str:
    return "all variants" if len(names) == len(every) > _FEW_VARIANTS else ", ".join(names)


def _backends(names: Sequence[str], group: Sequence[CellResult]) -> str:
    """Names of backends, those of a runtime as a pattern where all of it are meant."""
    every = list(dict.fromkeys(cell.backend for cell in group))
    wasm = list(dict.fromkeys(cell.backend for cell in group if not cell.is_native))
    if list(names) == wasm and len(wasm) > 1:
        return "all wasm backends"
    texts: dict[str, None] = {}
    for name in names:
        siblings = [each for each in every if each.partition(".")[0] == name.partition(".")[0]]
        whole = len(siblings) > 1 and set(siblings) <= set(names)
        texts[f"{name.partition('.')[0]}.*" if whole else name] = None
    return ", ".join(texts)


def _cut(parts: list[str], what: str) -> list[str]:
    if len(parts) <= _MOST_PARTS + 1:
        return parts
    return [*parts[:_MOST_PARTS], f"{len(parts) - _MOST_PARTS} more {what}"]
