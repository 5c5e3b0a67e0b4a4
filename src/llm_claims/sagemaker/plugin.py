"""The SageMaker tier as a pytest plugin: its source, its plan, its checks before anything is created, its sweep."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pytest

from llm_claims.document.instances import bare
from llm_claims.errors import ClaimsError
from llm_claims.judging.marks import claim_of
from llm_claims.judging.suite import Suite
from llm_claims.options import ALL, LOCAL
from llm_claims.sagemaker.budget import check_budget
from llm_claims.sagemaker.cloud_plan import CloudPlan
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.prices import Prices, live_prices
from llm_claims.sagemaker.source import SageMakerSource
from llm_claims.sagemaker.stacks import LOCAL as LOCAL_STACK
from llm_claims.sagemaker.stacks import STACKS
from llm_claims.sagemaker.workplace import Workplace


class SageMaker:
    """Registered where ``--instance`` is given: in the controlling process, and in every xdist worker."""

    def __init__(self, suite: Suite, config: pytest.Config) -> None:
        self._suite = suite
        self._config = config
        self._lines: list[str] = []
        self._swept = False
        self._given: dict[str, Any] = getattr(config, "workerinput", {})

    @property
    def _is_worker(self) -> bool:
        return bool(self._given)

    @cached_property
    def _run(self) -> RunId:
        """The run's id: a worker shares its controller's, and whoever started the run may have named it."""
        given = self._given.get("llm_claims_sagemaker_run")
        return RunId(given) if given else RunId.of_environment() or RunId.new(datetime.now(UTC))

    @cached_property
    def _workplace(self) -> Workplace:
        """Where this run launches. Nothing is asked of AWS before something is launched, or checked for it."""
        emulated = LOCAL in self._suite.options.instances
        return Workplace(self._run, LOCAL_STACK if emulated else STACKS[self._suite.options.stack], emulated=emulated)

    def pytest_claims_sources(self, suite: Suite) -> list[SageMakerSource]:
        """The one source of this tier."""
        return [self._source]

    @cached_property
    def _source(self) -> SageMakerSource:
        suite, options = self._suite, self._suite.options
        return SageMakerSource(
            suite.store,
            instances=self._instance_types,
            stack=self._workplace.stack,
            table=suite.instances,
            workplace=self._workplace,
            emulated=options.emulated,
            most_rounds=options.rounds,
            budget_usd=options.budget,
            commit=suite.commit,
            progress=suite.progress.of("sagemaker"),
            prices=self._prices(),
        )

    @cached_property
    def _instance_types(self) -> frozenset[str]:
        """The types that may be launched; an unknown one is an error."""
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
        return Prices(table, live_prices(self._workplace.account, tuple(sorted(self._instance_types))))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker which run it is part of."""
        node.workerinput["llm_claims_sagemaker_run"] = self._run.text

    @property
    def _has_workers(self) -> bool:
        return bool(getattr(self._config.option, "numprocesses", None))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Show the plan and end; or make sure that it can be carried out, before anything is created."""
        options = self._suite.options
        if self._is_worker or self._config.option.collectonly or not options.register.is_file():
            return None
        try:
            if self._has_workers:
                self._check_with_workers()
                return None
            if not any(map(claim_of, session.items)):
                return None
            plan = self._source.plan_for(self._suite.needs(session.items, self._source))
            if options.plan:
                self._show(plan)
                return True
            if plan.launches:
                check_budget(plan.total_usd, options.budget)
                self._workplace.check(plan)
        except ClaimsError as error:
            raise pytest.UsageError(str(error)) from None
        return None

    def _check_with_workers(self) -> None:
        """The controller of workers collects nothing: it checks what needs no plan, and each worker its plan."""
        if self._suite.options.plan:
            raise pytest.UsageError("--plan launches nothing, so it needs no workers: leave -n out")
        self._workplace.check(None)

    def _show(self, plan: CloudPlan) -> None:
        terminal = self._config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()
        write = print if terminal is None else terminal.write_line
        write("==== plan for SageMaker: nothing is launched ====")
        for line in plan.lines():
            write(line)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Sweep before the report is written, which tells of it; unless workers may still be at work."""
        if not (self._has_workers and exitstatus == pytest.ExitCode.INTERRUPTED):
            self._sweep(session)

    @pytest.hookimpl(wrapper=True, trylast=True, specname="pytest_sessionfinish")
    def pytest_after_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Sweep when the workers of a run that was interrupted are gone."""
        yield
        self._sweep(session)

    def _sweep(self, session: pytest.Session) -> None:
        """Remove whatever is left of this run; what cannot be removed fails it."""
        if self._is_worker or self._swept or self._suite.fault is not None or not self._source.has_launched:
            return
        self._swept = True
        try:
            report = self._workplace.sweep()
        except ClaimsError as error:
            self._lines.append(f"sweep: failed: {error}; run: llm-claims sweep --run {self._run.text}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            self._lines += report.describe().splitlines()
            if not report.clean:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._lines.append(f"spent on SageMaker: about ${self._source.budget.spent_usd:.2f}")
        self._suite.remarks += self._lines

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what the sweep found, at the very end and whatever else was reported."""
        for line in self._lines:
            terminalreporter.write_line(line)
