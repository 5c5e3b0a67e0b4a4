"""Collect the rows of a run, and report them when it ends; in the controlling process only."""

from __future__ import annotations

import os
import shlex

import pytest

from llm_claims.errors import ClaimsError
from llm_claims.evidence.recordings import write_recording
from llm_claims.judging.marks import claim_of
from llm_claims.judging.rows import FIGURES, ROW, FigureList, FigureRow, VerdictRow
from llm_claims.judging.suite import Suite, recording_of
from llm_claims.relations.verdict import Word
from llm_claims.report.ceilings import ceiling_lines
from llm_claims.report.cells import Table, table_of
from llm_claims.report.files import PAGE, VERDICTS, check_writable, write_reports
from llm_claims.report.scaling import ScalingTable, scaling_lines, scaling_tables
from llm_claims.report.terminal import lines_of
from llm_claims.workloads.shown import count

MOST_REPEATS = 10


class Reporter:
    """A pytest plugin object."""

    def __init__(self, suite: Suite, config: pytest.Config) -> None:
        self._suite = suite
        self._config = config
        self._rows: dict[str, VerdictRow] = {}
        self._figures: list[FigureRow] = []
        self._failed: list[str] = []
        self._notes: list[str] = []
        self._scaling: list[ScalingTable] = []
        self._partial = bool(suite.options.claims or config.getoption("keyword") or config.getoption("lf", False))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse an unwritable report folder before anything is measured."""
        collecting = self._config.option.collectonly
        if not collecting and any(map(claim_of, session.items)):
            self._check_folder()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Under xdist the controller collects nothing itself, so it looks here."""
        if getattr(self._config.option, "numprocesses", None):
            self._check_folder()

    def _check_folder(self) -> None:
        try:
            check_writable(self._suite.options.report)
        except ClaimsError as error:
            raise pytest.UsageError(str(error)) from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the row that a trial left in its report."""
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == ROW:
                self._rows[report.nodeid] = VerdictRow.model_validate_json(str(value))
                if report.failed:
                    self._failed.append(report.nodeid)
            elif name == FIGURES:
                self._figures.extend(FigureList.model_validate_json(str(value)).root)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports and the recording."""
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        try:
            if self._rows:
                self._write_reports(interrupted=interrupted)
            if self._rows or interrupted:
                # What was measured before the interrupt is recorded, even if nothing was judged yet.
                self._partial = self._partial or interrupted or bool(session.shouldstop or session.shouldfail)
                self._record()
        except (ClaimsError, OSError) as error:
            self._notes.append(f"error: {error}")
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _write_reports(self, *, interrupted: bool) -> None:
        table = self._table()
        self._notes += self._suite.remarks
        for source in self._suite.sources.values():
            self._notes += source.remarks()
        self._compare_with_the_hardware(table)
        if interrupted:
            self._notes.append("this run was interrupted: its report ends with what was judged until then")
        elif self._partial:
            self._notes.append("this run judged a part of the suite, and so does its report")
        options, register = self._suite.options, self._suite.register
        write_reports(options.report, table, self._figures, register, self._notes, self._scaling)
        self._notes.append(f"report: {options.report / PAGE}, {VERDICTS}")

    def _compare_with_the_hardware(self, table: Table) -> None:
        """Note how near speeds come to the devices' ceilings, and how they scale with the number of devices."""
        for name in table.sources:
            evidence = self._suite.sources[name].entries()
            self._notes += ceiling_lines(name, evidence)
            self._scaling += scaling_tables(name, evidence)

    def _table(self) -> Table:
        return table_of(self._rows.values(), list(self._suite.register.claims), list(self._suite.sources))

    def _record(self) -> None:
        path = self._suite.options.record
        if path is None:
            return
        complete = not self._partial and all(row.verdict is not Word.ERROR for row in self._rows.values())
        recording = recording_of(self._suite, path.stem, complete=complete)
        if recording is None:
            self._notes.append(f"nothing was measured live, so {path} was not written")
            return
        write_recording(recording, path)
        self._notes.append(f"recorded: {path}, {count(len(recording.evidence), 'workload')}")

    def _repeat(self, nodeid: str) -> str:
        """Return the command, as a shell reads it, that runs one case again from where this run was started."""
        config = self._config
        recordings = [part for name in config.getoption("--recording") for part in ("--recording", name)]
        path, _, case = nodeid.partition("::")
        file = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
        return shlex.join(["pytest", f"{file}::{case}", *recordings])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the closing table."""
        write = terminalreporter.write_line
        if self._rows:
            terminalreporter.write_sep("=", "claims")
            for line in lines_of(self._table()):
                write(line)
        for table in self._scaling:
            for line in scaling_lines(table):
                write(line)
        for note in self._notes:
            write(note)
        for nodeid in self._failed[:MOST_REPEATS]:
            write(f"repeat: {self._repeat(nodeid)}")
        if len(self._failed) > MOST_REPEATS:
            write(f"repeat: pytest --lf, for all {len(self._failed)} failing cases")
