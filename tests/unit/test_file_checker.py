"""When a file counts as changed: by time, size and content; our own Python files without their comments."""

import os

import pytest

from pipeline.tasks.file_checker import Checker


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A Python file of the project, by its relative path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline").mkdir()
    return "pipeline/some.py"


def write(path, text, time):
    with open(path, "w") as stream:
        stream.write(text)
    os.utime(path, (time, time))


def changed(path, state):
    return Checker().check_modified(path, os.stat(path), state)


def test_comments_are_no_change_however_often_they_change(own):
    write(own, "x = 1\n", 1)
    state = Checker().get_state(own, None)
    for time in (2, 3, 4):
        write(own, f"x = 1  # {time}\n", time)
        assert not changed(own, state)
        state = Checker().get_state(own, state)
        assert state[0] == time
        assert Checker().get_state(own, state) is None, "doit keeps it"
    write(own, "x = 2\n", 5)
    assert changed(own, state)


def test_a_file_of_ours_of_a_different_size_is_looked_at_although_its_time_is_the_same(own):
    write(own, "x = 1\n", 1)
    state = Checker().get_state(own, None)
    write(own, "x = 10\n", 1)
    assert changed(own, state)
    write(own, "x = 1  # more\n", 1)
    assert not changed(own, state)


def test_other_files_are_compared_as_a_whole(tmp_path):
    path = str(tmp_path / "notes.py")
    write(path, "x = 1\n", 1)
    state = Checker().get_state(path, None)
    write(path, "x = 1\n", 2)
    assert not changed(path, state)
    write(path, "x = 1 #\n", 1)
    assert changed(path, state), "of a different size, although its time is the same"


@pytest.mark.parametrize("state", [None, 3, [], [1, 2], {}])
def test_a_damaged_state_is_a_change(own, state):
    write(own, "x = 1\n", 1)
    assert changed(own, state)
