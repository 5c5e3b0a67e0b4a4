"""Evidence measured on AWS, by training jobs and endpoints of SageMaker."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from llm_claims.document.setting import Setting
from llm_claims.errors import ProgramError
from llm_claims.evidence.evidence import Evidence
from llm_claims.sagemaker.answers import AnswerStore
from llm_claims.sagemaker.budget import Budget, BudgetExceeded
from llm_claims.sagemaker.cloud_plan import CloudPlan
from llm_claims.sagemaker.cloud_run import CloudRun
from llm_claims.sagemaker.deployments import Deployment
from llm_claims.sagemaker.durations import MOST_JOB_SECONDS
from llm_claims.sagemaker.errors import NoCapacity
from llm_claims.sagemaker.execution import Execution
from llm_claims.sagemaker.launches import Launch, PlacedRequest, pack_launches
from llm_claims.sagemaker.machines import Machines
from llm_claims.sagemaker.placement import Placement
from llm_claims.sagemaker.prices import Prices
from llm_claims.sagemaker.quotas import quota_name
from llm_claims.sagemaker.results import Results
from llm_claims.sources.base import Need, Placed, Source
from llm_claims.sources.store import EvidenceStore, Failure
from llm_claims.workloads.base import Defaults, Workload

LEAST_ROUNDS = 3
MOST_ROUNDS = 5
"""Unless stated: here a round is paid for, and those of an endpoint are asked before it is known what they decide."""
_POLL_SECONDS = 0.2
_DIED = "the process that launched it died before it had all answers; it is not launched again, for it may be billed"


class SageMakerSource(Source):
    """Measures live on AWS, or on an emulator of it. Each launch is carried out once in a run.

    Parameters
    ----------
    store
        The evidence of the run.
    placement
        Where workloads go. What an emulator gives does not count.
    cloud_run
        Account, launcher and container settings. A plan uses none of them.
    most_rounds
        The most rounds that a relation may take.
    budget_usd
        What the run may spend; None for no limit.
    commit
        The commit of the tested code, for the provenance.
    progress
        Called before each request to an endpoint, with workload, round, `most_rounds` and None.
    prices
        Prices for plan and budget; by default those of the table.
    unread_folder
        Where raw answers are kept that could not be used; None to keep none.
    """

    name = "sagemaker"
    markers = ("sagemaker", "live")
    live = True
    always_here = False

    def __init__(
        self,
        store: EvidenceStore,
        placement: Placement,
        cloud_run: CloudRun,
        *,
        most_rounds: int = MOST_ROUNDS,
        budget_usd: float | None = None,
        commit: str | None = None,
        progress: Callable[[str, int, int, float | None], None] = lambda *_: None,
        prices: Prices | None = None,
        unread_folder: Path | None = None,
    ) -> None:
        self._store = store
        self._placement = placement
        self._cloud_run = cloud_run
        self.emulated = placement.emulated
        # AWS has the document's own hardware.
        self.documented = not placement.emulated
        self.most_rounds: int = most_rounds
        self._budget_usd = budget_usd
        self._commit = commit
        self._progress = progress
        self._prices = prices or Prices(placement.table)
        self._unread_folder = unread_folder
        self.plan = self.plan_for(())

    def defaults(self) -> Mapping[str, Defaults[Any]]:
        """What fills open fields, by kind of workload."""
        return self._placement.stack.defaults

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Return where a workload goes: see `Placement.place`, also for what it raises."""
        return self._placement.place(workload, setting, on)

    def expect(self, needs: Sequence[Need]) -> None:
        """Plan the launches of this run: those that all selected cases need together."""
        self.plan = self.plan_for(needs)

    def plan_for(self, needs: Sequence[Need]) -> CloudPlan:
        """Return the plan for some cases."""
        least = min(LEAST_ROUNDS, self.most_rounds)
        return CloudPlan(
            tuple(needs), self._placement.deployment_for, self._prices, least, self.most_rounds, self._job_seconds
        )

    @property
    def _job_seconds(self) -> float:
        """The time limit of a job; none on an emulator, since the estimates are for the document's sizes."""
        return math.inf if self._placement.emulated else MOST_JOB_SECONDS

    @cached_property
    def _answers(self) -> AnswerStore:
        return AnswerStore(self._store.folder / "sagemaker-launches")

    @cached_property
    def _results(self) -> Results:
        return Results(
            self.name, self._store, self._answers, self._placement, self._cloud_run, self._commit, self._unread_folder
        )

    @cached_property
    def budget(self) -> Budget:
        """What all processes of the run may spend together."""
        return Budget(self._answers.folder / "budget", self._budget_usd)

    @cached_property
    def machines(self) -> Machines:
        """The machines that all processes of the run may use at one time."""
        return Machines(self._answers.folder / "machines")

    @property
    def has_launched(self) -> bool:
        """Whether any process of this run launched anything."""
        return self._store.is_open and self._answers.any_begun

    def evidence(self, placed: Placed) -> Evidence:
        """Return the evidence that was measured in this run.

        Raises
        ------
        ProgramError
            Its launch failed, or there was none.
        Inconclusive
            AWS had no capacity.
        Untestable
            The budget was spent.
        """
        if failure := self._store.read_failure(self.name, placed):
            failure.reraise()
        evidence = self._store.read(self.name, placed)
        if evidence is None:
            raise ProgramError(f"{placed.describe()} has not been measured in this run")
        return evidence

    def entries(self) -> list[Evidence]:
        """Return all evidence that was measured in this run."""
        return self._store.entries(self.name)

    # Measuring

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        """Carry out the planned launches that measure these workloads, then further ones for missing rounds."""
        wanted = set(placed)
        self._ensure_done([launch for launch in self.plan.launches if wanted & set(launch.placed)])
        self._ensure_done(self._further_launches(placed, rounds))

    def _further_launches(self, placed: Sequence[Placed], rounds: int) -> list[Launch]:
        """Return launches for missing rounds: because a relation could not decide, or a case was not planned."""
        missing: dict[Deployment, list[PlacedRequest]] = {}
        for one in placed:
            if self._store.read_failure(self.name, one) is not None:
                continue
            answered = self._answers.rounds(one.key)
            for number in range(1, rounds + 1 if one.workload.fixed_seed is None else 2):
                if number not in answered:
                    missing.setdefault(self._placement.deployment_for(one), []).append(PlacedRequest(one, number))
        return [
            launch
            for deployment, requests in missing.items()
            for launch in pack_launches(deployment, sorted(requests, key=lambda one: one.round), self._job_seconds)
        ]

    def _ensure_done(self, wanted: Sequence[Launch]) -> None:
        """Return once all launches are done. While another process carries one out, carry out others of the plan."""
        while open_ones := [launch for launch in wanted if not self._answers.is_done(launch.key)]:
            others = [launch for launch in self.plan.launches if not self._answers.is_done(launch.key)]
            if not any(self._try_launch(launch) for launch in dict.fromkeys((*open_ones, *others))):
                time.sleep(_POLL_SECONDS)

    def _try_launch(self, launch: Launch) -> bool:
        """Carry out a launch, unless another process does so or did, or no machine is free; return whether it did.

        It is done however it ends: it may have been paid for, and no process carries it out again.
        """
        deployment = launch.deployment
        quota = quota_name("training job" if deployment.kind == "job" else "endpoint", f"ml.{deployment.instance}")
        with self.machines.held(quota, deployment.count) as free, self._answers.lock(launch.key) as mine:
            if free and mine:
                try:
                    if self._answers.is_begun(launch.key):
                        self._results.write_failure(launch, Failure(text=_DIED))
                    else:
                        self._launch(launch)
                finally:
                    self._answers.mark_done(launch.key)
        return free and mine

    def _launch(self, launch: Launch) -> None:
        """Carry out a launch within the budget; store its evidence, and the failure of requests without an answer."""
        usd_per_second = self.plan.prices.usd(launch.deployment.instance, launch.deployment.count, 1.0)
        try:
            entry = self.budget.reserve(launch.key, usd_per_second * launch.seconds)
        except BudgetExceeded as exceeded:
            self._results.write_failure(launch, Failure(cause="out_of_budget", text=str(exceeded)))
            return
        self._answers.mark_begun(launch.key)
        started = time.monotonic()
        billed_seconds: float | None = None
        try:
            billed_seconds = self._execution(launch).run()
        except NoCapacity as refusal:
            billed_seconds = 0.0
            self._results.write_failure(launch, Failure(cause="no_capacity", text=f"no capacity: {refusal}"))
        except BaseException as error:  # a time limit of the test, too
            where = f"{launch.deployment.kind} on ml.{launch.deployment.instance}"
            self._results.write_failure(launch, self._results.failure(launch, error, f"{where}: "))
            if not isinstance(error, Exception):
                raise
        finally:
            seconds = time.monotonic() - started if billed_seconds is None else billed_seconds
            self.budget.settle(entry, usd_per_second * seconds)
            for one in launch.placed:
                self._results.write_evidence(launch, one)

    def _execution(self, launch: Launch) -> Execution:
        return Execution(
            launch,
            self._cloud_run.launcher,
            self._cloud_run.container_settings,
            self._results.write_answer,
            self._report,
            lambda text: self._answers.write_raw(launch.key, text),
        )

    def _report(self, request: PlacedRequest) -> None:
        self._progress(request.placed.describe(), request.round, self.most_rounds, None)
