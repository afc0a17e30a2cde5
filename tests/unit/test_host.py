"""Machines: this one is always described, and the record of a different one is used if it is valid."""

import json
import platform
from pathlib import Path
from types import SimpleNamespace

import archspec.cpu
import msgspec
import pytest

from pipeline.core import host, paths
from pipeline.core.host import Host
from pipeline.measure import host_records
from pipeline.results.model import HostRecord

NAME = "b" * 12
GOOD = {"fingerprint": "b" * 64, "cpu": "Testing CPU 9000", "cores": 2, "os": "Linux"}


@pytest.fixture
def described(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def describe(**changes):
        path = Path(paths.host_record(NAME))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**GOOD, **changes}))
        found = host_records.describe(NAME)
        msgspec.convert(found, HostRecord, from_attributes=True)
        return found

    return describe


def test_a_valid_record_is_used(described):
    assert described() == Host(**GOOD)


@pytest.mark.parametrize(
    "changes",
    [
        {"os": ""},
        {"cores": 0},
        {"memory_bytes": -1},
        {"memory_bytes": 2**63},
        {"cpu": ""},
        {"cpu": None},
        {"kernel": ""},
        {"fingerprint": NAME + "x"},
        {"fingerprint": "b" * 64 + "\n"},
        {"fingerprint": "a" * 64},
    ],
)
def test_of_an_invalid_record_only_the_folder_s_name_is_believed(described, changes):
    assert described(**changes) == Host(fingerprint=NAME, cpu=f"unknown host {NAME}")


def test_a_machine_without_names_is_described(monkeypatch):
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"PRETTY_NAME": ""})
    monkeypatch.setattr(host, "_cpuinfo", dict)
    monkeypatch.setattr(archspec.cpu, "host", lambda: SimpleNamespace(name=""))  # it caches its answer
    for name in ("processor", "machine", "system"):
        monkeypatch.setattr(platform, name, lambda: "")
    monkeypatch.setattr(host, "fingerprint", lambda: "a" * 64)
    found = msgspec.convert(host.describe(), HostRecord, from_attributes=True)
    assert (found.cpu, found.os) == ("unknown processor", "unknown system")
