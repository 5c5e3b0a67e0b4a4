"""Collect the rows of a run, and report them when it ends; in the controlling process only."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable

import pytest

from llm_claims.errors import ClaimsError, Untestable
from llm_claims.judging.cases import read_collected
from llm_claims.judging.completeness import listed
from llm_claims.judging.departure import Departure
from llm_claims.judging.history.adding import add_nights
from llm_claims.judging.options import TAKEN, option
from llm_claims.judging.progress import uncaptured
from llm_claims.judging.recording import RECORDER
from llm_claims.judging.rows import FigureRow
from llm_claims.judging.suite import Suite
from llm_claims.relations.verdict import Word
from llm_claims.report.ceilings import ceiling_lines
from llm_claims.report.cells import Table, table_of
from llm_claims.report.cost import cost_tables
from llm_claims.report.details import detailed_lines
from llm_claims.report.figures import with_changes
from llm_claims.report.files import PAGE, VERDICTS, check_writable, write_reports
from llm_claims.report.page.pages import Pages, tables_of
from llm_claims.report.scaling import ScalingTable, scaling_lines, scaling_tables
from llm_claims.report.spent import folded, spent_line
from llm_claims.report.tally import Tally
from llm_claims.report.terminal import closing_lines, write_line
from llm_claims.workloads.shown import count

MOST_REPEATS = 10
CI = ("CI", "BUILD_NUMBER")
"""Variables by which CI systems are known; pytest goes by the same."""
SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable with the file that GitHub shows on the page of a run."""
FAULT = "error: "
A_PART = "this run judged a part of the suite, and so does its report"
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
"""The exit statuses of runs that were not stopped."""


class Reporter:
    """A pytest plugin object."""

    def __init__(self, suite: Suite, config: pytest.Config) -> None:
        self._suite = suite
        self._config = config
        self._tally = Tally()
        self._part: list[str] = []
        self._interrupted = False
        self._notes: list[str] = []
        self._details: list[str] = []
        self._spent: list[str] = []
        self._figures: list[FigureRow] = []
        self._scaling: dict[str, list[ScalingTable]] = {}

    @property
    def _judges(self) -> bool:
        """Whether this run is to judge the cases that it collects."""
        get = self._config.getoption
        return not (get("collectonly") or get("setuponly", False) or self._suite.options.plan)

    def pytest_report_header(self) -> list[str]:
        """Say which options have other names here."""
        taken = self._config.stash.get(TAKEN, [])
        names = ", ".join(f"--claims-{name} (--{name} is another's)" for name in taken)
        return [f"llm-claims: {names}"] if taken else []

    def pytest_collection_finish(self) -> None:
        """Refuse what cannot be written at the end, report or recordings, before anything is measured."""
        if not (self._suite.collected.cases and self._judges):
            return
        try:
            check_writable(self._suite.options.report)
            self._config.stash[RECORDER].reserve()
        except ClaimsError as error:
            # Nothing is judged, and no earlier report is overwritten.
            self._suite.collected = self._suite.collected.model_copy(update={"refusal": str(error)})
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Read what the workers collected: the controller of xdist collects nothing itself."""
        if self._suite.collected.cases or not self._suite.store.is_open:
            return
        self._suite.collected = read_collected(self._suite.store.folder)
        if self._suite.collected.refusal:
            raise pytest.UsageError(self._suite.collected.refusal)
        self.pytest_collection_finish()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the row that a trial left in its report."""
        self._tally.take(report)

    def pytest_keyboard_interrupt(self) -> None:
        """Know of an end that the exit status need not tell: ``pytest.exit`` may give any."""
        self._interrupted = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Make sure that every case has its row; write the reports and the recording."""
        if not self._judges or self._suite.collected.refusal:
            return
        self._interrupted = self._interrupted or exitstatus == pytest.ExitCode.INTERRUPTED
        stopped = self._interrupted or bool(session.shouldstop or session.shouldfail) or exitstatus not in ENDED
        self._complete(session, stopped=stopped)
        # Each by itself: a report that cannot be written costs no recording.
        if self._tally.rows:
            self._attempt(session, self._write_reports)
        if self._tally.rows or stopped:
            # What was measured before the interrupt is recorded, even if nothing was judged yet.
            self._attempt(session, self._record)
            self._attempt(session, self._add_nights)
        if not self._config.pluginmanager.hasplugin("terminalreporter"):
            with uncaptured(self._config):
                sys.stderr.writelines(f"{note}\n" for note in self._notes if note.startswith(FAULT))

    def _attempt(self, session: pytest.Session, step: Callable[[], None]) -> None:
        """Take a step of the end; what goes wrong is noted and fails the run, and the next steps are taken."""
        try:
            step()
        except (ClaimsError, Untestable, OSError) as error:
            self._notes.append(f"{FAULT}{error}")
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _complete(self, session: pytest.Session, *, stopped: bool) -> None:
        """Give cases without a verdict their errors; fail a run that would pass in spite of them, or of a fault."""
        collected = self._suite.collected
        unjudged, excused = self._tally.complete(collected.cases, stopped=stopped)
        self._part = [*collected.left_out, *([f"{len(unjudged)} not judged"] if unjudged else [])]
        faults = [*collected.faults, *self._unaccepted()]
        if excused:
            faults.append(f"no verdict, and no failure either: {listed([case.label for case in excused])}")
        self._notes += [f"{FAULT}{fault}" for fault in faults]
        if (faults or unjudged) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _add_nights(self) -> None:
        complete = not (self._interrupted or self._part)
        for note in add_nights(self._suite, self._tally.rows, complete=complete):
            self._notes.append(note)

    def _unaccepted(self) -> list[str]:
        """Count new verdicts: at a desk they are to be reviewed, in CI nobody will, so there they fail the run."""
        new = [row for row in self._tally.rows if row.departure is Departure.NEW]
        if self._suite.options.update != "nothing":
            self._tell_accepted()
            return []
        if not new:
            return []
        told = f"{count(len(new), 'verdict')} that nobody has accepted yet: llm-claims review"
        if any(os.environ.get(name) for name in CI):
            return [told]
        self._notes.append(told)
        return []

    def _tell_accepted(self) -> None:
        """Name what this run accepted; llm-claims review would have asked why."""
        for row in self._tally.rows:
            if row.departure and (self._suite.options.update == "all" or row.departure is Departure.NEW):
                before = row.accepted or "not accepted yet"
                self._notes.append(f"accepted, reason not given: {row.address}: {before} → {row.line}")

    def _write_reports(self) -> None:
        table = self._table()
        self._notes += self._suite.remarks
        judged = {row.source for row in self._tally.rows if row.verdict is not Word.UNTESTABLE}
        for source in self._suite.sources.values():
            if source.name in judged:
                self._details += source.remarks()
            if times := source.times():
                self._spent.append(spent_line(source.name, times, self._tally.rows))
        self._compare_with_the_hardware(table)
        if self._tally.repeated:
            self._notes.append(f"cases judged more than once: {self._tally.repeated}; the last attempt counts")
        if self._interrupted:
            self._notes.append("this run was interrupted: its report ends with what was judged until then")
        if self._part:
            self._notes.append(f"{A_PART}: {'; '.join(self._part)}")
            self._tell_junit()
        self._figures = self._figures_and_changes()
        pages, part = self._pages(table), bool(self._part)
        markdown = pages.comment()
        folder = write_reports(
            self._suite.options.report, table.rows, self._figures, pages.by_file(), markdown, part=part
        )
        if summary := os.environ.get(SUMMARY):
            with open(summary, "a", encoding="utf-8") as stream:
                stream.write(markdown)
        self._notes.append(f"report: {folder / PAGE}, {VERDICTS}")

    def _pages(self, table: Table) -> Pages:
        return Pages(
            table,
            self._suite.documents,
            self._suite.sources,
            self._figures,
            self._scaling,
            nights=self._suite.history.entries if self._suite.history else (),
            remarks=[*self._details, *self._spent, *self._notes],
            part=bool(self._part),
        )

    def _figures_and_changes(self) -> list[FigureRow]:
        """The figures that verdicts stand on; of recordings whose verdicts depart, with what was changed."""
        departed = {row.source for row in self._tally.rows if row.departure}
        recordings = {path: one for path, one in self._suite.recordings.items() if one.name in departed}
        return with_changes(self._tally.figures, recordings)

    def _tell_junit(self) -> None:
        """Say in JUnit's file that it is of a part."""
        for plugin in self._config.pluginmanager.get_plugins():
            tell = getattr(plugin, "add_global_property", None)
            if callable(tell):
                tell("llm_claims_part", "; ".join(self._part))

    def _compare_with_the_hardware(self, table: Table) -> None:
        """Note how near speeds come to the devices' ceilings, and how they scale with the number of devices."""
        for name in table.sources:
            evidence = self._suite.sources[name].entries()
            self._details += ceiling_lines(name, evidence)
            found = list(scaling_tables(name, evidence))
            if self._suite.has_instances:
                found += cost_tables(name, evidence, self._suite.instances)
            self._scaling[name] = found

    def _table(self) -> Table:
        rows = [
            self._suite.labelled(row.model_copy(update={"command": self._repeat(row.test)})) for row in self._tally.rows
        ]
        return table_of(rows, list(self._suite.documents.claims), list(self._suite.sources))

    def _record(self) -> None:
        failed = {row.source for row in self._tally.rows if row.verdict is Word.ERROR}
        for note in self._config.stash[RECORDER].write(set() if self._part else self._suite.sources.keys() - failed):
            self._notes.append(note)

    def _repeat(self, nodeid: str) -> str:
        """Return the command, as a shell reads it, that runs one case again from where this run was started."""
        config = self._config
        given = {
            "-c": [config.option.inifilename],
            "--rootdir": [config.option.rootdir],
            "-o": config.option.override_ini,
        }
        given |= {f"--{name}": option(config, name) for name in ("recording", "weights", "instance")}
        options = [part for name, values in given.items() for value in values or () if value for part in (name, value)]
        path, _, case = nodeid.partition("::")
        file = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
        return shlex.join(["pytest", f"{file}::{case}", *options])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the closing lines, with ``-v`` the details of every case before them."""
        write = terminalreporter.write_line
        if self._tally.rows:
            terminalreporter.write_sep("=", "claims")
            if self._config.getoption("verbose") > 0:
                self._write_details(write)
            table = self._table()
            documents = [(document.register, of_one) for document, of_one in tables_of(table, self._suite.documents)]
            for line in closing_lines(table, documents, self._figures, max(self._width, 40)):
                write_line(terminalreporter, line)
        for spent in self._spent:
            for part in folded(spent, self._width):
                write(part)
        for note in self._notes:
            write(note)
        for nodeid in self._tally.failed[:MOST_REPEATS]:
            write(f"repeat: {self._repeat(nodeid)}")
        if len(self._tally.failed) > MOST_REPEATS:
            write(f"repeat: pytest --lf, for all {len(self._tally.failed)} failing cases")

    @property
    def _width(self) -> int:
        return self._config.get_terminal_writer().fullwidth

    def _write_details(self, write: Callable[[str], None]) -> None:
        for line in detailed_lines(self._table()):
            write(line)
        for table in (one for found in self._scaling.values() for one in found):
            for line in scaling_lines(table):
                write(line)
        for remark in self._details:
            write(remark)
