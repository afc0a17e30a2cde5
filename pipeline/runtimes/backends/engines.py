"""Engines that are built from source, as their manifests say: ../engines/NAME/engine.toml. Starts nothing."""

from __future__ import annotations

from pipeline.core.model import Backend, Runtime, Switch
from pipeline.runtimes.engines.manifest import Engine, between, engine, kind_of, manifests, number


def backends() -> tuple[Backend, ...]:
    """Those that can be named without a version: in the release of the first lock of each engine."""
    return tuple(
        backend
        for name, found in manifests().items()
        if found.unversioned
        for backend in _of(engine(name, found.families[0].release), versioned=False)
    )


def shipped() -> tuple[Backend, ...]:
    """Each engine in each release that is listed; the locks of these come with the project."""
    return tuple(
        backend
        for name, found in manifests().items()
        for number, family in enumerate(found.families)
        if family.listed
        for backend in _of(engine(name, family.release), versioned=number > 0 or not found.unversioned)
    )


def at_version(backend: Backend, version: str) -> Backend | None:
    """The backend of that name in a release of its engine; None where its name is not an engine's.

    Raises ValueError where no host serves that release.
    """
    name = backend.runtime.engine or backend.runtime.name
    if name not in manifests():
        return None
    package_before = manifests()[name].package_before
    if package_before is not None and number(version) < number(package_before):
        return None  # a version of the package that has this name
    found = engine(name, version)
    for each in _of(found, versioned=True):
        if each.name == f"{backend.name}@{version}":
            return each
    raise ValueError(f"{found.manifest.title} {version} has no {backend.name}")


def release_like(backend: Backend, version: str) -> str | None:
    """The release of the backend's engine that begins so ("6.0.1" for "6.0"), of those with a lock here."""
    found = manifests().get(backend.runtime.engine or backend.runtime.name)
    releases = [family.release for family in found.families] if found is not None else []
    return next((each for each in releases if f"{each}.".startswith(f"{version}.")), None)


def lacks(backend: Backend, version: str) -> bool:
    """Whether a host serves the backend's engine in that release, and the release has no such backend."""
    if backend.runtime.engine is None:
        return False
    try:
        found = engine(backend.runtime.engine, version)
    except ValueError:
        return False
    return all(each.name != f"{backend.name}@{version}" for each in _of(found, versioned=True))


def _of(found: Engine, *, versioned: bool) -> list[Backend]:
    """The backends of an engine in one release."""
    at = f"@{found.release}" if versioned else ""
    manifest = found.manifest
    runtime = Runtime(
        name=f"{found.name}{at}",
        worker="",
        engine=found.name,
        version=found.release,
        stack_factor=manifest.stack_factor,
        reserved_mib=manifest.reserved_mib,
        own_mib=manifest.own_mib,
        memory_factor=manifest.memory_factor,
        most_memory_mib=manifest.most_memory_mib,
        gives_bench=True,
        gives_clocks=True,
    )
    return [
        Backend(
            f"{name}{at}",
            kind_of(table),
            runtime,
            options=table.options,
            proof=table.proof,
            arguments=table.arguments,
            environment=table.environment,
            steady_s=table.steady_s,
            switches={feature: Switch() for feature in table.features},
        )
        for name, table in manifest.backends.items()
        if between(found.release, table.first, table.before)
    ]
