"""The space of flags that ``doit run tune`` searches: dimensions, each a list of choices.

A choice is what a variant may say: flags of the compiler, of the linker and of wasm-opt, needed features.
One with ``{}`` in it stands for the whole numbers of a range. A variant takes one choice of each dimension.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from toolchain.model import Variant

#: {dimension: label of its choice}, and {"dimension #": number} where that is a range: a point in the space.
Params = Mapping[str, str | int]


@dataclass(frozen=True)
class Choice:
    """What one choice of a dimension adds to a variant. ``part`` has its flags, and its label for a name."""

    part: Variant
    low: int | None = None  # of a range, inclusive
    high: int = 0

    @property
    def label(self) -> str:
        return self.part.name

    def at(self, number: int | None) -> Variant:
        """With the number of a range in place of ``{}``."""
        if number is None:
            return self.part

        def fill(words: Sequence[str]) -> tuple[str, ...]:
            return tuple(word.replace("{}", str(number)) for word in words)

        p = self.part
        opt = None if p.wasm_opt is None else fill(p.wasm_opt)
        return Variant(p.name, fill(p.flags), fill(p.link), opt, p.needs)

    def number_in(self, variant: Variant) -> int | None:
        """The number that a variant has in place of this choice's ``{}``; None without one in its range."""
        if self.low is None:
            return None
        pattern = next(
            word for word in (*self.part.flags, *self.part.link, *(self.part.wasm_opt or ())) if "{}" in word
        )
        before, _, after = pattern.partition("{}")
        for word in (*variant.flags, *variant.link, *(variant.wasm_opt or ())):
            text = word.removeprefix(before).removesuffix(after)
            if word == f"{before}{text}{after}" and text.isdecimal() and self.low <= int(text) <= self.high:
                return int(text)
        return None


@dataclass(frozen=True)
class Space:
    """Dimensions in the order of matrix.toml, which is the order of the flags."""

    dimensions: Mapping[str, tuple[Choice, ...]]

    def choice(self, dimension: str, params: Params) -> Choice:
        """The choice of a point in one dimension."""
        return next(c for c in self.dimensions[dimension] if c.label == params[dimension])

    def choose(self, params: Params) -> list[Variant]:
        """What each choice of a point adds, in the order of the space."""
        found = []
        for name in self.dimensions:
            choice = self.choice(name, params)
            number = None if choice.low is None else int(params[numbered(name)])
            found.append(choice.at(number))
        return found

    def variant(self, params: Params) -> Variant:
        """The whole variant of a point, without a name."""
        return combine(self.choose(params))

    def first(self) -> dict[str, str | int]:
        """The point of each dimension's first choice; ranges at their lower end."""
        point: dict[str, str | int] = {}
        for name, choices in self.dimensions.items():
            point[name] = choices[0].label
            if choices[0].low is not None:
                point[numbered(name)] = choices[0].low
        return point

    def without(self, refused: Mapping[str, Collection[str]]) -> Space:
        """The space without the choices of these labels, {dimension: labels}, and dimensions without any."""
        left = {
            name: tuple(c for c in choices if c.label not in refused.get(name, ()))
            for name, choices in self.dimensions.items()
        }
        return Space({name: choices for name, choices in left.items() if choices})

    def find(self, variant: Variant) -> dict[str, str | int] | None:
        """The point of a variant, in any order of flags; None if it is not in the space.

        Options of LLVM that the linker gets too may be missing there: without -flto they do nothing.
        """
        wanted = _bag(variant)
        params: dict[str, str | int] = {}
        for name, choices in self.dimensions.items():
            numbers = [(c, c.number_in(variant)) for c in choices]
            within = [
                (c, n) for c, n in numbers if (c.low is None or n is not None) and _bag(c.at(n)) <= wanted
            ]
            if not within:
                return None
            chosen, number = max(within, key=lambda each: len(_bag(each[0].part)))
            params[name] = chosen.label
            if number is not None:
                params[numbered(name)] = number
        found = self.variant(params)
        return params if _bag(found) == wanted and set(variant.link) <= set(found.link) else None

    def described(self) -> dict[str, Any]:
        """As JSON, for keys and records."""
        return {
            name: [[c.part.flags, c.part.link, c.part.wasm_opt, c.part.needs, c.low, c.high] for c in choices]
            for name, choices in self.dimensions.items()
        }


class Wanted(StrEnum):
    """What the best candidate has most of, or least."""

    SPEED = "speed"  # the geometric mean of ratios to native, of all workloads under all backends
    WORST = "worst"  # the least gain over the baseline, of all workloads under all backends
    SIZE = "size"  # bytes of the module
    COMPILE = "compile"  # time that the backend takes to compile it


@dataclass(frozen=True)
class Goal:
    """What a search is for."""

    wanted: Wanted = Wanted.SPEED
    slowdown: float | None = None  # of the smallest module, compared with the fastest: at most this share


@dataclass(frozen=True)
class Tuning:
    """The search that backend= asks for; workloads and backends are in the plan."""

    space: Space
    budget_s: float  # of work, all runs of one search together
    hints: Mapping[str, Variant]  # combinations that were fast for other programs: tried first
    baselines: tuple[Variant, ...]  # measured together with the best; the last one is to be beaten
    taken: Mapping[str, Variant]  # the matrix's own variants: a winner that equals one has its name
    goal: Goal = Goal()


def numbered(dimension: str) -> str:
    """The name of the number in a point whose choice of this dimension is a range."""
    return f"{dimension} #"


def combine(parts: Sequence[Variant]) -> Variant:
    """One variant of several parts, nameless: their words one after the other."""
    flags = tuple(word for part in parts for word in part.flags)
    link = tuple(word for part in parts for word in part.link)
    opts = [part.wasm_opt for part in parts if part.wasm_opt is not None]
    needs = tuple(dict.fromkeys(feature for part in parts for feature in part.needs))
    return Variant("", flags, link, tuple(word for opt in opts for word in opt) if opts else None, needs)


def _bag(variant: Variant) -> frozenset[tuple[str, str, int]]:
    """The words of a variant without their order, and without LLVM's options for the linker.

    Each says which of its equals it is.
    """
    found: set[tuple[str, str, int]] = set()
    seen: dict[tuple[str, str], int] = {}
    link = [word for word in variant.link if not word.startswith("-mllvm=")]
    lists = (("flags", variant.flags), ("link", link), ("wasm_opt", variant.wasm_opt or ()))
    for key, words in lists:
        for word in words:
            seen[key, word] = seen.get((key, word), 0) + 1
            found.add((key, word, seen[key, word]))
    return frozenset(found)
