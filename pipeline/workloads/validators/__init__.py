"""The judges of workloads: a module each, named by ``judge`` in a workload.toml of the project's own.

A module has ``judge_of(workload)``. Where there are rules for what may be called a result,
``OFFICIAL`` names the module that knows them; where modules of others have interfaces of their own,
``MODULES`` names the one that has a ``session_for(interface)``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Workload
from pipeline.workloads.validators.model import Judge

_HERE = Path(__file__).resolve().parent
_SHARED = ("__init__", "model")


def known() -> list[str]:
    """Names of judges."""
    return sorted({path.stem for path in _HERE.glob("*.py")} - set(_SHARED) | set(_rooms()))


def _rooms() -> list[str]:
    """Rooms that judge one program, which knows more than its output: found by name, imported by nobody."""
    return [path.parent.name for path in (_HERE.parents[1]).glob("*/validator.py")]


def _module(judge: str) -> str:
    return f"pipeline.{judge}.validator" if judge in _rooms() else f"{__name__}.{judge}"


def module_of(workload: Workload) -> Any:
    """The module that judges a workload; raises BadInput for one that is not there."""
    if workload.judge not in known():
        raise BadInput(
            f"{workload.folder}: judge: unknown judge {workload.judge!r}{near_miss(workload.judge, known())}"
        )
    return importlib.import_module(_module(workload.judge))


def judge_of(workload: Workload) -> Judge:
    """The judge of a workload's runs."""
    found: Judge = module_of(workload).judge_of(workload)
    return found


def modules_of(workload: Workload) -> str:
    """The module that runs what others built of a workload; "" where nobody has said how that is run."""
    return str(getattr(module_of(workload), "MODULES", ""))


def modules(workload: Workload) -> list[str]:
    """What decides what is believed of a workload's runs: its judge, and the sessions that are its own."""
    return [_module(workload.judge), *filter(None, [modules_of(workload)])]


def no_rules(names: list[str]) -> None:
    """Raises BadInput: of these workloads nobody has said what an official result is."""
    raise BadInput(f"there are no official rules for {', '.join(names)} here")
