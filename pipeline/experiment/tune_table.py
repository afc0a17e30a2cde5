"""The [tune] table and backend= -> what ``doit run tune`` searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pipeline.core import toml_file
from pipeline.core.errors import BadInput
from pipeline.experiment.protocols_table import KEYS
from pipeline.experiment.search_space import Choice, Goal, Space, Tuning, Wanted
from pipeline.experiment.variants_table import Flags, Needs, VariantTable, parse
from toolchain.model import Variant

DEFAULT_BUDGET_S = 300
#: What the winner is measured together with; the last one is to be beaten.
_BASELINES = {
    Wanted.SPEED: ("O2", "O3"),
    Wanted.WORST: ("O2", "O3"),
    Wanted.SIZE: ("O3", "Oz"),
    Wanted.COMPILE: ("O2", "O3"),
}
_Slowdown = Annotated[float, Meta(ge=0, lt=100, description="per cent, like 2%")]
#: Variables of the command line that do not go with backend=: the search chooses what they say.
_NOT_WITH_BACKEND = (
    "backends",
    "variants",
    "flags",
    "runtime",
    "versions",
    "repeats",
    "half_width",
    "artifact",
)
_Bound = Annotated[int, Meta(ge=0, le=10**6)]


class ChoiceTable(Struct, frozen=True, forbid_unknown_fields=True):
    """A choice that is more than flags of the compiler."""

    flags: Flags = ""
    llvm: Flags = ""  # options of LLVM, without -mllvm
    link: Flags = ""
    wasm_opt: Flags | None = None
    needs: Needs = ()
    low: _Bound | None = msgspec.field(default=None, name="from")  # of a range, inclusive
    high: _Bound | None = msgspec.field(default=None, name="to")

    @property
    def label(self) -> str:
        """The choice in a table and in a search's log: "-flto link --lto-O3"."""
        texts = {"llvm": self.llvm, "link": self.link, "wasm_opt": self.wasm_opt}
        return " ".join([self.flags, *(f"{key} {text}" for key, text in texts.items() if text)]).strip()

    def variant_table(self) -> VariantTable:
        """With options of LLVM as flags of the compiler, and of the linker, which compiles under -flto."""
        words = self.llvm.split()
        flags = " ".join([self.flags, *(f"-mllvm {word}" for word in words)])
        link = " ".join([self.link, *(f"-mllvm={word}" for word in words)])
        return VariantTable(flags=flags, link=link, wasm_opt=self.wasm_opt, needs=self.needs)


_Entry = Annotated[str | ChoiceTable, Meta(description="flags as a string, or a table")]
_Dimension = Annotated[
    ChoiceTable | Annotated[tuple[_Entry, ...], Meta(min_length=1)],
    Meta(description="a list of choices like ['', '-msimd128'], or a range"),
]


def tuning(
    path: str,
    table: Mapping[str, object],
    hints: Mapping[str, VariantTable],
    variables: Mapping[str, str],
    variants: Mapping[str, Variant],
) -> Tuning | None:
    """The search that the command line's backend= asks for; None without it. Raises BadInput."""
    if "backend" not in variables:
        return None
    for name in _NOT_WITH_BACKEND:
        if name in variables:
            raise BadInput(
                f"command line: {name}= does not go with backend=, which starts a search for flags; "
                "to measure the matrix, run: doit run backends=…"
            )
    budget = toml_file.given("budget", variables.get("budget", str(DEFAULT_BUDGET_S)), KEYS["budget_s"])
    goal = _goal(variables)
    baselines = [variants.get(name, Variant(name, (f"-{name}",))) for name in _BASELINES[goal.wanted]]
    known = {name: parse(f"{path}: hints.{name}", each, name) for name, each in hints.items()}
    return Tuning(space(path, table), float(budget), known, tuple(baselines), variants, goal)


def _goal(variables: Mapping[str, str]) -> Goal:
    text = variables.get("objective", Wanted.SPEED)
    toml_file.one_of("command line: objective", "objective", text, [each.value for each in Wanted])
    wanted = Wanted(text)
    if "slowdown" not in variables:
        return Goal(wanted)
    if wanted is not Wanted.SIZE:
        raise BadInput(
            "command line: slowdown= goes with objective=size: the smallest module that is fast enough"
        )
    percent = toml_file.given("slowdown", variables["slowdown"].removesuffix("%"), _Slowdown)
    return Goal(wanted, float(percent) / 100)


def space(path: str, table: Mapping[str, object]) -> Space:
    """The whole table, checked; raises BadInput naming file and key."""
    if not table:
        raise BadInput(f"{path}: tune: there is no such table; expected e.g. level = ['-O2', '-O3']")
    dimensions = toml_file.convert(path, table, dict[str, _Dimension], "tune")
    return Space({name: _choices(path, f"tune.{name}", each) for name, each in dimensions.items()})


def _choices(path: str, where: str, entry: ChoiceTable | tuple[str | ChoiceTable, ...]) -> tuple[Choice, ...]:
    choices: tuple[Choice, ...]
    if isinstance(entry, ChoiceTable):  # a range, or what the compiler does without it
        choices = (Choice(Variant("", ())), _choice(f"{path}: {where}", entry))
    else:
        choices = tuple(
            _choice(f"{path}: {where}[{index}]", ChoiceTable(flags=each) if isinstance(each, str) else each)
            for index, each in enumerate(entry)
        )
    labels = [choice.label for choice in choices]
    for label in labels:
        if labels.count(label) > 1:
            raise BadInput(f"{path}: {where}: two choices are {label!r}")
    return choices


def _choice(where: str, table: ChoiceTable) -> Choice:
    part = parse(where, table.variant_table(), table.label)
    placeholder = any("{}" in word for word in (*part.flags, *part.link, *(part.wasm_opt or ())))
    if not placeholder and table.low is None and table.high is None:
        return Choice(part)
    if not placeholder or table.low is None or table.high is None:
        raise BadInput(f"{where}: a range needs {{}} in its flags, and from = and to =")
    if table.low >= table.high:
        raise BadInput(f"{where}: from = {table.low} is not below to = {table.high}")
    return Choice(part, table.low, table.high)
