"""The space of flags that ``doit run tune`` searches: dimensions, each a list of choices.

A choice is what a variant may say: flags of the compiler, of the linker and of wasm-opt, needed features.
One with ``{}`` in it stands for the whole numbers of a range. A variant takes one choice of each dimension.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
        """The point of a variant, in any order of flags; None if it is not in the space, or in a range."""
        wanted = _bag(variant)
        params: dict[str, str | int] = {}
        for name, choices in self.dimensions.items():
            within = [c for c in choices if c.low is None and _bag(c.part) <= wanted]
            if not within:
                return None
            chosen = max(within, key=lambda c: len(_bag(c.part)))
            params[name] = chosen.label
        return params if _bag(self.variant(params)) == wanted else None

    def described(self) -> dict[str, Any]:
        """As JSON, for keys and records."""
        return {
            name: [[c.part.flags, c.part.link, c.part.wasm_opt, c.part.needs, c.low, c.high] for c in choices]
            for name, choices in self.dimensions.items()
        }


@dataclass(frozen=True)
class Tuning:
    """The search that backend= asks for; the backends are in the plan."""

    space: Space
    budget_s: float  # of work, all runs of one search together
    start: tuple[Variant, ...]  # the matrix's own variants: what is tried first, if it is in the space
    baselines: tuple[Variant, ...]  # O2 and O3: measured together with the best; the last one is to be beaten


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
    """The words of a variant without their order; each says which of its equals it is."""
    found: set[tuple[str, str, int]] = set()
    seen: dict[tuple[str, str], int] = {}
    lists = (("flags", variant.flags), ("link", variant.link), ("wasm_opt", variant.wasm_opt or ()))
    for key, words in lists:
        for word in words:
            seen[key, word] = seen.get((key, word), 0) + 1
            found.add((key, word, seen[key, word]))
    return frozenset(found)
