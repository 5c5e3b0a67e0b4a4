"""``pytest -p tests.docker.plugin --instance local``: endpoints in Docker instead of the emulated SageMaker."""

from __future__ import annotations

import os

import pytest

from llm_claims.sagemaker.cloud_run import CloudRun
from llm_claims.sagemaker.demand import Demand
from llm_claims.sagemaker.sweep import SweepReport
from tests.docker.launcher import DockerLauncher, docker, left

_ADDRESS = "AWS_ENDPOINT_URL"


class DockerReport(SweepReport):
    """What is left of containers."""

    def describe(self) -> str:
        return f"docker: {len(self.left)} containers left"


def check(self: CloudRun, demand: Demand) -> dict[str, int]:
    """Make sure that Docker answers."""
    docker("version")
    return {}


def sweep(self: CloudRun) -> SweepReport:
    """Remove what is left: the launcher removes each container itself."""
    found = left()
    for container in found:
        docker("rm", "--force", container)
    return DockerReport("docker", left=tuple(found))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put Docker in the place of the account. An address keeps the emulator from being started; nobody asks there."""
    os.environ.setdefault(_ADDRESS, "http://127.0.0.1:9")
    os.environ.setdefault("AWS_REGION", "us-east-1")
    CloudRun.check = check  # type: ignore[method-assign]
    CloudRun.sweep = sweep  # type: ignore[method-assign]
    CloudRun.launcher = DockerLauncher()  # type: ignore[assignment]
