"""A sample file that cannot be believed is as good as none."""

import json

import msgspec
import pytest

from pipeline.core.model import Status
from pipeline.measure import sample

GOOD = {
    "schema": sample.SCHEMA,
    "key": "k",
    "inputs": "i",
    "cell": "coremark/zig/O2/native",
    "round": 1,
    "status": "ok",
    "reason": None,
    "measured": "2026-01-01T00:00:00+00:00",
    "scores": [1.0, 2.0],
    "reference_scores": [3.0, 4.0],
    "cpu_shares": [1.0, 0.5],
    "reference_cpu_shares": [1.0, 1.0],
    "processors": [0, 1],
    "machine_speed": 4.0,
}


def written(tmp_path, **changes):
    """A sample as write() leaves it, with its fields changed and the digest made to fit."""
    path = tmp_path / "round-01.json"
    data = {**GOOD, **changes}
    try:
        sample.write(path, msgspec.convert(data, sample.Sample))
    except (msgspec.ValidationError, ValueError):
        path.write_text(json.dumps(data))
    return path


def test_what_is_written_is_read(tmp_path):
    one = sample.read(written(tmp_path))
    assert one is not None
    assert one.scores == GOOD["scores"]
    sample.write(tmp_path / "again.json", one)
    assert sample.read(tmp_path / "again.json") == one


def test_an_edited_number_is_no_sample(tmp_path):
    path = written(tmp_path)
    assert sample.read(path) is not None
    path.write_text(path.read_text().replace("2.0", "3.0"))
    assert sample.read(path) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 0},
        {"measured": "yesterday"},
        {"measured": "2026-13-01T00:00:00+00:00"},
        {"measured": "2026-01-01T00:00:00"},
        {"measured": "2026-01-01T00:00:00.5+00:00"},
        {"scores": [1.0]},
        {"scores": [1.0, -2.0]},
        {"scores": [1.0, 1e300]},
        {"scores": [1.0, float("nan")]},
        {"scores": [1.0, "2"]},
        {"scores": [], "reference_scores": []},
        {"cpu_shares": [1.0]},
        {"cpu_shares": [1.0, float("nan")]},
        {"reference_cpu_shares": [1.0, -1.0]},
        {"processors": [0]},
        {"machine_speed": None},
        {"machine_speed": 0.0},
        {"warmup_scores": [0.0]},
        {"trend": [1.0]},
        {"status": "fine"},
        {"status": Status.TRAP},
        {"round": "one"},
        {"extra": 1},
    ],
)
def test_absurd_values_are_no_sample(tmp_path, changes):
    assert sample.read(written(tmp_path, **changes)) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null", b"[]"])
def test_broken_files_are_no_sample(tmp_path, content):
    path = tmp_path / "round-01.json"
    path.write_bytes(content)
    assert sample.read(path) is None
    assert sample.read(tmp_path / "none.json") is None


def test_a_truncated_file_is_no_sample(tmp_path):
    raw = written(tmp_path).read_bytes()
    path = tmp_path / "cut.json"
    for length in range(len(raw) - 1):
        path.write_bytes(raw[:length])
        assert sample.read(path) is None
