"""The SageMaker tier as a pytest plugin: adds its source, shows or checks its plan, and sweeps in the end."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pytest

from llm_claims.document.instances import bare
from llm_claims.errors import ClaimsError, UsageError
from llm_claims.judging.marks import claim_of
from llm_claims.judging.options import ALL, DEFAULT_BUDGET_USD, LOCAL
from llm_claims.judging.suite import Suite
from llm_claims.sagemaker.budget import check_budget
from llm_claims.sagemaker.cloud_plan import CloudPlan
from llm_claims.sagemaker.cloud_run import CloudRun
from llm_claims.sagemaker.demand import Demand, read_demand
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.placement import Placement
from llm_claims.sagemaker.prices import Prices, live_prices
from llm_claims.sagemaker.source import MOST_ROUNDS, SageMakerSource
from llm_claims.sagemaker.stacks import LOCAL as LOCAL_STACK
from llm_claims.sagemaker.stacks import STACKS


class SageMaker:
    """Registered if ``--instance`` is given: in the controlling process, and in every xdist worker."""

    def __init__(self, suite: Suite, config: pytest.Config) -> None:
        self._suite = suite
        self._config = config
        self._lines: list[str] = []
        self._swept = False
        self._checked = False
        self._given: dict[str, Any] = getattr(config, "workerinput", {})

    @property
    def _is_worker(self) -> bool:
        return bool(self._given)

    @cached_property
    def _run(self) -> RunId:
        """The id of the run: for a worker its controller's, else that in LLM_CLAIMS_RUN, else a new one."""
        given = self._given.get("llm_claims_sagemaker_run")
        return RunId(given) if given else RunId.of_environment() or RunId.new(datetime.now(UTC))

    @cached_property
    def _cloud_run(self) -> CloudRun:
        emulated = LOCAL in self._suite.options.instances
        return CloudRun(self._run, LOCAL_STACK if emulated else STACKS[self._suite.options.stack], emulated=emulated)

    def pytest_claims_sources(self, suite: Suite) -> list[SageMakerSource]:
        """Add the source of this tier."""
        return [self._source]

    @cached_property
    def _source(self) -> SageMakerSource:
        suite, options = self._suite, self._suite.options
        return SageMakerSource(
            suite.store,
            Placement(self._instance_types, self._cloud_run.stack, suite.instances, emulated=options.emulated),
            self._cloud_run,
            most_rounds=options.rounds or MOST_ROUNDS,
            budget_usd=self._budget,
            commit=suite.commit,
            progress=suite.progress.of("sagemaker"),
            prices=self._prices(),
            unread_folder=options.report / "unread",
        )

    @cached_property
    def _instance_types(self) -> frozenset[str]:
        """The instance types that may be launched, without ``ml.``.

        Raises
        ------
        UsageError
            A type is not in the instance table.
        """
        table = self._suite.instances
        given = self._suite.options.instances
        if ALL in given:
            return frozenset(table.instances)
        for name in given:
            if name != LOCAL:
                table[name]
        return frozenset(map(bare, given)) - {LOCAL}

    def _prices(self) -> Prices:
        table, options = self._suite.instances, self._suite.options
        if not options.live_prices:
            return Prices(table, free=options.emulated)
        return Prices(table, live_prices(self._cloud_run.account, tuple(sorted(self._instance_types))))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give an xdist worker the id of its run."""
        node.workerinput["llm_claims_sagemaker_run"] = self._run.text

    @property
    def _has_workers(self) -> bool:
        return bool(getattr(self._config.option, "numprocesses", None))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """With --plan, show the plan and end the session; else check budget and account before the first test."""
        options = self._suite.options
        if self._is_worker or self._config.option.collectonly or not options.has_claims:
            return None
        if self._has_workers:
            if options.plan:
                raise pytest.UsageError("--plan launches nothing and needs no workers: leave out -n")
            return None  # the controller collects no tests: its workers tell it their plan
        try:
            if not any(map(claim_of, session.items)):
                return None
            plan = self._plan_of(session)
            if options.plan:
                self._show(plan)
                return True
            self._check(plan.demand)
        except ClaimsError as error:
            raise pytest.UsageError(str(error)) from None
        return None

    def _plan_of(self, session: pytest.Session) -> CloudPlan:
        return self._source.plan_for(self._suite.needs(session.items, self._source))

    def _check(self, demand: Demand) -> None:
        """Check budget and account for a demand, and keep its quotas for all processes of the run."""
        if demand.images:
            check_budget(demand.usd, self._budget)
            self._source.machines.write_quotas(self._cloud_run.check(demand))
            # Who kills the run needs it; the end of the report may then never come.
            self._write(
                f"SageMaker run {self._run.text}: llm-claims sweep --run {self._run.text} removes what it leaves"
            )

    @property
    def _budget(self) -> float:
        given = self._suite.options.budget
        return DEFAULT_BUDGET_USD if given is None else given

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Let the controller know the demand of the plan, before any test is sent to a worker."""
        if self._is_worker and any(map(claim_of, session.items)):
            try:
                demand = self._plan_of(session).demand
            except ClaimsError as error:
                demand = Demand(refusal=str(error))
            demand.keep(self._suite.store.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Check budget and account for what the workers have planned, once."""
        demand = None if self._checked or not self._suite.store.is_open else read_demand(self._suite.store.folder)
        if demand is None:
            return
        self._checked = True
        try:
            if demand.refusal:
                raise UsageError(demand.refusal)
            self._check(demand)
        except ClaimsError as error:
            raise pytest.UsageError(str(error)) from None

    def _write(self, line: str) -> None:
        """Write a line to the terminal."""
        terminal = self._config.pluginmanager.getplugin("terminalreporter")
        if terminal is None:
            print(line)
            return
        terminal.ensure_newline()
        terminal.write_line(line)

    def _show(self, plan: CloudPlan) -> None:
        self._write("==== plan for SageMaker: nothing is launched ====")
        for line in plan.lines():
            self._write(line)
        if plan.total_usd > self._budget:
            self._write(
                f"refused without --plan: more than the budget of ${self._budget:.2f}; --budget USD allows more"
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Sweep before the report is written, so that it shows the sweep; after it, if workers may still run."""
        if not (self._has_workers and exitstatus == pytest.ExitCode.INTERRUPTED):
            self._sweep(session)

    @pytest.hookimpl(wrapper=True, trylast=True, specname="pytest_sessionfinish")
    def pytest_after_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Sweep after xdist has ended the workers of an interrupted run."""
        yield
        self._sweep(session)

    def _sweep(self, session: pytest.Session) -> None:
        """Remove once what this run has left in the account; if anything stays, fail the session."""
        if self._is_worker or self._swept or self._suite.fault is not None or not self._source.has_launched:
            return
        self._swept = True
        try:
            report = self._cloud_run.sweep()
        except ClaimsError as error:
            self._lines.append(f"sweep: failed: {error}; to repeat it: llm-claims sweep --run {self._run.text}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            self._lines += report.describe().splitlines()
            if not report.clean:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._lines.append(f"spent on SageMaker: about ${self._source.budget.spent_usd:.2f}")
        self._suite.remarks += self._lines

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what the sweep did, as the last lines of the terminal report."""
        for line in self._lines:
            terminalreporter.write_line(line)
