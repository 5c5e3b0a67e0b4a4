"""What to launch, and how a job ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

JobStatus = Literal["Completed", "Failed", "Stopped", "Unknown"]
"""``Unknown``: AWS did not say how the job ended, or that it has."""


@dataclass(frozen=True)
class TrainingSpec:
    """One training job.

    Parameters
    ----------
    label
        A short part of the job's name: letters, digits, hyphens.
    image
        The address of the container image: registry, repository and tag.
    instance_type
        Such as ``ml.p4d.24xlarge``.
    instance_count
        The number of machines.
    source
        The folder to upload as the job's source code.
    command
        The command to run in that folder, in a container on every machine.
    environment
        Environment variables of the command.
    max_runtime_seconds
        The stopping condition: AWS stops the job then, even if nobody waits for it any more.
    """

    label: str
    image: str
    instance_type: str
    instance_count: int
    source: Path
    command: str
    environment: Mapping[str, str]
    max_runtime_seconds: int


@dataclass(frozen=True)
class EndpointSpec:
    """One endpoint on one machine.

    Parameters
    ----------
    label, image, instance_type, environment
        As in `TrainingSpec`.
    archive
        The model archive ``model.tar.gz``: ``serving.properties``, ``model.py`` and the package.
    start_up_seconds
        How long it may take to come into service.
    lifetime_seconds
        A schedule in the account deletes the endpoint then, even if the run was killed.
    inference_ami
        The machine image (AMI) that the container's CUDA needs; None for AWS's default.
    """

    label: str
    image: str
    instance_type: str
    archive: Path
    environment: Mapping[str, str]
    start_up_seconds: int
    lifetime_seconds: int
    inference_ami: str | None = None


@dataclass(frozen=True)
class JobResult:
    """How a training job ended. Texts are scrubbed.

    ``failure`` is AWS's reason, or what kept us from following the job or its log to the end, or None; ``lines`` are
    its log; ``billable_seconds`` is None if AWS did not say; ``instance_type`` (``ml.…``) and ``instance_count`` are
    what it ran on.
    """

    status: JobStatus
    failure: str | None
    lines: tuple[str, ...]
    billable_seconds: float | None
    instance_type: str
    instance_count: int
    image_digest: str | None
