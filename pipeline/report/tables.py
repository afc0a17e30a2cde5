"""results.json as the tables and notes that all reports share: report.md, the terminal, the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

from pipeline.core.model import ONLY_MODULE, PREBUILT, Kind
from pipeline.core.rich_text import Side
from pipeline.core.text import for_markdown
from pipeline.results.cells import by_workload, measured, ratio_to
from pipeline.results.model import HostResults, WorkloadResult
from pipeline.results.model_cell import ONE_ROUND, CellResult, Measurement
from pipeline.results.problems.warnings import KERNEL_SHARE
from toolchain.model import NATIVE

E = TypeVar("E")

_BY_CLOCK = "take as long as native in every chunk: the program may run until a clock says so"
#: More cells with the same note than this are counted, not listed.
_MOST_NOTES = 4


@dataclass(frozen=True)
class Grid(Generic[E]):
    """A table whose rows and columns are names; an entry is None where there is nothing."""

    title: str
    #: What its rows are: "backend", "toolchain", "workload".
    of: str
    columns: list[str]
    rows: list[tuple[str, list[E | None]]]
    #: Unit of its scores.
    unit: str = ""
    #: What its ratios are relative to.
    ratio_to: str = "native"


@dataclass(frozen=True)
class TextTable:
    """A table of texts, with what explains it."""

    title: str
    explanation: str
    columns: list[tuple[str, Side]]
    rows: list[list[str]]
    #: What it leaves out, in a sentence; "" if nothing.
    left_out: str


def heading(results: HostResults) -> str:
    """The title of a report: "TITLE under WebAssembly"."""
    workloads = results.workloads
    what = workloads[0].title if len(workloads) == 1 else f"{len(workloads)} workloads"
    return f"{what} under WebAssembly"


def sources(workload: WorkloadResult) -> str:
    """What identifies a workload's sources: their revision, or else their digest."""
    if workload.revision is not None:
        return f"revision {workload.revision}"
    return f"SHA-256 {workload.sources_sha256}"


def grids(results: HostResults) -> list[Grid[CellResult]]:
    """Tables of cells; columns are variants.

    For each workload one table a toolchain, with its backends as rows; with several toolchains one a backend,
    so that what is to be compared is in one table. Programs of one module each are one table together.
    """
    parts = by_workload(results)
    single = [part for part in parts if {c.variant for c in part.cells} == {ONLY_MODULE}]
    if len(single) < 2:
        return [grid for part in parts for grid in _grids(part)]
    others = [grid for part in parts if part not in single for grid in _grids(part)]
    return [*others, *_of_modules(single)]


def _of_modules(parts: Sequence[HostResults]) -> list[Grid[CellResult]]:
    """A table for all programs with ratios to one backend; what there is more of are its rows."""
    # What a program without a number would have been relative to is not known, and does not matter.
    usual = next((ratio_to(part.workloads) for part in parts if measured(part.cells)), "none")
    groups: dict[str, list[CellResult]] = {}
    for part in parts:
        to = ratio_to(part.workloads) if measured(part.cells) else usual
        groups.setdefault(to, []).extend(part.cells)
    found = []
    for to, cells in groups.items():
        programs = len({cell.workload for cell in cells})
        of, across = "workload", "backend"
        if programs < len({cell.backend for cell in cells}):
            of, across = across, of
        title = f"{programs} programs, prebuilt modules"
        ordered = by_speed(cells) if of == "backend" else cells
        found.append(new_grid(ordered, title, of, row=attrgetter(of), column=attrgetter(across), ratio_to=to))
    return found


def _grids(part: HostResults) -> list[Grid[CellResult]]:
    (workload,) = part.workloads
    built = [c for c in part.cells if c.toolchain != PREBUILT]
    prebuilt = [c for c in part.cells if c.toolchain == PREBUILT]
    if len({c.toolchain for c in built}) > 1:
        groups = [
            (f"under {name}", "toolchain", [c for c in built if c.backend == name])
            for name in dict.fromkeys(c.backend for c in built)
        ]
    else:
        groups = [
            (f"compiled by {name}", "backend", [c for c in built if c.toolchain == name])
            for name in dict.fromkeys(c.toolchain for c in built)
        ]
    if prebuilt:
        groups.append(("prebuilt modules", "backend", prebuilt))
    return [
        new_grid(
            by_speed(cells) if of == "backend" else cells,
            f"{workload.title}, {title}",
            of,
            row=attrgetter(of),
            column=attrgetter("variant"),
            unit=workload.unit,
            ratio_to=_ratio_to(workload, cells),
        )
        for title, of, cells in groups
    ]


def _ratio_to(workload: WorkloadResult, cells: Sequence[CellResult]) -> str:
    """What the ratios of a grid are relative to: "native", or a backend and, of several, its variant."""
    if workload.ratio_to == NATIVE or len({cell.variant for cell in cells}) == 1:
        return workload.ratio_to
    return f"{workload.ratio_to}, {workload.reference.variant}"


def by_speed(cells: Iterable[CellResult]) -> list[CellResult]:
    """Cells in the order in which their backends are shown: by kind, and within one the fastest first.

    Variants stay in their order.
    """
    cells = list(cells)
    best: dict[str, float] = {}
    for cell in cells:
        speed = 0.0 if cell.measurement is None else cell.measurement.ratio
        best[cell.backend] = max(best.get(cell.backend, 0.0), speed)
    variants = list(dict.fromkeys(cell.variant for cell in cells))
    kinds = list(Kind)
    return sorted(
        cells,
        key=lambda c: (kinds.index(c.kind), -best[c.backend], c.backend, variants.index(c.variant)),
    )


def mark(cell: CellResult) -> str:
    """ "*" for a backend that may be the fastest that runs its module."""
    return "*" if cell.measurement is not None and cell.measurement.may_be_fastest else ""


def rankings(results: HostResults) -> list[tuple[str, str]]:
    """(module, its backends by rank): "1 wasmer.llvm, 2–3 v8.turbofan, 2–3 wasmtime.cranelift"."""
    several = len(results.workloads) > 1, len({cell.toolchain for cell in results.cells}) > 1
    groups: dict[str, list[CellResult]] = {}
    for cell in results.cells:
        if cell.measurement is not None and cell.measurement.rank_best is not None:
            parts = zip((*several, True), (cell.workload, cell.toolchain, cell.variant), strict=True)
            groups.setdefault(" ".join(name for shown, name in parts if shown), []).append(cell)
    return [
        (
            module,
            ", ".join(
                f"{c.measurement.rank} {c.backend}" for c in sorted(cells, key=_place) if c.measurement
            ),
        )
        for module, cells in groups.items()
    ]


def _place(cell: CellResult) -> tuple[int, int, float]:
    m = cell.measurement
    assert m is not None
    return m.rank_best or 0, m.rank_worst or 0, -m.ratio


def new_grid(
    entries: Sequence[E],
    title: str,
    of: str,
    row: Callable[[E], str],
    column: Callable[[E], str],
    unit: str = "",
    ratio_to: str = "native",
) -> Grid[E]:
    """Entries in a grid, rows and columns in the order in which they first occur."""
    by_place = {(row(entry), column(entry)): entry for entry in entries}
    columns = list(dict.fromkeys(name for _, name in by_place))
    names = dict.fromkeys(name for name, _ in by_place)
    # A different host may have only some of them.
    rows = [(name, [by_place.get((name, c)) for c in columns]) for name in names]
    return Grid(title, of, columns, rows, unit, ratio_to)


def notes(results: HostResults) -> list[str]:
    """What a reader must know about single cells that have a number."""
    names: dict[str, list[str]] = {}
    for cell in results.cells:
        for what, name in _notes(cell.label, cell.measurement) if cell.measurement else ():
            names.setdefault(what, []).append(name)
    texts = []
    for what, some in names.items():
        more = f" and {len(some) - _MOST_NOTES} more" if len(some) > _MOST_NOTES else ""
        texts.append(
            f"{len(some)} of {len(results.cells)} cells {what}: {', '.join(some[:_MOST_NOTES])}{more}"
        )
    return texts


def _notes(label: str, measured: Measurement) -> Iterable[tuple[str, str]]:
    if measured.warmup_chunks:
        what = "became faster while they ran and had a longer warm-up"
        yield what, f"{label} ({measured.warmup_chunks} chunks)"
    if measured.warmup_seconds is not None and not measured.settled:
        yield (
            "were not steady when they were measured, however long they had run",
            (f"{label} ({measured.warmup_seconds:.0f} s)"),
        )
    if measured.trend in ("rising", "falling"):
        yield f"are {measured.trend}: their speed still changes within their rounds", label
    if measured.rounds == 1:
        yield f"have no interval (?): {ONE_ROUND}", label
    elif measured.disturbed:
        yield "had fewer than two undisturbed rounds: their ratios are only ranges (?)", label
    if measured.work:
        yield f"hold for runs of {measured.chunk_iterations} iterations: {measured.work}", label
    if measured.runs_by_clock:
        yield f"{_BY_CLOCK}, and then their ratio says nothing", label
    if (measured.reference_system_share or 0) >= KERNEL_SHARE:
        what = (
            "their native reference spends a tenth of its time or more in the kernel (memory, input, output)"
        )
        share = f"{measured.reference_system_share:.0%}"
        yield f"say less about code than about the system: {what}", f"{label} ({share})"
    if (measured.system_share or 0) >= KERNEL_SHARE:
        yield "spend a tenth of their time or more in the kernel", f"{label} ({measured.system_share:.0%})"
    if not measured.compiler_evidence:
        yield "have no proof of their compiler: their labels are what was requested", label


def rounds(cells: Iterable[CellResult]) -> str:
    """How many rounds the cells have, "8" or "5 to 12"."""
    numbers = sorted({cell.measurement.rounds for cell in cells if cell.measurement})
    return " to ".join(map(str, dict.fromkeys([*numbers[:1], *numbers[-1:]]))) or "0"


def markdown_table(columns: Sequence[tuple[str, Side]], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table of entries that are already Markdown."""
    head = _row([name for name, _ in columns])
    return [head, "|" + "".join(_SIDES[side] for _, side in columns), *map(_row, rows)]


_SIDES: dict[Side, str] = {"left": "---|", "right": "---:|"}


def _row(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entries)} |"


def markdown_grid(
    grid: Grid[E], entry: Callable[[E], str], name: Callable[[str], str] = for_markdown
) -> list[str]:
    """The lines of a grid as a Markdown table; ``name`` makes the names of rows and columns harmless."""
    head = f"{grid.of}, {grid.unit}" if grid.unit else grid.of
    columns: list[tuple[str, Side]] = [(head, "left"), *((name(c), "right") for c in grid.columns)]
    return markdown_table(
        columns,
        ([name(row), *("" if e is None else entry(e) for e in entries)] for row, entries in grid.rows),
    )
