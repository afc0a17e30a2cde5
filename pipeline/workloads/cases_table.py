"""[[case]] of a workload.toml: several ways to run one program, each with what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pipeline.core import toml_file
from pipeline.core.errors import BadInput, Problems, near_miss
from pipeline.core.model import ITERATIONS, Case, Pattern, Workload
from pipeline.core.toml_file import Text
from pipeline.workloads import file_patterns, workload_values


class CaseTable(Struct, frozen=True, forbid_unknown_fields=True):
    """One [[case]]: what is not given is the workload's."""

    name: Text | None = None
    args: tuple[str, ...] | None = None
    stdin: Text | None = None
    files: tuple[Text, ...] = ()
    status: Annotated[int, Meta(ge=0, le=125)] | None = None
    text: str | None = None
    sha256: str | None = None
    match: Pattern | None = None


CaseTables = Annotated[
    tuple[CaseTable, ...], Meta(max_length=20, description="at most 20 tables, each [[case]]")
]


def with_cases(where: str, workload: Workload, tables: Sequence[CaseTable], problems: Problems) -> Workload:
    """The workload with its cases; what is wrong with them is noted."""
    cases = [
        problems.value(None, _case, where, workload, table, f"case[{at}]", str(at + 1))
        for at, table in enumerate(tables)
    ]
    found = replace(workload, cases=tuple(case for case in cases if case))
    problems.value(None, _check, where, found, len(tables))
    return found


def _case(where: str, workload: Workload, table: CaseTable, key: str, number: str) -> Case:
    name = toml_file.named(where, f"{key}.name", table.name or number)
    stdin = workload.stdin
    if table.stdin is not None:
        stdin = file_patterns.relative(where, f"{key}.stdin", table.stdin)
        file_patterns.inside(where, f"{key}.stdin", workload.folder, stdin)
    asked = ("status", "text", "sha256", "match")
    given = {each: getattr(table, each) for each in asked if getattr(table, each) is not None}
    proof = workload_values.proof(where, msgspec.structs.replace(workload.proof, **given), key)
    args = workload.args if table.args is None else table.args
    return Case(
        name=name,
        args=workload_values.arguments(where, args, f"{key}.args"),
        stdin=stdin,
        proof=proof,
        own_stdin=table.stdin is not None,
    )


def _check(where: str, workload: Workload, asked: int) -> None:
    """Raises BadInput where cases do not go with each other, or with the rest of the file."""
    names = [case.name for case in workload.cases]
    timed = workload.figure.case
    if timed is not None and timed not in names and len(names) == asked:
        raise BadInput(f"{where}: figure.case: unknown case {timed!r}{near_miss(timed, names)}")
    again = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if again is not None:
        raise BadInput(f"{where}: case: two have the name {again!r}; expected one each")
    proof = workload.proof
    if len(names) > 1 and (proof.text is not None or proof.sha256 is not None):
        raise BadInput(f"{where}: proof: text and sha256 hold for one output; give them in [[case]]")
    sized = {any(ITERATIONS in word for word in case.args) for case in workload.timed_cases}
    if len(sized) > 1:
        raise BadInput(f"{where}: case: all that are timed have {ITERATIONS} in args, or none of them")
