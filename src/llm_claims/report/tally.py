"""The tally of a run: for each collected case the row of its last attempt, whatever happened to its test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from llm_claims.judging.cases import NOT_RUN, Case
from llm_claims.judging.rows import FigureRow, VerdictRow, handed_over
from llm_claims.relations.verdict import Word


class Tally:
    """Takes the reports of tests, and tells which cases they leave without a verdict."""

    def __init__(self) -> None:
        self._rows: dict[str, VerdictRow] = {}
        self._figures: dict[str, list[FigureRow]] = {}
        self._attempts: Counter[str] = Counter()
        self._crashed: set[str] = set()
        self._failed: dict[str, None] = {}

    @property
    def rows(self) -> list[VerdictRow]:
        """The rows, in the order in which their cases were collected, once the run is complete."""
        return list(self._rows.values())

    @property
    def figures(self) -> list[FigureRow]:
        """The figures that the rows stand on."""
        return [figure for id in self._rows for figure in self._figures.get(id, ())]

    @property
    def failed(self) -> list[str]:
        """The test ids of the cases whose last attempt failed."""
        return [id for id in self._rows if id in self._failed]

    @property
    def repeated(self) -> int:
        """How many cases were judged more than once."""
        return sum(count > 1 for count in self._attempts.values())

    def take(self, report: pytest.TestReport) -> None:
        """Take what a report says; a set-up begins an attempt, and what an earlier one said no longer counts."""
        id = report.nodeid
        if report.when not in ("setup", "call", "teardown"):
            # Of a worker that crashed xdist reports the test that it was running.
            self._crashed.add(id)
        elif report.when == "setup":
            self._forget(id)
        if report.failed:
            self._failed[id] = None
        handed = handed_over(report)
        if handed is None:
            return
        if report.when == "call" or report.failed:
            self._attempts[id] += 1
        self._rows[id], self._figures[id] = handed

    def _forget(self, id: str) -> None:
        self._failed.pop(id, None)
        self._crashed.discard(id)
        self._figures.pop(id, None)
        self._rows.pop(id, None)

    def complete(self, cases: Iterable[Case], *, stopped: bool) -> tuple[list[Case], list[Case]]:
        """Give every case without a row an error, and all rows the order of the cases: workers judge in any order.

        Returns
        -------
        unjudged, excused : the cases that got one, and those with an error that failed no test.
        """
        held = list(cases)
        unjudged = [case for case in held if case.nodeid not in self._rows]
        for case in unjudged:
            self._rows[case.nodeid] = case.error(self._why(case, stopped=stopped))
        order = dict.fromkeys([*(case.nodeid for case in held), *self._rows])
        self._rows = {id: self._rows[id] for id in order if id in self._rows}
        passed_over = [] if stopped else unjudged
        errors = [case for case in held if case not in unjudged and self._rows[case.nodeid].verdict is Word.ERROR]
        return unjudged, [case for case in (*passed_over, *errors) if case.nodeid not in self._failed]

    def _why(self, case: Case, *, stopped: bool) -> str:
        if case.nodeid in self._crashed:
            return "its worker crashed"
        if stopped:
            return f"{NOT_RUN} the run was stopped"
        return f"{NOT_RUN} a worker crashed" if self._crashed else "its test was passed over, or run by another plugin"
