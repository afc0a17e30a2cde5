"""The run of a workload that a profile is counted in: what its validation runs, natively."""

from __future__ import annotations

from pipeline.build.profiles import Training
from pipeline.core import paths
from pipeline.core.model import Workload
from pipeline.workloads.validators import validator_of


def training(workload: Workload) -> Training:
    """Of the first case that is measured, with as many iterations as a validation run has."""
    validator = validator_of(workload)
    case = validator.timed[0]
    stdin = validator.stdin(case)
    if stdin is None and workload.stdin is not None:
        stdin = paths.staged_stdin(workload.name)
    return Training(
        arguments=tuple(validator.arguments(case, validator.validation_iterations)[1:]),
        status=validator.status(case),
        env=dict(workload.env),
        stdin=stdin,
        files={name: f"{paths.staged_files(workload.name)}/{name}" for name in workload.files},
    )
