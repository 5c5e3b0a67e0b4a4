"""What one process needs to launch on AWS: the account, a launcher, and how containers are started."""

from __future__ import annotations

import os
from functools import cached_property

from llm_claims.sagemaker import preflight
from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.demand import Demand
from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.execution import ContainerSettings
from llm_claims.sagemaker.images import image_address
from llm_claims.sagemaker.journal import Journal, default_folder
from llm_claims.sagemaker.launcher import Launcher
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import QUICK
from llm_claims.sagemaker.stacks import Stack
from llm_claims.sagemaker.sweep import SweepReport

_EMULATED_SECONDS = 600


class CloudRun:
    """One process of a run on AWS. Nothing is read from the environment or asked of AWS before it is needed."""

    def __init__(self, run: RunId, stack: Stack, *, emulated: bool = False) -> None:
        self.run = run
        self.stack = stack
        self.emulated = emulated

    @cached_property
    def account(self) -> Account:
        """The account in this process's environment.

        Raises
        ------
        SetUpError
            No region is set, or boto3 is not installed.
        """
        return Account.of_environment()

    @cached_property
    def launcher(self) -> Launcher:
        """The launcher of this process."""
        return Launcher(self.account, self.run, Journal(default_folder()), pace=QUICK if self.emulated else None)

    @cached_property
    def container_settings(self) -> ContainerSettings:
        """How containers are started and asked."""
        if self.emulated:
            return ContainerSettings(
                self._image_address,
                device="cpu",
                warm_up=False,
                inference_ami=None,
                lifetime_seconds=_EMULATED_SECONDS,
                start_up_seconds=_EMULATED_SECONDS,
                job_seconds=_EMULATED_SECONDS,
                collect_seconds=0.2,
            )
        ami = self.stack.inference_ami
        return ContainerSettings(self._image_address, device="cuda", warm_up=True, inference_ami=ami)

    def _image_address(self, image: str) -> str:
        return image_address(image, self.account.region)

    def check(self, demand: Demand) -> dict[str, int]:
        """Check the account for a plan, before anything is created; return the quotas of its machines.

        Raises
        ------
        SetUpError, NoQuota
            A check failed; the text says what is wrong and what to do.
        """
        if self.emulated and not os.environ.get("AWS_ENDPOINT_URL"):
            raise SetUpError("--instance local needs an emulator of SageMaker: set AWS_ENDPOINT_URL to its address")
        addresses = frozenset(map(self._image_address, demand.images))
        return preflight.check(self.account, preflight.PlannedResources(demand.jobs, demand.endpoints, addresses))

    def sweep(self) -> SweepReport:
        """Remove what any process of this run has left in the account."""
        return self.launcher.close(whole_run=True)
