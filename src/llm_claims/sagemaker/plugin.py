"""A run on SageMaker from outside: its plan, its checks before anything is created, its sweep at the end.

Lives in the controlling process only.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from llm_claims.errors import ClaimsError
from llm_claims.judging.marks import claim_of
from llm_claims.judging.suite import Suite
from llm_claims.sagemaker.budget import check_budget
from llm_claims.sagemaker.cloud_plan import CloudPlan
from llm_claims.sagemaker.source import SageMakerSource


class CloudSession:
    """A pytest plugin object; registered where ``--instance`` is given."""

    def __init__(self, suite: Suite, config: pytest.Config) -> None:
        self._suite = suite
        self._config = config
        self._lines: list[str] = []
        self._swept = False

    @property
    def _source(self) -> SageMakerSource:
        source = self._suite.sources["sagemaker"]
        assert isinstance(source, SageMakerSource)
        return source

    @property
    def _has_workers(self) -> bool:
        return bool(getattr(self._config.option, "numprocesses", None))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Show the plan and end; or make sure that it can be carried out, before anything is created."""
        options = self._suite.options
        if self._config.option.collectonly or not options.register.is_file():
            return None
        try:
            if self._has_workers:
                self._check_with_workers()
                return None
            if not any(map(claim_of, session.items)):
                return None
            plan = self._source.expect(self._suite.needs(session.items, self._source))
            if options.plan:
                self._show(plan)
                return True
            if plan.launches:
                check_budget(plan.total_usd, options.budget)
                self._suite.workplace.check(plan)
        except ClaimsError as error:
            raise pytest.UsageError(str(error)) from None
        return None

    def _check_with_workers(self) -> None:
        """The controller of workers collects nothing: it checks what needs no plan, and each worker its plan."""
        if self._suite.options.plan:
            raise pytest.UsageError("--plan launches nothing, so it needs no workers: leave -n out")
        self._suite.workplace.check(None)

    def _show(self, plan: CloudPlan) -> None:
        terminal = self._config.pluginmanager.getplugin("terminalreporter")
        terminal.ensure_newline()
        terminal.section("plan for SageMaker: nothing is launched", sep="=")
        for line in plan.lines():
            terminal.write_line(line)

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
        if self._swept or self._suite.fault is not None or not self._source.has_launched:
            return
        self._swept = True
        try:
            report = self._suite.workplace.sweep()
        except ClaimsError as error:
            self._lines.append(f"sweep: failed: {error}; run: llm-claims sweep --run {self._suite.cloud_run}")
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
