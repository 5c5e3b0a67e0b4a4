"""Evidence measured on AWS: training jobs and endpoints of SageMaker, each launched once a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from llm_claims.document.instances import InstanceTable
from llm_claims.document.setting import Setting
from llm_claims.errors import ClaimsError, ProgramError, Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.sagemaker.answers import Answers, evidence_of
from llm_claims.sagemaker.budget import Budget, Spent
from llm_claims.sagemaker.cloud_plan import CloudPlan
from llm_claims.sagemaker.deployments import Deployment, deployment_of
from llm_claims.sagemaker.durations import MOST_JOB_SECONDS
from llm_claims.sagemaker.errors import NoCapacity
from llm_claims.sagemaker.launches import Asked, Launch, launches_for
from llm_claims.sagemaker.messages import request_of
from llm_claims.sagemaker.prices import Prices
from llm_claims.sagemaker.stacks import Stack
from llm_claims.sagemaker.visits import Heard, Launches, Terms, Visit
from llm_claims.sources.base import Need, Placed, Source, refuse_secondary, within_setting
from llm_claims.sources.store import EvidenceStore, Failure
from llm_claims.workloads.base import Workload
from llm_claims.workloads.defaults import Defaults
from llm_claims.workloads.hardware import Processor

LEAST_ROUNDS = 3
_LOOK_SECONDS = 0.2


class Workplace(Protocol):
    """Where this run launches: made when something is launched, and never for a plan."""

    @property
    def terms(self) -> Terms:
        """How containers are started and asked."""

    def launcher(self) -> Launches:
        """The launcher of this process."""


class SageMakerSource(Source):
    """Live runs on AWS, or on an emulator of it.

    ``instances`` are the types that may be launched, without their prefix. ``emulated`` evidence is of the processor's
    scaled workloads, and never counts.
    """

    name = "sagemaker"
    markers = ("sagemaker", "live")
    live = True
    always_here = False

    def __init__(
        self,
        store: EvidenceStore,
        *,
        instances: frozenset[str],
        stack: Stack,
        table: InstanceTable,
        workplace: Workplace,
        emulated: bool = False,
        most_rounds: int = 5,
        budget_usd: float | None = None,
        commit: str | None = None,
        progress: Callable[[str, int, int, float | None], None] = lambda *_: None,
        prices: Prices | None = None,
    ) -> None:
        self._store = store
        self._instances = instances
        self.stack = stack
        self._table = table
        self._workplace = workplace
        self.emulated = emulated
        # Settings are told apart, and documented sizes judged, because this is the documented hardware.
        self.documented = not emulated
        self._most = most_rounds
        self._budget_usd = budget_usd
        self._commit = commit
        self._progress = progress
        self._prices = prices or Prices(table)
        self.plan = self.plan_for(())

    def defaults(self) -> Mapping[str, Defaults[Any]]:
        """What fills open fields here."""
        return self.stack.defaults

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields from the case's setting, then the stack's reference; refuse types that were not named."""
        if self.emulated:
            return self._place_scaled(workload, setting, on)
        workload, instance = within_setting(workload, setting, on)
        defaults = self._defaults_of(workload)
        workload = workload.filled(defaults.fields_for(workload))
        bare = instance or defaults.instance or ""
        if bare not in self._instances:
            raise Untestable(f"needs ml.{bare}: pass --instance {bare}")
        stand_in = workload.starts_from_a_stand_in
        note = (
            f"{workload.stated().get('model')} stands for the document's model, whose checkpoint is gone"
            if stand_in
            else ""
        )
        placed = Placed(workload, bare, note, stand_in=stand_in)
        self.deploy(placed)
        return placed

    def _place_scaled(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        asked = workload
        defaults = self._defaults_of(workload)
        workload, on, note = defaults.analogue(workload, on)
        if on is not None:
            raise Untestable(f"needs ml.{on}; an emulator has this machine's processor")
        refuse_secondary(setting, "an emulator")
        filled = workload.filled(defaults.fields_for(workload))
        filled.check(Processor())
        placed = Placed(filled, note=note, asked=asked)
        self.deploy(placed)
        return placed

    def _defaults_of(self, workload: Workload) -> Defaults[Any]:
        if workload.kind not in self.stack.defaults:
            raise Untestable(f"SageMaker starts nothing for {workload.kind}: it trains, serves and loads")
        return self.stack.defaults[workload.kind]

    def deploy(self, placed: Placed) -> Deployment:
        """Return the job or endpoint that measures a placed workload."""
        return deployment_of(placed, self.stack, self._table, emulated=self.emulated)

    def expect(self, needs: Sequence[Need]) -> None:
        """Plan what the selected cases will ask: what can share a job or an endpoint will."""
        self.plan = self.plan_for(needs)

    def plan_for(self, needs: Sequence[Need]) -> CloudPlan:
        """Return what has to be launched for some cases."""
        least = min(LEAST_ROUNDS, self._most)
        return CloudPlan(tuple(needs), self.deploy, self._prices, least, self._most, self._job_seconds)

    @property
    def _job_seconds(self) -> float:
        """How much a job may hold, by estimates for the documented scale: an emulator runs nothing at that scale."""
        return math.inf if self.emulated else MOST_JOB_SECONDS

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self._store.folder / "sagemaker-launches")

    @cached_property
    def budget(self) -> Budget:
        """What all processes of the run may spend together."""
        return Budget(self._answers.folder / "budget", self._budget_usd)

    @property
    def has_launched(self) -> bool:
        """Whether this run launched anything, in any of its processes."""
        return self._store.is_open and self._answers.any_done

    def evidence(self, placed: Placed) -> Evidence:
        """Return what was measured in this run, or raise what went wrong."""
        if failure := self._store.read_failure(self.name, placed):
            failure.reraise()
        evidence = self._store.read(self.name, placed)
        if evidence is None:
            raise ProgramError(f"{placed.describe()} has not been measured in this run")
        return evidence

    def entries(self) -> list[Evidence]:
        """All evidence that was measured in this run."""
        return self._store.entries(self.name)

    # Measuring

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        """Measure until all have their rounds: what is planned together is launched together, each launch once."""
        wanted = set(placed)
        self._see_to([launch for launch in self.plan.launches if wanted & set(launch.placed)])
        self._see_to(self._further(placed, rounds))

    def _further(self, placed: Sequence[Placed], rounds: int) -> list[Launch]:
        """Launches for the rounds that nobody planned: a relation could not decide, or a case was not expected."""
        missing: dict[Deployment, list[Asked]] = {}
        for one in placed:
            if self._store.read_failure(self.name, one) is not None:
                continue
            have = {kept.request.round for kept in self._answers.of(one.key)}
            for number in range(1, rounds + 1 if one.workload.fixed_seed is None else 2):
                if number not in have:
                    missing.setdefault(self.deploy(one), []).append(Asked(one, number))
        ordered = {deployment: sorted(asked, key=lambda one: one.round) for deployment, asked in missing.items()}
        return [
            launch
            for deployment, asked in ordered.items()
            for launch in launches_for(deployment, asked, self._job_seconds)
        ]

    def _see_to(self, wanted: Sequence[Launch]) -> None:
        """Make every launch that nobody has made; while another process makes one, make others of the plan."""
        while open_ones := [launch for launch in wanted if not self._answers.is_done(launch.key)]:
            others = [launch for launch in self.plan.launches if not self._answers.is_done(launch.key)]
            if not any(self._try(launch) for launch in dict.fromkeys((*open_ones, *others))):
                time.sleep(_LOOK_SECONDS)

    def _try(self, launch: Launch) -> bool:
        """Make a launch, if it is this process's turn."""
        with self._answers.turn(launch.key) as mine:
            if mine:
                self._make(launch)
                self._answers.mark_done(launch.key)
        return mine

    def _make(self, launch: Launch) -> None:
        price = self.plan.prices.usd(launch.deployment.instance, launch.deployment.count, 1.0)
        try:
            self.budget.set_aside(launch.key, price * launch.seconds)
        except Spent as spent:
            self._fail(launch, Failure(cause="out_of_budget", text=str(spent)))
            return
        started = time.monotonic()
        visit = Visit(launch, self._workplace.launcher(), self._workplace.terms, self._keep, self._tell)
        billed: float | None = None
        try:
            billed = visit.make()
        except NoCapacity as refusal:
            billed = 0.0
            self._fail(launch, Failure(cause="no_capacity", text=f"no capacity: {refusal}"))
        except ClaimsError as error:
            where = f"{launch.deployment.kind} on ml.{launch.deployment.instance}"
            self._fail(launch, Failure(text=f"{where}: {error}"))
        finally:
            self.budget.settle(launch.key, price * (time.monotonic() - started if billed is None else billed))
        for one in launch.placed:
            self._grow(one)

    def _tell(self, asked: Asked) -> None:
        self._progress(asked.placed.describe(), asked.round, self._most, None)

    def _keep(self, heard: Heard) -> None:
        image = self.deploy(heard.asked.placed).image
        self._answers.write(heard, request_of(heard.asked), image)

    def _fail(self, launch: Launch, failure: Failure) -> None:
        """Remember why, for whatever the launch was to measure and has not."""
        have = {one.key: {kept.request.round for kept in self._answers.of(one.key)} for one in launch.placed}
        for asked in launch.asked:
            if asked.round not in have[asked.placed.key]:
                self._store.write_failure(self.name, asked.placed, failure)

    def _grow(self, placed: Placed) -> None:
        """Make evidence of all answers there are, in the order of their rounds."""
        with self._store.lock(self.name, placed):
            answers = self._answers.of(placed.key)
            if not answers:
                return
            try:
                evidence = evidence_of(
                    answers,
                    self.deploy(placed),
                    device=self._workplace.terms.device,
                    emulated=self.emulated,
                    commit=self._commit,
                )
            except ClaimsError as error:
                self._store.write_failure(self.name, placed, Failure(text=str(error)))
            else:
                self._store.write(self.name, placed, evidence)
