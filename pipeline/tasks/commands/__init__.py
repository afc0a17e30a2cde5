"""Tasks that are asked for by name only: one module a task, with the options that it takes; discovered.

What they do is in analyses, reproducibility and report; the tasks of a plain run are in pipeline.tasks.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from pipeline.tasks.options import Command


@functools.cache
def discover() -> dict[str, Command]:
    """{task: its Command}: of every module here its ``COMMAND``."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").COMMAND for name in names}
