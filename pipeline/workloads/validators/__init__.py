"""Validators: each says whether a run of a workload printed what it must. The key ``validator`` names one.

A validator is a module with a function ``validator_of(workload)``. There are two places for it:

- ``pipeline/workloads/validators/NAME.py``, for programs whose output is all that must be known;
- ``pipeline/NAME/validator.py``, for one program with rules of its own. It is loaded by its name only: the
  rest of the pipeline does not import it.

It may also define ``OFFICIAL``, the module that makes official runs by the program's run rules, and
``PREBUILT_SESSIONS``, the module whose ``session_for(interface)`` runs prebuilt modules of the program.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadInput, near_miss
from pipeline.core.model import Workload
from pipeline.workloads.validators.model import Validator

#: The validator of any program that ends.
OUTPUT = "output"
_HERE = Path(__file__).resolve().parent
_PIPELINE = _HERE.parents[1]


@cache
def modules_by_name() -> dict[str, str]:
    """{name of a validator: its module}, for all that there are when it is first asked."""
    names = sorted(path.stem for path in _HERE.glob("*.py"))
    found = {name: f"{__name__}.{name}" for name in names if name not in ("__init__", "model")}
    for path in sorted(_PIPELINE.glob("*/validator.py")):
        found[path.parent.name] = f"pipeline.{path.parent.name}.validator"
    return found


def module_of(workload: Workload) -> Any:
    """Import the validator's module; raises BadInput for an unknown name."""
    known = modules_by_name()
    name = workload.validator
    if name not in known:
        raise BadInput(f"{workload.folder}: validator: unknown validator {name!r}{near_miss(name, known)}")
    return importlib.import_module(known[name])


def validator_of(workload: Workload) -> Validator:
    """The validator of a workload's runs."""
    found: Validator = module_of(workload).validator_of(workload)
    return found


def prebuilt_sessions_of(workload: Workload) -> str:
    """The module that runs prebuilt modules of a workload; "" if there is none."""
    return str(getattr(module_of(workload), "PREBUILT_SESSIONS", ""))


def modules(workload: Workload) -> list[str]:
    """The modules that decide whether a run of the workload is valid: samples depend on their code."""
    return [module_of(workload).__name__, *filter(None, [prebuilt_sessions_of(workload)])]


def no_rules(names: list[str]) -> None:
    """Raises BadInput: these workloads have no rules for official results."""
    raise BadInput(f"there are no official rules for {', '.join(names)} here")
