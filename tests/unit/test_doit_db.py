"""doit's memory survives a SIGKILL and a damaged file."""

import pytest
from doit.dependency import JSONCodec

from pipeline.tasks.doit_db import JournalDB


def opened(path):
    return JournalDB(str(path), JSONCodec())


def save(db, task, value):
    """As doit's Dependency.save_success does it."""
    db.set(task, "_values_:", {"v": value})
    db.set(task, "deps:", ["a"])


def test_a_task_is_on_the_disk_as_soon_as_it_is_done(tmp_path):
    db = opened(tmp_path / "db")
    save(db, "one", 1)
    db.set("two", "_values_:", {"v": 2})  # not finished
    other = opened(tmp_path / "db")  # the first one is never closed: its process was killed
    assert other.get("one", "_values_:") == {"v": 1}
    assert other.get("two", "_values_:") is None


def test_what_is_forgotten_is_forgotten_at_once(tmp_path):
    db = opened(tmp_path / "db")
    save(db, "one", 1)
    db.remove("one")
    assert opened(tmp_path / "db").get("one", "deps:") is None


@pytest.mark.parametrize("rubbish", [b"rubbish" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_put_aside(tmp_path, rubbish, capsys):
    path = tmp_path / "db"
    path.write_bytes(rubbish)
    db = opened(path)
    save(db, "one", 1)
    db.dump()
    assert (tmp_path / "db.damaged").read_bytes() == rubbish
    assert "was damaged" in capsys.readouterr().err
    assert opened(path).get("one", "_values_:") == {"v": 1}


def test_an_entry_that_is_no_json_is_not_there(tmp_path):
    db = opened(tmp_path / "db")
    save(db, "one", 1)
    db._conn.execute("update doit set task_data = ?", (b"{rubbish",))
    db._conn.commit()
    assert opened(tmp_path / "db").get("one", "deps:") is None
