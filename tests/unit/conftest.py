"""What several modules of unit tests use."""

from __future__ import annotations

import pytest

from pipeline.runtimes.engines import debian


def script(path, text):
    """A program in sh."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def debian_programs(tmp_path, monkeypatch):
    """A folder that is PATH, of stand-ins: an apt-get that knows an archive, apt's helper, and dpkg-deb."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(debian, "_HELPER", str(folder / "helper"))
    script(folder / "apt-get", "echo 'Debian Debian https://here.invalid/debian/'")
    script(folder / "dpkg-deb", "true")
    script(folder / "helper", 'shift 3; echo "$@" >> asked; printf "a package" > "$2"')
    return folder
