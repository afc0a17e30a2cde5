"""Odd environments, languages, outputs, masks and paths: a run ends as in any other."""

import os
import shutil
import subprocess

import pytest

from pipeline.core import paths
from tests.conftest import make_workspace
from tests.faults import harness
from tests.faults.around import ONE, ends_well, start

FAULTS = "odd surroundings"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, finished):
    made = finished(tmp_path_factory.mktemp("surroundings") / "a copy")
    made.run(*ONE)
    return made


#: {what: variables}; None for one that is not there.
VARIABLES = {
    "no HOME": {"HOME": None},
    "a HOME that is not there": {"HOME": "/nonexistent/home"},
    "a HOME that cannot be written to": {"HOME": "/proc"},
    "no TMPDIR": {"TMPDIR": None},
    "a TMPDIR that is not there": {"TMPDIR": "/nonexistent/tmp"},
    "a TMPDIR that cannot be written to": {"TMPDIR": "/proc"},
    "no PATH": {"PATH": None},
    "an empty PATH": {"PATH": ""},
    "no TERM": {"TERM": None},
    "the language C": {"LC_ALL": "C", "LANG": "C"},
    "the language POSIX": {"LC_ALL": "POSIX", "LANG": "POSIX"},
    "a language that is not there": {"LC_ALL": "xx_YY.UTF-9"},
    "PYTHONSAFEPATH": {"PYTHONSAFEPATH": "1"},
    "PYTHONHASHSEED": {"PYTHONHASHSEED": "77"},
    "PYTHONOPTIMIZE": {"PYTHONOPTIMIZE": "2"},
    "a different time zone": {"TZ": "Pacific/Kiritimati"},
}
#: Where time is short: together.
FEW = ("a HOME that is not there", "a TMPDIR that is not there", "an empty PATH", "no TERM")
FEW += ("the language C", "PYTHONHASHSEED")


def test_variables(workspace, often, tried):
    for names in often([FEW], [FEW, *([name] for name in VARIABLES)]):
        given = {key: value for name in names for key, value in VARIABLES[name].items()}
        present = {key: value for key, value in given.items() if value is not None}
        ends_well(workspace, start(workspace, env=present, without=given.keys() - present.keys()))
        for name in names:
            tried(name, "ok")


def test_the_report_is_the_same_in_all_of_them(workspace, often, tried):
    workspace.run(*ONE)
    report = workspace.path / paths.REPORT
    wanted = {path.name: path.read_bytes() for path in report.iterdir() if path.is_file()}
    assert paths.RESULTS_JSON.rpartition("/")[2] in wanted
    odd = ["PYTHONHASHSEED", "PYTHONOPTIMIZE", "the language C", "a different time zone"]
    for name in often(odd[:1], odd):
        shutil.rmtree(report)
        run = start(workspace, env=VARIABLES[name], keep=True)
        assert run.end() == 0, run.printed
        assert {path.name: path.read_bytes() for path in report.iterdir() if path.is_file()} == wanted, name
        tried(f"{name}, the report made again", "the same bytes")


@pytest.fixture(scope="module")
def languages(tmp_path_factory):
    """Languages whose characters are not UTF-8."""
    folder = tmp_path_factory.mktemp("languages")
    if not shutil.which("localedef"):
        pytest.skip("needs localedef")
    for name in ("en_US.ISO-8859-1", "ja_JP.EUC-JP"):
        source, characters = name.split(".")
        command = ["localedef", "-i", source, "-f", characters, str(folder / name)]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip(f"needs the sources of {name}")
    return {"LOCPATH": str(folder), "PYTHONUTF8": "0"}


def test_a_language_that_is_not_utf8(workspace, languages, tried):
    ends_well(workspace, start(workspace, env={**languages, "LC_ALL": "ja_JP.EUC-JP"}))
    tried("a locale of EUC-JP", "ok")


@pytest.mark.parametrize("name", ["latin", "ascii", "C"])
def test_an_output_that_cannot_say_all(workspace, request, name, tried):
    if name == "latin":
        env = {**request.getfixturevalue("languages"), "LC_ALL": "en_US.ISO-8859-1"}
    elif name == "ascii":
        env = {"PYTHONIOENCODING": "ascii"}
    else:
        env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ends_well(workspace, start(workspace, env=env))
    tried("an output of ASCII or ISO 8859-1", "ok")


def shell(redirection):
    """A command that starts the next with this redirection."""
    return ("sh", "-c", f'exec "$@" {redirection}', "sh")


def test_descriptors_are_closed(workspace, often, tried):
    for redirection in often(["<&- 2>&-"], ["<&-", "2>&-", "<&- 2>&-"]):
        ends_well(workspace, start(workspace, before=shell(redirection)))
        tried("standard input and error are closed", "ok")


@pytest.mark.parametrize("redirection", [">&-", "<&- >&- 2>&-"])
def test_output_is_closed(workspace, redirection, tried):
    ends_well(workspace, start(workspace, before=shell(redirection)))
    tried("standard output is closed", "ok")


@pytest.mark.parametrize("what", ["full", "gone"])
def test_output_cannot_be_written_to(workspace, what, tried):
    def no_reader():
        reading, writing = os.pipe()
        os.dup2(writing, 1)
        os.close(reading)

    how = {"before": shell(">/dev/full")} if what == "full" else {"preexec": no_reader}
    run = start(workspace, **how)
    assert run.end() == 1, run.printed
    assert "standard output" in harness.one_error(run.printed)
    assert "Exception ignored" not in run.printed
    harness.settles(workspace, *ONE, before=harness.finished(workspace))
    tried(f"standard output is {what}", "one line; the next run goes on")


def test_no_shared_memory(workspace, often, tried):
    for options in often(["ro"], ["ro", "mode=000,size=4k"]):
        mount = f'mount -t tmpfs -o {options} none /dev/shm && exec "$@"'
        before = ("unshare", "-m", "sh", "-c", mount, "sh")
        if subprocess.run([*before, "true"], capture_output=True).returncode != 0:
            pytest.skip("mounting needs root")
        ends_well(workspace, start(workspace, before=before))
        tried("no /dev/shm to write to", "ok")


def test_masks_of_files(workspace, often, tried):
    for mask in often([0o077], [0o077, 0o000, 0o027]):
        ends_well(workspace, start(workspace, preexec=lambda: os.umask(mask)))  # noqa: B023
        for place in (paths.RESULTS, paths.REPORT):
            for path in (workspace.path / place).rglob("*"):
                least = 0o777 if path.is_dir() else 0o666
                assert path.stat().st_mode & 0o777 == least & ~mask, (oct(mask), path)
        tried(f"umask {mask:03o}", "ok, and files have that mode")


def test_a_link_to_the_checkout(workspace, tmp_path, tried):
    (tmp_path / "link").symlink_to(workspace.path)
    env = {"PWD": str(tmp_path / "link"), "PYTHONPATH": str(tmp_path / "link")}
    before = ("env", "-C", str(tmp_path / "link"))
    ends_well(workspace, start(workspace, env=env, before=before))
    tried("the checkout is entered by a link", "ok, and settled by its own name, too")


#: 200 characters of what shells, URLs, make files, CSVs, pages and formats think much of.
HARD = 'it\'s "a" $HOME `id` 100% %s #1 \\ & <b> ; * ? [x] {0} ünïcode 漢字 ' + 29 * "long "
PATHS = [HARD, "two\nlines", os.fsdecode(b"caf\xe9"), "-dash", "a:b", "tab\tx", " ", "~"]


def test_paths(workspace, prepared, tmp_path, often, tried):
    """From sources to the bundle and the page: the same as in any other folder, and no place is named."""
    assert len(HARD) >= 200
    tasks = ["lock", "bundle", *often([], ["verify"])]
    for task in tasks:
        workspace.run(task)
    wanted = products(workspace)
    for number, name in enumerate(often(PATHS[:1], PATHS)):
        folder = tmp_path / str(number) / name / "a copy"
        made = make_workspace(folder, prepared, page=True)
        shutil.rmtree(folder / "build/artifacts")
        harness.settles(made, *ONE)
        for task in tasks:
            made.run(task)
        found = products(made)
        assert found == wanted, name
        page = (folder / "report/index.html").read_bytes()
        assert os.fsencode(folder.parent) not in b"".join([page, *found.values()])
        tried(
            "a path of 230 characters of all kinds" if name == HARD else f"a path with {name!r}", "same bytes"
        )


def products(workspace):
    """Artifacts, lock and bundle: what must be the same everywhere."""
    places = ("build/artifacts/coremark/zig/O3", "build/bundle", paths.LOCK)
    found = [
        path for place in places for path in [workspace.path / place, *(workspace.path / place).rglob("*")]
    ]
    return {str(path.relative_to(workspace.path)): path.read_bytes() for path in found if path.is_file()}
