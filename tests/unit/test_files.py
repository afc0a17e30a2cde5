"""Files are whole or not there."""

import os
import stat

import pytest

from pipeline.core import files


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    files.write_atomic(path, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_program_that_fails_leaves_no_output(tmp_path):
    path = tmp_path / "a.o"

    def compiler(output):
        with open(output, "w") as stream:
            stream.write("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), files.fresh_file(path) as temporary:
        compiler(temporary)
    assert os.listdir(tmp_path) == []


def test_files_get_the_permissions_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_atomic(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert files.digest_of({"a": 1, "b": 2}) == files.digest_of({"b": 2, "a": 1})
    assert files.digest_of({"a": 1}) != files.digest_of({"a": 2})


def test_json_refuses_what_is_no_number(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "a", {"score": float("nan")})
    assert os.listdir(tmp_path) == []


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")
