"""Plain words: names the places where a comment, docstring, message or document uses a word that a reader
must read twice, with what to write in its place. Exit status 1 if there are any.

    python .ci/words.py [FILE or FOLDER ...]

Without arguments all files that git tracks. Checked in Python: comments, docstrings, strings, and names.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: (pattern, what to write). Whole words, any case.
WORDS = {
    r"another": "different, other, a second",
    r"beside|besides": "next to, with, relative to, in addition to",
    r"told|untold": "reported, shown, given",
    r"(?:is|are|was|were|be) said": "is reported, is documented",
    r"(?:lies|lying|lie) (?:there|in|here|beside|below|on)": "is, exists",
    r"whoever|whatever|whom": "the user, the process; any",
    r"makers?": "authors, developers",
    r"strangers?(?:'s)?": "others, users",
    r"somebody(?: else)?(?:'s)?|nobody": "a person: say who; prebuilt (of modules)",
    r"alike": "equally, indistinguishable",
    r"elsewhere": "on a different machine, in a different place: say which",
    r"afresh|anew": "again, from the start",
    r"(?:is|are|was|were) of(?! (?:type|size|length|order|course|use|no use))": "belongs to, is for",
    r"in vain|at a glance|without ado|for once|in truth|on end|by itself alone": "say it plainly",
    r"type: (?=doit|pip|rm|git|apt|npm|uv)": "run: ",
    r"theirs|foreign": "prebuilt, external",
    r"beholds?|thereof|hence|wherein|whereby|hitherto": "a word of today",
    r"makes? no number|tell nothing|says nothing of": "does not say, is not evidence for",
    r"metaphor": "the thing itself",
}
#: Names of variables, functions and classes that hold no meaning.
NAMES = {
    "told": "say what was reported",
    "said": "say what was printed",
    "theirs": "prebuilt, other_hosts",
    "foreign": "prebuilt, external",
    "alike": "indistinguishable, equal",
    "elsewhere": "other_hosts, rebuilt",
    "untold": "missing",
}
_PATTERNS = [(re.compile(rf"\b(?:{word})", re.IGNORECASE), cure) for word, cure in WORDS.items()]
_ENDS = re.compile(r"\w")
#: Not to be changed: licences, claims as they were published, this list.
_LEFT_OUT = (
    "LICENSE",
    "claims.toml",
    ".ci/words.py",
    "artifacts.lock",
    "tests/data/",
    # Their digests are in artifacts.lock.
    "workloads/",
    "third_party/",
    "pipeline/build/guest_clock.c",
)
_TEXT = (".md", ".toml", ".jinja", ".css", ".js", ".c", ".h", ".txt")


def tracked(arguments: list[str]) -> list[str]:
    """The files to check, relative to the project."""
    listed = subprocess.run(
        ["git", "ls-files", "--", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if not name.startswith(_LEFT_OUT)]


def texts(name: str, content: str) -> Iterator[tuple[int, str]]:
    """(line, text) of what people read in a file: of Python comments and strings, of others all lines."""
    if name.endswith(".md"):  # `code` names a thing that cannot be called differently
        content = re.sub(r"`[^`\n]+`", "``", content)
    if not name.endswith(".py"):
        yield from enumerate(content.splitlines(), 1)
        return
    kinds = (
        tokenize.COMMENT,
        tokenize.STRING,
        *(getattr(tokenize, n) for n in ("FSTRING_MIDDLE",) if hasattr(tokenize, n)),
    )
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in kinds:
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def names(content: str) -> Iterator[tuple[int, str]]:
    """(line, name) of everything that a Python file names."""
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def findings(name: str, content: str) -> Iterator[str]:
    """One line for each word that is to be replaced."""
    for row, text in texts(name, content):
        for pattern, cure in _PATTERNS:
            for match in pattern.finditer(text):
                if _ENDS.match(text[match.end() : match.end() + 1] or " ") and not match[0].endswith(" "):
                    continue  # the beginning of a longer word
                yield f"{name}:{row}: {match[0]!r}: write {cure}"
    if name.endswith(".py"):
        for row, word in names(content):
            if word.strip("_") in NAMES:
                yield f"{name}:{row}: the name {word!r}: {NAMES[word.strip('_')]}"


def main(arguments: list[str]) -> int:
    found = []
    for name in tracked(arguments):
        if name.endswith((".py", *_TEXT)):
            found += findings(name, (ROOT / name).read_text(encoding="utf-8"))
    print("\n".join(found) if found else "plain words: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
