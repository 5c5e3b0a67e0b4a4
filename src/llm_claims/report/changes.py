"""What changed: cases that depart from their accepted verdicts, and figures that do from earlier nights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm_claims.judging.departure import Departure
from llm_claims.judging.rows import FigureRow, VerdictRow
from llm_claims.report.cells import Table
from llm_claims.report.figures import standing_on
from llm_claims.workloads.shown import count


@dataclass(frozen=True)
class Changes:
    """What departs from the accepted verdicts and from earlier nights, in the order of the care it needs."""

    figures: tuple[str, ...]
    cases: tuple[VerdictRow, ...]
    nights: tuple[str, ...]
    new: int

    def __bool__(self) -> bool:
        """Whether anything changed; what is new did not."""
        return bool(self.cases or self.nights)


def changes_of(table: Table, figures: Sequence[FigureRow]) -> Changes:
    """Return what changed."""
    order = list(Departure)
    departed = [row for row in table.rows if row.departure not in (None, Departure.NEW)]
    standing = standing_on(figures).items()
    return Changes(
        figures=tuple(
            f"{change}; {count(len(cases), 'case')} stand{'s' if len(cases) == 1 else ''} on it"
            for change, cases in standing
        ),
        cases=tuple(sorted(departed, key=lambda row: order.index(row.departure or Departure.NEW))),
        nights=tuple(dict.fromkeys(change.told for row in table.rows for change in row.changes)),
        new=sum(row.departure is Departure.NEW for row in table.rows),
    )
