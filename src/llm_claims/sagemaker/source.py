"""Evidence measured on AWS: training jobs and endpoints of SageMaker, each launched once a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import cached_property
from typing import Protocol

from llm_claims.document.instances import InstanceTable
from llm_claims.document.setting import Setting
from llm_claims.errors import ClaimsError, Inconclusive, ProgramError, Untestable
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
from llm_claims.sources.base import Placed, SourceKind, is_stand_in, refuse_secondary
from llm_claims.sources.needs import Need
from llm_claims.sources.scaled import check_here
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.base import Workload, seed_of
from llm_claims.workloads.reference import Reference

LEAST_ROUNDS = 3
_LOOK_SECONDS = 0.2
_NO_CAPACITY = "no capacity: "
_SPENT = "out of budget: "


class Workplace(Protocol):
    """Where this run launches: made when something is launched, and never for a plan."""

    @property
    def terms(self) -> Terms:
        """How containers are started and asked."""

    def launcher(self) -> Launches:
        """The launcher of this process."""


class SageMakerSource:
    """Live runs on AWS, or on an emulator of it.

    ``instances`` are the types that may be launched, without their prefix. ``emulated`` evidence is of the processor's
    scaled workloads, and never counts.
    """

    name = "sagemaker"
    kind: SourceKind = "sagemaker"
    measures_as: SourceKind = "sagemaker"
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
        self._needs: tuple[Need, ...] = ()

    @property
    def reference(self) -> Reference:
        """What fills open fields here."""
        return self.stack.reference

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields from the case's setting, then the stack's reference; refuse types that were not named."""
        if self.emulated:
            return self._place_scaled(workload, setting, on)
        instance = on
        if setting is not None:
            known = type(workload).model_fields
            held = {name: value for name, value in setting.fields().items() if name in known}
            workload = workload.filled(held)
            instance = on or setting.instance
        workload = workload.filled(self.reference.fields(workload))
        bare = (instance or self.reference.instance(workload.kind) or "").removeprefix("ml.")
        if bare not in self._instances:
            raise Untestable(f"needs ml.{bare}: pass --instance {bare}")
        stand_in = is_stand_in(workload)
        note = f"{workload.model} stands for the document's model, whose checkpoint is gone" if stand_in else ""
        placed = Placed(workload, bare, note, stand_in=stand_in)
        self.deploy(placed)
        return placed

    def _place_scaled(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        asked = workload
        workload, on, note = self.reference.analogue(workload, on)
        if on is not None:
            raise Untestable(f"needs ml.{on.removeprefix('ml.')}; an emulator has this machine's processor")
        refuse_secondary(setting, "an emulator")
        filled = workload.filled(self.reference.fields(workload))
        check_here(filled)
        placed = Placed(filled, note=note, asked=asked)
        self.deploy(placed)
        return placed

    def deploy(self, placed: Placed) -> Deployment:
        """Return the job or endpoint that measures a placed workload."""
        return deployment_of(placed, self.stack, self._table, emulated=self.emulated)

    def expect(self, needs: Sequence[Need]) -> CloudPlan:
        """Learn what the selected cases will ask: what can share a job or an endpoint will. Return the plan."""
        self._needs = tuple(needs)
        self.__dict__.pop("plan", None)
        return self.plan

    @cached_property
    def plan(self) -> CloudPlan:
        """What is to be launched for the cases that are expected."""
        least = min(LEAST_ROUNDS, self._most)
        return CloudPlan(self._needs, self.deploy, self._prices, least, self._most, self._job_seconds)

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
        failure = self._store.read_failure(self.name, placed)
        if failure is not None and failure.startswith(_NO_CAPACITY):
            raise Inconclusive(failure)
        if failure is not None and failure.startswith(_SPENT):
            raise Untestable(failure.removeprefix(_SPENT))
        if failure is not None:
            raise ProgramError(failure)
        evidence = self._store.read(self.name, placed)
        if evidence is None:
            raise ProgramError(f"{placed.describe()} has not been measured in this run")
        return evidence

    def has_time_for(self, placed: Sequence[Placed], rounds: int, planned: Collection[Placed]) -> bool:
        """A budget of dollars it has, and none of time: launches that cannot be paid are refused one by one."""
        return True

    def reused(self, placed: Placed) -> date | None:
        """Nothing is taken over: a job of another day ran on another machine."""

    def close(self) -> None:
        """Nothing of this process: every launch ends what it started; the run's sweep comes once, at its end."""

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
            for number in range(1, rounds + 1 if seed_of(one.workload) is None else 2):
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
            self._fail(launch, f"{_SPENT}{spent}")
            return
        started = time.monotonic()
        visit = Visit(launch, self._workplace.launcher(), self._workplace.terms, self._keep, self._tell)
        billed: float | None = None
        try:
            billed = visit.make()
        except NoCapacity as refusal:
            billed = 0.0
            self._fail(launch, f"{_NO_CAPACITY}{refusal}")
        except ClaimsError as error:
            self._fail(launch, f"{launch.deployment.kind} on ml.{launch.deployment.instance}: {error}")
        finally:
            self.budget.settle(launch.key, price * (time.monotonic() - started if billed is None else billed))
        for one in launch.placed:
            self._grow(one)

    def _tell(self, asked: Asked) -> None:
        self._progress(asked.placed.describe(), asked.round, self._most, None)

    def _keep(self, heard: Heard) -> None:
        image = self.deploy(heard.asked.placed).image
        self._answers.write(heard, request_of(heard.asked), image)

    def _fail(self, launch: Launch, text: str) -> None:
        """Remember why, for whatever the launch was to measure and has not."""
        have = {one.key: {kept.request.round for kept in self._answers.of(one.key)} for one in launch.placed}
        for asked in launch.asked:
            if asked.round not in have[asked.placed.key]:
                self._store.write_failure(self.name, asked.placed, text)

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
                self._store.write_failure(self.name, placed, str(error))
            else:
                self._store.write(self.name, placed, evidence)
