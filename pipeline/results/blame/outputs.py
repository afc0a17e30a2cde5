"""Who is wrong, of cells that ran one module, ended well, and printed what native does not print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.core.model import Backend, Cell
from pipeline.measure.sample import Sample
from pipeline.workloads.output_causes import TIME_KEYS, in_wasm, may_be_time
from pipeline.workloads.output_difference import LineDifference, OutputDifference

#: More backends than this are counted, not listed.
_MOST_NAMED = 4
_NO_LINE = "nothing"
#: What a command decides, and no other backend.
_OF_COMMANDS = "; a command decides which name, files and environment its guest sees"


@dataclass(frozen=True)
class RanCell:
    """A wasm cell that ran, by the first of its rounds; all of them ended equally."""

    cell: Cell
    sample: Sample

    @property
    def name(self) -> str:
        return self.cell.name

    @property
    def backend(self) -> Backend:
        return self.cell.backend

    def saw(self, difference: OutputDifference) -> bool:
        """Whether this one, which is ok, ran as many iterations as show a difference."""
        validated = self.cell.workload.proof.iterations
        return difference.iterations == validated or difference.iterations <= (self.sample.iterations or 0)

    @property
    def engine(self) -> tuple[str, str]:
        """What it shares with backends that would be wrong together."""
        return self.backend.runtime.worker, self.backend.name.partition("@")[0].partition(".")[0]


def engines(cells: Iterable[RanCell]) -> int:
    """How many runtimes there are that say the same independently."""
    return len({cell.engine for cell in cells})


def names(cells: Sequence[RanCell] | Sequence[Cell]) -> str:
    """Their backends: "v8, jsc and 3 more"."""
    found = list(dict.fromkeys(cell.backend.name for cell in cells))
    more = len(found) - _MOST_NAMED
    return ", ".join(found[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def alone(cells: Sequence[RanCell]) -> str:
    """Who is wrong where only backends of one runtime are, and native and the others agree."""
    who = names(cells)
    few = f"so it is {who}" if len(cells) == 1 else f"so it is their runtime ({who})"
    commands = _OF_COMMANDS if any(cell.backend.forks for cell in cells) else ""
    return f"{few}, not the program{commands}"


@dataclass(frozen=True)
class _Group:
    """Cells that print the same; ``difference`` from native is None where native prints that, too."""

    cells: Sequence[RanCell]
    difference: OutputDifference | None = None

    @property
    def lines(self) -> tuple[LineDifference, ...]:
        return self.difference.lines if self.difference is not None else ()

    @property
    def run(self) -> str:
        """Which case, and for how many iterations, where these are not the usual ones."""
        if self.difference is None:
            return ""
        parts = [self.difference.case] if self.difference.case != "run" else []
        parts += [f"{self.difference.iterations} iterations"] if self.difference.iterations > 1 else []
        return f" ({', '.join(parts)})" if parts else ""


def judge_outputs(
    right: Sequence[RanCell], differing: Sequence[RanCell], others: Sequence[RanCell] = ()
) -> dict[str, str]:
    """{cell: the reason why it is wrong}, of those that differ from native.

    ``right`` ones do not, ``others`` ended in a different way.
    """
    found: dict[tuple[int, str, str], list[RanCell]] = {}
    differences = {}
    for cell in differing:
        if (difference := cell.sample.difference) is not None:
            key = difference.iterations, difference.case, difference.sha256
            found.setdefault(key, []).append(cell)
            differences[key] = difference
    groups = sorted(
        (_Group(cells, differences[key]) for key, cells in found.items()), key=_size, reverse=True
    )
    if not groups:
        return {}
    all_ran = not right and not others
    right = [cell for cell in right if any(cell.saw(d) for d in differences.values())]
    most, rest = groups[0], [cell for group in groups[1:] for cell in group.cells]
    if right and engines(differing) == 1:
        return _one_runtime(groups, _Group(right))
    if right or (rest and not (engines(most.cells) > 1 and engines(rest) == 1)):
        reason = _divided([*([_Group(right)] if right else []), *groups])
        return {cell.name: reason for cell in differing}
    agreed = dict.fromkeys((cell.name for cell in most.cells), _agreed(most, rest, all_ran))
    return {**agreed, **_one_runtime(groups[1:], most)}


def _size(group: _Group) -> int:
    return len(group.cells)


def _agreed(group: _Group, but: Sequence[RanCell], all_ran: bool) -> str:
    """The reason of cells that print the same; ``but``: those of one runtime that print something else."""
    line, cells = group.lines[0], group.cells
    found = f"{line.text()}{group.run}; {in_wasm(line, cells[0].cell.variant.flags)}"
    if engines(cells) == 1:
        doubt = "no other wasm runtime can be compared, so it may be the runtime or the program"
        return f"{names(cells)}: {found}; {doubt}: measure it with backends='*'"
    who = "all wasm backends" if all_ran else names(cells)
    but_who = f" but {names(but)}" if but else ""
    return f"{who}{but_who} print the same, so no runtime is at fault: {found}"


def _one_runtime(groups: Sequence[_Group], others: _Group) -> dict[str, str]:
    """{cell: reason} of the cells of one runtime that print what neither native nor others do."""
    reasons = {}
    for group in groups:
        line = _first_line([group, others])
        who = f"native and {names(others.cells)}" if others.difference is None else names(others.cells)
        doubt = f"; {TIME_KEYS}" if may_be_time(line) else ""
        found = f"{line.text(f'{who} print')}{group.run}"
        for cell in group.cells:
            reasons[cell.name] = f"{cell.backend.name}: {found}: {alone(group.cells)}{doubt}"
    return reasons


def _divided(groups: Sequence[_Group]) -> str:
    """The reason where nothing tells who is right."""
    line = _first_line(groups)
    native = next(x.expected for group in groups for x in group.lines if x.number == line.number)
    prints = {native: ["native"]}
    for group in groups:
        prints.setdefault(_shown(group, line.number, native), []).append(names(group.cells))
    shown = "; ".join(f"{', '.join(who)}: {text or _NO_LINE}" for text, who in prints.items())
    doubt = f"; {TIME_KEYS}" if may_be_time(line) else ""
    where = f"wasm backends print different things, and none is called right: line {line.number}"
    return f"{where} of {shown}{doubt}"


def _first_line(groups: Sequence[_Group]) -> LineDifference:
    """The first line that differs between the first group and any other, as far as lines are kept."""
    expected = {line.number: line.expected for group in reversed(groups) for line in group.lines}
    for number in sorted(expected):
        first, *others = (_shown(group, number, expected[number]) for group in groups)
        for other in others:
            if first != other:
                return LineDifference(number, first, other)
    return groups[0].lines[0] if groups[0].lines else groups[1].lines[0]


def _shown(group: _Group, number: int, native: str | None) -> str | None:
    """A line that a group prints: native's, where it is none of those that differ."""
    return next((line.found for line in group.lines if line.number == number), native)
