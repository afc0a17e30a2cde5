"""Which files of a folder make one program: the file with ``main``, and what that uses, directly or not.

For ``doit run new`` with a whole repository, whose tests, examples and tools have their own ``main``.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import toolchain
from pipeline.core.errors import BadInput, near_miss
from pipeline.workloads import c_text
from pipeline.workloads.c_text import Unit

#: Folders and files of such names are rarely the program that is meant.
_ASIDE = re.compile(
    r"(unit|api|smoke|self|fuzz)?[-_]?(tests?|testing|testsuite|examples?|samples?|demos?"
    r"|bench(marks?)?|fuzz(ing|er|ers)?|contrib|docs?|tools?|scripts?|utils?|extras?|external|third_?party|deps|vendor|win(32|dows)?|oss-fuzz)[-_]?\d*",
    re.IGNORECASE,
)
_ASIDE_FILE = re.compile(
    r"(?:.*[-_.])?(tests?|example|demo|bench(mark)?|fuzz(er)?|smoke)\d*|test[-_].*", re.IGNORECASE
)


#: A header in a package's RECORD, as a program includes it: of the compiler, C++, musl and wasi-libc.
_HEADER = re.compile(
    r"^ziglang/lib/(?:include|libcxx/include|libcxxabi/include|libc/include/(?:[\w-]*-musl|any-linux-any))/([^,\n]+),",
    re.MULTILINE,
)


@dataclass
class Choice:
    """The proposal."""

    main: str
    sources: list[str]  # what is compiled, main first
    others: list[str] = field(default_factory=list)  # files with a main of their own
    unused: list[str] = field(default_factory=list)  # sources that the program does not use
    included: list[str] = field(default_factory=list)  # sources that others include
    includes: list[str] = field(default_factory=list)  # folders for -I
    missing: dict[str, str] = field(default_factory=dict)  # {header that is nowhere: who includes it}
    ambiguous: dict[str, list[str]] = field(default_factory=dict)  # {name: files that define it}
    system: dict[str, str] = field(default_factory=dict)  # {header that is not in the tree: who includes it}
    used: set[str] = field(default_factory=set)  # names that it uses


class Tree:
    """The C and C++ files of a folder, read."""

    def __init__(self, root: str, files: Sequence[str], suffixes: tuple[str, ...]) -> None:
        texts = {name: Path(root, name).read_text("utf-8", "replace") for name in files}
        macros = {macro for text in texts.values() for macro in c_text.macros_of(text)}
        self.units: dict[str, Unit] = {name: c_text.read(text, macros) for name, text in texts.items()}
        self.sources = [name for name in files if name.endswith(suffixes)]
        self._by_end: dict[str, list[str]] = defaultdict(list)
        for name in files:
            self._by_end[posixpath.basename(name)].append(name)
        self.folders = sorted({posixpath.dirname(name) for name in files})
        #: {file: (what it includes, whether that is found without -I)}.
        self.reached: dict[str, list[str]] = {}

    def find(self, including: str, name: str, quoted: bool) -> tuple[str | None, bool]:
        """(the file of that name, whether it is next to the one that includes it)."""
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(including), name))
        if quoted and beside in self.units:
            return beside, True
        end = posixpath.normpath(name)
        while end.startswith("../"):
            end = end[3:]
        found = [
            each for each in self._by_end[posixpath.basename(end)] if each == end or each.endswith(f"/{end}")
        ]
        nearest = min(found, key=lambda each: (aside(each), _distance(including, each), each), default=None)
        return nearest, False

    def with_included(self, name: str) -> list[str]:
        """The file, and all that it includes, directly or not."""
        if name not in self.reached:
            seen = {name: None}
            queue = [name]
            while queue:
                at = queue.pop()
                for other, quoted in self.units[at].includes:
                    path, _ = self.find(at, other, quoted)
                    # A source that is included on a condition is rather compiled by itself.
                    doubtful = path in self.sources and other not in self.units[at].certain
                    if path and path not in seen and not doubtful:
                        seen[path] = None
                        queue.append(path)
            self.reached[name] = list(seen)
        return self.reached[name]


def choose(tree: Tree, program: str, main: str | None = None) -> Choice:
    """The program of a tree; ``program`` is the folder's name. Raises BadInput where there is no ``main``."""
    mains = [name for name in tree.sources if _has_main(tree, name)]
    included = {
        other for name in tree.sources for other in tree.with_included(name)[1:] if other in tree.sources
    }
    if main is not None:
        if main not in tree.sources:
            raise BadInput(
                f"command line: main: {main!r}: no such file{near_miss(main, mains or tree.sources)}"
            )
    elif not mains:
        raise BadInput(
            "command line: from: no file there has a function main; expected the files of one program"
        )
    else:
        main = min(mains, key=lambda name: _rank(name, program))
    choice = Choice(main, [main])
    choice.others = [name for name in mains if name != main]
    _close(tree, choice, set(choice.others))
    _place_headers(tree, choice)
    known = _system_headers() if choice.system else set()
    choice.missing = {name: source for name, source in choice.system.items() if name not in known}
    reached = {other for name in choice.sources for other in tree.with_included(name)}
    left = [name for name in tree.sources if name not in choice.sources]
    choice.included = [name for name in left if name in reached and name in included]
    choice.unused = [name for name in left if name not in choice.others and name not in choice.included]
    return choice


def aside(name: str) -> bool:
    """Whether a file is, by its folders or its name, one of tests, examples, tools and the like."""
    *folders, file = name.split("/")
    return any(map(_ASIDE.fullmatch, folders)) or bool(_ASIDE_FILE.fullmatch(file.rpartition(".")[0]))


def _has_main(tree: Tree, name: str) -> bool:
    """Whether it defines main, or includes a source that does."""
    return any(tree.units[each].main for each in tree.with_included(name))


def _rank(name: str, program: str) -> tuple[object, ...]:
    stem = posixpath.basename(name).rpartition(".")[0].lower()
    named = stem == "main" or program.startswith(stem) or stem.startswith(program)
    return aside(name), stem != program, not named, name.count("/"), name


def _system_headers() -> set[str]:
    """Names that the headers of the bundled compiler and its C libraries can be included by."""
    records = [path for path in toolchain.discover()["zig"].files() if path.endswith("/RECORD")]
    return {name for record in records for name in _HEADER.findall(Path(record).read_text("utf-8"))}


def _distance(one: str, other: str) -> int:
    """Steps from a file's folder to that of the other."""
    here, there = one.split("/")[:-1], other.split("/")[:-1]
    same = sum(1 for _ in _common(here, there))
    return len(here) + len(there) - 2 * same


def _common(here: Sequence[str], there: Sequence[str]) -> list[str]:
    shared = []
    for one, other in zip(here, there, strict=False):
        if one != other:
            break
        shared.append(one)
    return shared


def _close(tree: Tree, choice: Choice, without: set[str]) -> None:
    """Add the sources that define what the program uses, until nothing is missing that one of them has."""
    definers: dict[str, list[str]] = defaultdict(list)
    for name in tree.sources:
        if name not in without:
            for symbol in tree.units[name].defined:
                definers[symbol].append(name)
    bodies: dict[str, set[str]] = defaultdict(set)
    for name, unit in tree.units.items():
        for symbol, words in unit.bodies.items():
            if name not in tree.sources:
                bodies[symbol] |= words
    queue, own = [choice.main], set[str]()
    while queue:
        name = queue.pop()
        used = _used(tree, name, bodies)
        own |= {symbol for each in tree.with_included(name) for symbol in tree.units[each].defined}
        choice.used |= used
        for symbol in sorted(used & definers.keys() - own):
            here = definers[symbol]
            taken = [each for each in here if each in choice.sources]
            if taken or any(each in tree.with_included(name) for each in here):
                continue
            best = min(here, key=lambda each: (aside(each), _distance(name, each), each))
            if (
                aside(best)
                and posixpath.dirname(best) != posixpath.dirname(name)
                and not _calls(tree, name, symbol)
            ):
                continue  # rather a name of its own
            if len(here) > 1:
                choice.ambiguous.setdefault(symbol, here)
            choice.sources.append(best)
            own |= tree.units[best].defined
            queue.append(best)


def _calls(tree: Tree, name: str, symbol: str) -> bool:
    return any(symbol in tree.units[each].called for each in tree.with_included(name))


def _used(tree: Tree, name: str, bodies: Mapping[str, set[str]]) -> set[str]:
    """Names that a source uses, also by macros and functions of headers."""
    found: set[str] = set()
    queue = set[str]()
    for each in tree.with_included(name):
        unit = tree.units[each]
        if each in tree.sources:
            queue |= unit.used
            queue |= {word for words in unit.bodies.values() for word in words}
    while queue:
        found |= queue
        queue = {word for symbol in queue for word in bodies.get(symbol, ())} - found
    return found


def _place_headers(tree: Tree, choice: Choice) -> None:
    """Folders for -I, and headers that are nowhere."""
    own = {posixpath.dirname(name) or "." for name in choice.sources}
    folders: dict[str, None] = {}
    for source in choice.sources:
        for name in tree.with_included(source):
            for other, quoted in tree.units[name].includes:
                path, beside = tree.find(name, other, quoted)
                if path is None:
                    if other not in tree.units[name].certain:
                        continue
                    choice.system.setdefault(other, name)
                elif not beside:
                    end = posixpath.normpath(other)
                    folders[posixpath.normpath(path[: len(path) - len(end)] or ".")] = None
    if not own.issuperset(folders):
        choice.includes = list(folders)
