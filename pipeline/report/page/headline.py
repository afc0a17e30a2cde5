"""What a reader should know first: what is shown to be fastest, how much was measured, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from pipeline.report.page.number_format import percent, plus_minus, ratio
from pipeline.report.tables import rounds
from pipeline.results.cells import by_workload, measured, native_name, native_speeds, ratio_to
from pipeline.results.model import HostRecord, Results
from pipeline.results.model_cell import CellResult

#: Of more workloads the fastest backends are counted, not listed.
_MOST_WORKLOADS = 8
#: Backends that may be named next to the first one.
_MOST_NAMED = 3


def facts(results: Results) -> list[dict[str, str]]:
    """{"name", "value", "says"}: the figures at the head of the page."""
    cells, protocol, host = results.cells, results.protocol, results.host
    counts = Counter(cell.status.value for cell in cells if not cell.is_ok)
    numbers = measured(cells)
    disturbed = sum(m.disturbed for _, m in numbers)
    others = [f"{number} {status}" for status, number in sorted(counts.items())]
    others += [f"{disturbed} disturbed (?)"] if disturbed else []
    native, to = native_speeds(results.workloads), ratio_to(results.workloads)
    return [
        *_fastest(results),
        {
            "name": "Native reference" if to == "native" else "Ratios are relative to",
            "value": native_name(results.workloads),
            "says": f"{native} undisturbed" if native else "not measured",
        },
        {
            "name": "Cells with a number",
            "value": f"{len(numbers)} of {len(cells)}",
            "says": ", ".join(others) or "all of them",
        },
        {
            "name": "Protocol",
            "value": protocol.name,
            "says": f"{rounds_text(cells)} a cell, {percent(protocol.confidence)} intervals",
        },
        {
            "name": "Machine",
            "value": host.microarchitecture or "unknown",
            "says": processor(replace(host, microarchitecture=None)),
        },
    ]


def processor(host: HostRecord) -> str:
    """A host's processor, with what is known about it: little, for some other hosts."""
    known = [f"({host.microarchitecture})"] if host.microarchitecture else []
    cores = [f"{host.cores} cores"] if host.cores else []
    return ", ".join([" ".join([str(host.cpu), *known]), *cores])


def rounds_text(cells: Sequence[CellResult]) -> str:
    """How many rounds the cells have: "1 round", "8 to 24 rounds"."""
    between = rounds(cells)
    return f"{between} round{'' if between == '1' else 's'}"


def _fastest(results: Results) -> list[dict[str, str]]:
    """One for each workload, with its name if there are several."""
    facts = [fastest(part.cells, ratio_to(part.workloads)) for part in by_workload(results)]
    if len(facts) == 1:
        return facts
    if len(facts) > _MOST_WORKLOADS:
        number = Counter(fact["value"] for fact in facts)
        counted = [f"{backend} in {count}" for backend, count in number.most_common(_MOST_NAMED)]
        more = len(number) - len(counted)
        says = ", ".join([*counted, *([f"{more} more"] if more > 0 else [])])
        return [{"name": f"Fastest so far, of {len(facts)} programs", "value": counted[0], "says": says}]
    return [
        {**fact, "name": f"{workload.name}: {fact['name'].lower()}"}
        for workload, fact in zip(results.workloads, facts, strict=True)
    ]


def fastest(cells: Sequence[CellResult], to: str = "native") -> dict[str, str]:
    """A workload's fastest backend that runs wasm, and whether it is shown to be that for its module."""
    fit = [(c, m) for c, m in measured(cells) if not m.disturbed and not c.is_native]
    if not fit:
        return {"name": "Fastest", "value": "undecided", "says": "no undisturbed cell that runs wasm"}
    first, numbers = min(fit, key=lambda entry: (-entry[1].ratio, entry[0].label))
    at = f"{ratio(numbers.ratio)} {plus_minus(numbers)} of {to}, {first.variant}"
    same = (first.toolchain, first.variant)
    others = [
        cell.backend
        for cell, m in sorted(fit, key=lambda entry: -entry[1].ratio)
        if (cell.toolchain, cell.variant) == same and m.may_be_fastest and cell is not first
    ]
    if numbers.may_be_fastest and not others:
        says = "shown to be faster than every other backend that runs the same module"
        return {"name": "Shown to be fastest", "value": first.backend, "says": f"{at}; {says}"}
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    rest = f"; {', '.join(others[:_MOST_NAMED])}{more} may be faster" if others else ""
    return {"name": "Fastest so far", "value": first.backend, "says": f"{at}{rest}"}
