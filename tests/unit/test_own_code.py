"""What a task depends on of our own files is derived from imports, and comments are no change."""

import ast
import hashlib
import io
import os
import random
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import own_code

ROOT = own_code.ROOT
MODULES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for package in own_code.PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "workers" not in path.parts
)


def parsed(module):
    """What the parser says that a module imports of ours."""
    path = own_code._file(module)
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                own_code._file(name)
                for name in (node.module, *(f"{node.module}.{a.name}" for a in node.names))
            )
        elif isinstance(node, ast.Import):
            yield from (own_code._file(alias.name) for alias in node.names)


@pytest.mark.parametrize("module", MODULES)
def test_every_import_that_the_parser_finds_is_in_the_closure(module):
    assert {path for path in parsed(module) if path} <= set(own_code.files_of(module))


def test_a_closure_is_closed():
    for module in random.Random(1).sample(MODULES, 20):
        files = own_code.files_of(module)
        for path in files:
            name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            assert set(own_code.files_of(name)) <= set(files), (module, name)


def test_an_unknown_module_is_named():
    with pytest.raises(ValueError, match=r"pipeline\.nothing: no module"):
        own_code.files_of("pipeline.nothing")


@pytest.mark.parametrize(
    ("script", "neighbours"),
    [
        ("js_worker.js", {"guest.js", "wasi.js", "wasi_files.js"}),
        ("spidermonkey_worker.py", {"serve.py", "guest.js", "wasi.js", "wasi_files.js"}),
        ("wasm2c_worker.py", {"serve.py", "clock.py", "wasm2c_wasi.c", "wasm2c_run.c", "wasm2c_host.h"}),
        ("wasm3_worker.py", {"serve.py", "wasm3_host/wasi.py", "wasm3_host/files.py"}),
        ("native_worker.py", {"serve.py", "spawn.py"}),
    ],
)
def test_a_worker_brings_what_it_imports_and_names(script, neighbours):
    names = {os.path.relpath(path, own_code._WORKERS) for path in own_code.worker_files(script)}
    assert {script, *neighbours} <= names
    assert all((ROOT / own_code._WORKERS / name).is_file() for name in names)


CODE = '''"""Docstring."""

import os


class Thing:
    """Docstring
    of two lines."""

    def size(self):  # a comment
        """Docstring."""
        return os.sep + "# no comment" + """

        text"""
'''


@pytest.mark.parametrize(
    "edited",
    [
        CODE.replace("Docstring", "Changed"),
        CODE.replace("  # a comment", ""),
        CODE + "# one more\n\n",
        CODE.replace("import os\n", "import os\n# why\n\n"),
        CODE.replace('        """Docstring."""\n', ""),
    ],
)
def test_comments_and_docstrings_are_no_change(edited):
    assert edited != CODE
    assert own_code._bare(edited.encode()) == own_code._bare(CODE.encode())


@pytest.mark.parametrize(
    "edited",
    [
        CODE.replace("os.sep", "os.pathsep"),
        CODE.replace("# no comment", "# a comment"),
        CODE.replace("\n\n        text", "\n        text"),
        CODE.replace('"""\n\n        text"""', '"""\n\n        text """'),
        CODE.replace("        return", "        x = 1\n        return"),
        CODE.replace(
            'class Thing:\n    """Docstring\n    of two lines."""', 'class Thing: """Docstring"""; x = 1'
        ),
    ],
)
def test_all_else_is_a_change(edited):
    assert edited != CODE
    assert own_code._bare(edited.encode()) != own_code._bare(CODE.encode())


@given(st.text())
def test_what_is_no_python_is_taken_as_it_is(text):
    raw = f"def ({text}".encode("utf-8", "surrogatepass")
    assert own_code._bare(raw) == raw


#: What differs between tokenizers and parsers of CPython 3.11 to 3.15: f-strings above all.
TRICKY = '''
import os  # a comment

def shown(name, rows):
    """Docstring."""
    head = f"{name!r:>{len(rows)}} # no comment {'#' + name}"  # one
    return f"""{head}

    {rows[0]["key"]:
>10} {{#}} # no comment
    {
        len(rows)
    }

    end""" rf'{name}\\d#' "\f\u2028#"  # two


class Empty:
    """Docstring."""

    match = type = None
'''


def test_the_digest_is_the_same_under_every_python():
    """Recorded: a result that was made under one CPython is up to date under the next."""
    bare = own_code._bare(TRICKY.encode())
    assert (
        hashlib.sha256(bare).hexdigest() == "1adbb9eafc5d52902311d3a7cc4fe26704e1b520809ed6fc7f9dd465cd649eb9"
    )
    assert bare.count(b"no comment") == 2
    assert b"a comment" not in bare


def test_a_file_is_read_again_once_it_is_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("pipeline/x.py")
    path.parent.mkdir()
    seen = set()
    for text in ("1\n", "2\n", "3\n"):
        path.write_text(text)
        os.utime(path, ns=(1, 1))
        seen |= {own_code.digest(path), own_code.digest(str(path))}
    assert len(seen) == 3


def test_only_our_own_python_is_read_without_its_comments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pipeline").mkdir()
    digests = set()
    for name in ("pipeline/x.py", "pipeline/x.js", "x.py"):
        for text in ("1\n", "1\n# more\n"):
            Path(name).write_text(text)
            digests.add((name, own_code.digest(name)))
    assert len(digests) == 5


@pytest.mark.parametrize("module", MODULES)
def test_the_comments_are_those_that_the_tokenizer_finds(module):
    raw = (ROOT / own_code._file(module)).read_bytes()
    comments, words = tokens(own_code._bare(raw).decode("utf-8"))
    assert not comments
    assert words == tokens(raw.decode("utf-8"))[1], "nothing else is left out"


def tokens(text):
    """(comments, all other words but strings that are statements, as docstrings are)."""
    layout = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    found = list(tokenize.generate_tokens(io.StringIO(text).readline))
    comments = [token.string for token in found if token.type == tokenize.COMMENT]
    found = [t for t in found if t.type not in (tokenize.COMMENT, tokenize.NL)]
    around = zip([None, *found], found, [*found[1:], None], strict=False)
    words = [
        token.string
        for before, token, after in around
        if token.type not in layout
        and not (
            token.type == tokenize.STRING
            and (before is None or before.type in layout)
            and (after is None or after.type in layout)
        )
    ]
    return comments, words
