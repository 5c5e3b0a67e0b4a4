"""Where a run launches: its account, its journal, and what its containers are started with."""

from __future__ import annotations

import os
from functools import cached_property

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.cloud_plan import CloudPlan
from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.images import uri
from llm_claims.sagemaker.journal import Journal, default_folder
from llm_claims.sagemaker.launcher import Launcher
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import QUICK
from llm_claims.sagemaker.preflight import Needs, check
from llm_claims.sagemaker.stacks import Stack
from llm_claims.sagemaker.sweep import SweepReport
from llm_claims.sagemaker.visits import Terms

_EMULATED_SECONDS = 600


class Workplace:
    """One process's way to AWS; nothing is asked there before something is launched or checked."""

    def __init__(self, run: RunId, stack: Stack, *, emulated: bool = False) -> None:
        self.run = run
        self.stack = stack
        self.emulated = emulated

    @cached_property
    def account(self) -> Account:
        """The account of this process's environment.

        Raises
        ------
        SetUpError
            No region is set, or boto3 is not installed.
        """
        return Account.of_environment()

    @cached_property
    def _launcher(self) -> Launcher:
        return Launcher(self.account, self.run, Journal(default_folder()), pace=QUICK if self.emulated else None)

    def launcher(self) -> Launcher:
        """The launcher of this process."""
        return self._launcher

    @cached_property
    def terms(self) -> Terms:
        """How containers are started and asked."""
        if self.emulated:
            return Terms(
                self._registry,
                device="cpu",
                warm_up=False,
                inference_ami=None,
                lifetime_seconds=_EMULATED_SECONDS,
                start_up_seconds=_EMULATED_SECONDS,
                job_seconds=_EMULATED_SECONDS,
                collect_seconds=0.2,
            )
        return Terms(self._registry, device="cuda", warm_up=True, inference_ami=self.stack.inference_ami)

    def _registry(self, image: str) -> str:
        return uri(image, self.account.region)

    def check(self, plan: CloudPlan | None) -> None:
        """Check everything that can be known to be wrong before anything is created.

        Without a plan (the process that hands out the work collects no tests) its machines are not looked at.

        Raises
        ------
        SetUpError, NoCapacity
            Something is not fit; the text says what, and what to do.
        """
        if self.emulated and not os.environ.get("AWS_ENDPOINT_URL"):
            raise SetUpError("--instance local needs an emulator of SageMaker: name its address in AWS_ENDPOINT_URL")
        launches = plan.launches if plan is not None else ()
        most: dict[str, dict[str, int]] = {"job": {}, "endpoint": {}}
        for deployment in dict.fromkeys(launch.deployment for launch in launches):
            named = most[deployment.kind]
            # Each process launches one thing at a time. A quota for fewer than there are workers shows at the launch.
            named[f"ml.{deployment.instance}"] = max(deployment.count, named.get(f"ml.{deployment.instance}", 0))
        images = frozenset(self._registry(launch.deployment.image) for launch in launches)
        if plan is None:
            images = frozenset(
                map(self._registry, {*self.stack.serving.values(), *filter(None, [self.stack.training])})
            )
        check(self.account, Needs(most["job"], most["endpoint"], images))

    def sweep(self) -> SweepReport:
        """Remove whatever this run has left, in any of its processes, and say what."""
        return self._launcher.close(whole_run=True)
