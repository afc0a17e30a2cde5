"""Checks documents: format, line lengths, tables of contents, links, commands, and the files that they name.

    python .ci/docs.py [FILE ...]

Without arguments all documents of the project. Prints one line for each finding; exit status 1 if there are
any. `mdformat FILE` wraps a file and writes its table of contents.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "CHANGELOG.md", "SECURITY.md", "third_party/coremark/README.md", "docs/*.md")
#: Characters in a line: of prose, and of tables and code.
PROSE, WIDE = 100, 120
#: README.md is for a first-time visitor: at most so many lines, all as narrow as prose.
README_LINES = 130

_CONTENTS = "<!-- mdformat-toc start "
_FOLDERS = (".ci", "benchmarks", "docs", "pipeline", "tests", "third_party", "toolchain", "workloads")
#: A file or folder of the project in `code`.
_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, _FOLDERS))})/[\w./-]*|[\w-]+\.py")
_COMMANDS = {"run", "list", "clean", "forget", "info", "help"}
_PLACEHOLDER = re.compile(r"[…{]|[A-Z]{4}")


def findings(name: str, text: str) -> Iterator[str]:
    """One line for each thing that is wrong with a document; ``name`` is its path relative to the project."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for row, what in (*_lengths(name, text, tokens), *_links(name, tokens), *_code(tokens)):
        yield f"{name}:{row}: {what}"
    if name.startswith("docs/") and _CONTENTS not in text:
        yield f"{name}: no table of contents; add: {_CONTENTS}--slug=github --no-anchors -->"


def _lengths(name: str, text: str, tokens: list[Token]) -> Iterator[tuple[int, str]]:
    lines = text.splitlines()
    wide = {
        row
        for token in tokens
        if token.type in ("table_open", "fence") and token.map
        for row in range(*token.map)
    }
    for row, line in enumerate(lines):
        most = WIDE if row in wide and name != "README.md" else PROSE
        if len(line) > most and not line.startswith("<!--"):
            yield row + 1, f"{len(line)} characters; at most {most}"
    if name == "README.md" and len(lines) > README_LINES:
        yield len(lines), f"{len(lines)} lines; at most {README_LINES}"


def _links(name: str, tokens: list[Token]) -> Iterator[tuple[int, str]]:
    for row, token in _inline(tokens):
        target = str(token.attrs.get("href") or token.attrs.get("src") or "")
        if not target or re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        if not file.exists():
            yield row, f"link to {target}: no such file"
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield row, f"link to {target}: no such heading"


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a document in addresses."""
    seen: Counter[str] = Counter()
    found = set()
    tokens = MarkdownIt("commonmark").parse(text)
    for opening, heading in pairwise(tokens):
        if opening.type == "heading_open":
            plain = "".join(each.content for each in heading.children or [])
            slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def _code(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    for row, token in _inline(tokens):
        if token.type == "code_inline":
            yield from ((row, what) for what in (*command(token.content), *_files(token.content)))
    for token in tokens:
        if token.type == "fence" and token.map:
            for offset, line in enumerate(token.content.splitlines()):
                yield from ((token.map[0] + 2 + offset, what) for what in command(line))


def _files(code: str) -> Iterator[str]:
    if not _PATH.fullmatch(code) or _PLACEHOLDER.search(code) or code.startswith("workloads/local/"):
        return
    if not ((ROOT / code).exists() or ("/" not in code and code in _own_names())):
        yield f"`{code}`: no such file"


@cache
def _own_names() -> set[str]:
    return {"dodo.py", *(path.name for folder in _FOLDERS for path in (ROOT / folder).rglob("*.py"))}


def command(line: str) -> Iterator[str]:
    """What is wrong with a shell line if it calls doit: the command, a task or a variable does not exist."""
    match = re.search(r"(?:^|&& )(?:\.venv/bin/|time )?doit( [^#]*?)?(?:&&|\\?$|  #| > )", line)
    if match is None:
        return
    words = [word for word in shlex.split(match[1] or "") if not word.startswith("-") and not word.isdigit()]
    if words and words[0] not in _COMMANDS:
        yield f"`{line.strip()}`: no command {words[0]} of doit"
    asks = words[1:2] == ["help"]
    for word in words[1:]:
        name, given, _ = word.partition("=")
        if _PLACEHOLDER.search(name) or word == "help":
            continue
        if given and name not in variables():
            yield f"`{line.strip()}`: no variable {name}"
        if not given and words[0] == "run" and name not in tasks() and not (asks and name in variables()):
            yield f"`{line.strip()}`: no task {name}"


def tasks() -> set[str]:
    """Names of tasks in dodo.py."""
    tree = ast.parse((ROOT / "dodo.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {name.removeprefix("task_") for name in names if name.startswith("task_")}


def variables() -> set[str]:
    """Names of variables that a command line may give: those of the table in docs/usage.md."""
    table = (ROOT / "docs/usage.md").read_text(encoding="utf-8").partition("\n## Variables\n")[2]
    rows = re.findall(r"^\| (`[^|]*) \|", table.partition("\n## ")[0], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def _inline(tokens: list[Token]) -> Iterator[tuple[int, Token]]:
    for token in tokens:
        for child in token.children or []:
            yield (token.map[0] + 1 if token.map else 0), child


def main(arguments: list[str]) -> int:
    names = arguments or [str(p.relative_to(ROOT)) for each in DOCUMENTS for p in sorted(ROOT.glob(each))]
    found = [what for name in names for what in findings(name, (ROOT / name).read_text(encoding="utf-8"))]
    print("\n".join(found) if found else f"documents: {len(names)} checked, nothing found")
    format_ = subprocess.run([sys.executable, "-m", "mdformat", "--check", *names], cwd=ROOT, check=False)
    return 1 if found or format_.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
