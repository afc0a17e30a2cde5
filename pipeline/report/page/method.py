"""How the results were measured and on which machine: (name, text) pairs for a reader."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.report.page.headline import processor, rounds_text
from pipeline.report.page.number_format import gibibytes, percent
from pipeline.report.tables import sources
from pipeline.results.cells import native_name, native_speeds
from pipeline.results.model import Results, WorkloadResult

#: Settings of a protocol in the words of the page.
_SETTINGS = {
    "pairs": "most pairs of chunks a round",
    "undisturbed": "undisturbed pairs that end a round",
    "chunk_ms": "length of a chunk, ms",
    "warmup_chunks": "warm-up chunks",
    "run_timeout_s": "time limit of a run, s",
    "load_timeout_s": "time limit of loading, s",
    "memory_mib": "memory limit, MiB",
    "seed": "seed of the order of cells",
    "half_width_percent": "wanted half of an interval, %",
    "most_rounds": "most rounds",
    "budget_s": "time a cell may take, s",
}


def protocol(results: Results) -> list[tuple[str, str]]:
    """The protocol's settings."""
    chosen = results.protocol
    settings = [(name, getattr(chosen, key)) for key, name in _SETTINGS.items()]
    return [
        ("protocol", f"{chosen.name}: {rounds_text(results.cells)} a cell"),
        ("confidence", percent(chosen.confidence)),
        *((name, _number(value)) for name, value in settings if value is not None),
    ]


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def workloads(results: Results) -> list[tuple[str, list[tuple[str, str]]]]:
    """(title, (name, text) pairs) of each workload: what it is, its validation, reference and sources."""
    return [(workload.title, list(_workload(workload))) for workload in results.workloads]


def _workload(workload: WorkloadResult) -> Iterator[tuple[str, str]]:
    yield "name", workload.name
    if workload.stresses:
        yield "stresses", workload.stresses
    yield "proof of a run", workload.validation
    yield "time", workload.time_source
    speed = native_speeds([workload])
    yield (
        "native reference" if workload.ratio_to == "native" else "ratios are relative to",
        f"{native_name([workload])}, {f'{speed} undisturbed' if speed else 'not measured'}",
    )
    yield "its SHA-256", workload.reference.sha256 or "unknown"
    yield "sources", sources(workload)


def machine(results: Results) -> list[tuple[str, str]]:
    """The host that made the results."""
    host = results.host
    return [
        ("processor", processor(host)),
        ("memory", gibibytes(host.memory_bytes)),
        ("system", f"{host.os}, {host.kernel}, Python {host.python}"),
        ("fingerprint", host.fingerprint),
    ]
