"""What workers take as the version of a package is what Python's own library says."""

from importlib import metadata

import pytest

from pipeline.runtimes.workers import installed


def test_every_installed_package_has_the_version_that_its_metadata_say():
    found = {each.name: each.version for each in metadata.distributions()}
    assert len(found) > 20
    assert {name: installed.version(name) for name in found} == {
        name: metadata.version(name) for name in found
    }


@pytest.mark.parametrize("name", ["in_toto.attestation", "In-Toto-Attestation", "in-toto-attestation"])
def test_names_are_compared_as_pip_compares_them(name):
    assert installed.version(name) == metadata.version("in-toto-attestation")


def test_what_is_not_installed_is_an_error():
    with pytest.raises(metadata.PackageNotFoundError):
        installed.version("no-such-package-here")
