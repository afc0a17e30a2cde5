"""Documents: what .ci/docs.py finds, and that docs/results.md has the keys of results.json."""

import importlib.util

import pytest

from pipeline.tasks.command_line import owners
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def script():
    """A script of the project as a module, by its path."""

    def load(path):
        spec = importlib.util.spec_from_file_location("script", ROOT / path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="module")
def docs(script):
    return script(".ci/docs.py")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 100, []),
        ("a" * 101, ["1: 101 characters; at most 100"]),
        ("```\n" + "a" * 120 + "\n```", []),
        ("```\n" + "a" * 121 + "\n```", ["2: 121 characters; at most 120"]),
        ("[a](docs/usage.md#variables)", []),
        ("[a](docs/usage.md#nothing)", ["1: link to docs/usage.md#nothing: no such heading"]),
        ("[a](docs/nothing.md)", ["1: link to docs/nothing.md: no such file"]),
        ("![a](https://example.org/x.png)", []),
        ("`pipeline/core/paths.py`, `paths.py`, `tests/`, `pipeline/NAME/`", []),
        ("`pipeline/nothing.py`", ["1: `pipeline/nothing.py`: no such file"]),
        ("`layout.py`", ["1: `layout.py`: no such file"]),
        ("```\ndoit run verify bundle=X.tar  # a comment\n```", []),
        ("```\ndoit run claim\n```", ["2: `doit run claim`: no task claim"]),
        ("`doit run variant=O3`", ["1: `doit run variant=O3`: no variable variant"]),
        ("`doit ran`", ["1: `doit ran`: no command ran of doit"]),
        ("`python x && .venv/bin/doit run rund`", ["1: `python x && .venv/bin/doit run rund`: no task rund"]),
    ],
)
def test_findings(docs, text, expected):
    assert list(docs.findings("x.md", text)) == [f"x.md:{what}" for what in expected]


def test_a_table_of_contents_is_asked_for(docs):
    (found,) = docs.findings("docs/x.md", "text\n")
    assert found.startswith("docs/x.md: no table of contents")


def test_a_long_readme_is_found(docs):
    assert list(docs.findings("README.md", "a\n" * 130)) == []
    assert list(docs.findings("README.md", "a\n" * 131)) == ["README.md:131: 131 lines; at most 130"]
    assert list(docs.findings("README.md", "| a |\n| - |\n| " + "a" * 100 + " |\n")) == [
        "README.md:3: 104 characters; at most 100"
    ]


def test_headings_are_called_as_github_calls_them(docs):
    text = "# doit's `own` commands\n\n## Stop, continue\n\n## Stop, continue\n"
    assert docs.anchors(text) == {"doits-own-commands", "stop-continue", "stop-continue-1"}


def test_documents_of_the_project(docs):
    names = [str(path.relative_to(ROOT)) for each in docs.DOCUMENTS for path in sorted(ROOT.glob(each))]
    assert len(names) > 10
    assert [what for n in names for what in docs.findings(n, (ROOT / n).read_text(encoding="utf-8"))] == []


def test_usage_md_has_every_variable(docs):
    assert docs.variables() == set(owners())


def test_results_md_has_the_keys_of_the_types(script):
    """Also that mdformat changed nothing but line breaks and escapes."""
    module = script("docs/make_results_keys.py")
    text = module.PLACE.read_text(encoding="utf-8").partition(module.BEGIN)[2].partition(module.END)[0]
    made = module.keys(module.json_schema()["$defs"])
    assert text.replace("\\", "").split() == made.replace("\\", "").split(), (
        "run: python docs/make_results_keys.py"
    )
