"""What is to be launched, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

JobStatus = Literal["Completed", "Failed", "Stopped"]


@dataclass(frozen=True)
class TrainingSpec:
    """One training job.

    Parameters
    ----------
    label
        Short, for the job's name: letters, digits, hyphens.
    image
        The container image, with its registry and tag.
    instance_type
        With its prefix: ``ml.p4d.24xlarge``.
    instance_count
        How many machines.
    source
        A folder that travels as the job's source code.
    command
        Run in the container, in that folder, on every machine.
    environment
        Variables of the command's environment.
    max_runtime_seconds
        The stopping condition: AWS ends the job then, whatever happens to us. 900 to 1800 as a rule.
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
        As of `TrainingSpec`.
    archive
        ``model.tar.gz``: serving.properties, model.py, and what it needs.
    start_up_seconds
        How long it may take until it is in service.
    lifetime_seconds
        A schedule in the account deletes the endpoint then, whatever happens to us.
    inference_ami
        The machine image that the container's CUDA needs, if not the default.
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
class JobEnd:
    """How a training job ended. Texts are scrubbed."""

    status: JobStatus
    failure: str | None
    lines: tuple[str, ...]
    billable_seconds: float
    instance_type: str
    instance_count: int
    image_digest: str | None


class Endpoint(Protocol):
    """An endpoint in service."""

    @property
    def instance_type(self) -> str:
        """The type that AWS says it runs on."""

    @property
    def image_digest(self) -> str | None:
        """The digest of the image that AWS resolved, if it says so."""

    def invoke(self, body: bytes, timeout_seconds: float) -> bytes:
        """Send one request, and return the body of the answer.

        Raises
        ------
        EndpointError
            The model failed, or did not answer in time; with the scrubbed message and the last lines of the log.
        """

    def lines(self) -> list[str]:
        """What the container has logged so far, scrubbed."""
