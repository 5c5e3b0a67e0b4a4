"""Tonight beside the nights before: the changes in the figures that a case stands on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.history.file import Entry, append, read
from llm_claims.judging.history.night import Acceptance, Night, figures_of
from llm_claims.judging.history.watch import Series, budget_of, series_of
from llm_claims.judging.rows import FigureChange


class History:
    """A history file while a run adds a night to it; a file that is not there yet is an empty history."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def entries(self) -> list[Entry]:
        """What was written before this run.

        Raises
        ------
        RecordingError
            The file cannot be trusted.
        """
        return read(self.path) if self.path.exists() else []

    @cached_property
    def _series(self) -> dict[tuple[str, str, str], Series]:
        return {(one.source, one.nights[0].hardware, one.figure.id): one for one in series_of(self.entries)}

    def changes(self, source: str, evidence: Evidence, metrics: Iterable[str]) -> Iterator[FigureChange]:
        """Yield what changed in these metrics of a workload, with tonight's evidence as the last night."""
        wanted, provenance = set(metrics), evidence.provenance
        machine = [key for key in self._series if key[:2] == (source, provenance.hardware)]
        tonight = Night(
            run="tonight",
            time=datetime.now(UTC),
            source=source,
            hardware=provenance.hardware,
            software=provenance.software,
            commit=provenance.commit,
            figures=tuple(figures_of(evidence)),
        )
        for figure in tonight.figures:
            known = self._series.get((source, provenance.hardware, figure.id))
            if known is None or figure.metric not in wanted:
                continue
            whole = replace(known, nights=(*known.nights, tonight), values=(*known.values, figure.value))
            if change := whole.change(budget_of(len(machine))):
                yield FigureChange(figure=figure.id, told=whole.told(change))

    def add(self, night: Night, accepted: Iterable[FigureChange], author: str) -> None:
        """Add what a run measured, and the changes that it accepted without a reason.

        Raises
        ------
        RecordingError
            The file ends within a line.
        OSError
            The file cannot be written.
        """
        acceptances = [
            Acceptance(
                time=datetime.now(UTC),
                source=night.source,
                hardware=night.hardware,
                figure=figure,
                because="not given",
                author=author,
            )
            for figure in dict.fromkeys(change.figure for change in accepted)
        ]
        append(self.path, [night, *acceptances])
