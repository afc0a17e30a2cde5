"""How it was measured and on what: (name, text) pairs as a reader needs them."""

from __future__ import annotations

from typing import Any

import pipeline.page.numbers as numbers
from pipeline.page.headline import processor, rounds

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
    "budget_s": "time a cell may take, s",
}


def protocol(results: dict[str, Any]) -> list[tuple[str, str]]:
    """The protocol's settings, the native reference, and the sources."""
    chosen, reference = results["protocol"], results["reference"]
    settings = [(name, f"{chosen[key]}") for key, name in _SETTINGS.items() if chosen.get(key) is not None]
    return [
        ("protocol", f"{chosen['name']}: {rounds(results['cells'])} a cell"),
        ("confidence", numbers.percent(chosen["confidence"])),
        *settings,
        (
            "native reference",
            f"{reference['toolchain']} {reference['variant']}, "
            f"{numbers.score(reference['score']) or 'not measured'} iterations/s undisturbed",
        ),
        ("its SHA-256", reference.get("sha256") or "unknown"),
        ("CoreMark’s sources", f"revision {results['coremark']['commit']}"),
    ]


def machine(results: dict[str, Any]) -> list[tuple[str, str]]:
    """The host that made the results."""
    host = results["host"]
    return [
        ("processor", processor(host)),
        ("memory", numbers.gibibytes(host["memory_bytes"])),
        ("system", f"{host['os']}, {host['kernel']}, Python {host['python']}"),
        ("fingerprint", str(host["fingerprint"])),
    ]
