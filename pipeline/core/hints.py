"""Command lines that messages tell a user to type: with the variables that the user gave."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping

#: A hint to do the same again, without variables.
_AGAIN = re.compile(r"\brun: doit run(?=$|[.;,)\n]| \()")


def command(*tasks: str, given: Mapping[str, str], without: Collection[str] = (), **more: str | None) -> str:
    """ "doit run lock workload='my program'": a task with the variables ``given``, and with ``more``.

    Those ``without``, and those of ``more`` that are None, are left out.
    """
    values = {name: value for name, value in given.items() if name not in without}
    chosen = {**values, **more}
    shown = variables({name: value for name, value in chosen.items() if value is not None})
    return " ".join(filter(None, ["doit run", *tasks, shown]))


def variables(values: Mapping[str, str]) -> str:
    """ "variants='O2,O3' rounds=3", as a shell reads it."""
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def complete(message: str, tasks: Iterable[str], given: Mapping[str, str]) -> str:
    """The message with the user's whole command line, where it says to do the same again."""
    again = f"run: {command(*map(shlex.quote, tasks), given=given)}"
    return _AGAIN.sub(lambda _: again, message)
