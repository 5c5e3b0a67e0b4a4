"""What the page shows, put together; the template sets it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from llm_claims.document.register import Claim, Register
from llm_claims.judging.departure import Departure
from llm_claims.judging.history.night import EFFECT
from llm_claims.judging.rows import FigureRow, VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import SYMBOLS, Cell, Table, effect_text, letters
from llm_claims.report.page.axis import Axis, Strip, axis_of
from llm_claims.report.page.counterpart import Counterpart
from llm_claims.report.page.curve import Curve, curve_of
from llm_claims.report.page.runs import Nights, Run, listed


@dataclass(frozen=True)
class Source:
    """A column: its letter, its name, the kind of source that measures it, and how many cases have each verdict."""

    letter: str
    name: str
    tier: str
    counts: dict[Word, int]


@dataclass(frozen=True)
class Chip:
    """A claim on a source, as the matrix shows it."""

    source: Source
    word: Word | None
    effects: str
    departed: bool

    @property
    def symbol(self) -> str:
        """The sign of its verdict."""
        return SYMBOLS[self.word] if self.word else ""


@dataclass(frozen=True)
class Case:
    """A judged case: where its effect lies on the claim's axis, and the effect over nights if a history has it."""

    row: VerdictRow
    letter: str
    strip: Strip | None
    nights: Curve | None

    @property
    def effect(self) -> str:
        """The effect with its interval."""
        span = f" [{self.row.interval[0]:.4g}, {self.row.interval[1]:.4g}]" if self.row.interval else ""
        return effect_text(self.row) + span


@dataclass(frozen=True)
class Plot:
    """The cases whose effects share a unit, on one axis; without an axis, those without an effect."""

    axis: Axis | None
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Figure:
    """A figure that cases of a claim stand on: its run, and its value there."""

    run: Run
    metric: str
    value: str
    place: str
    apart: str


@dataclass(frozen=True)
class Entry:
    """A claim with all that is known of it. ``untested`` has source, reason, and the cases that it holds for."""

    id: str
    claim: Claim
    places: str
    chips: tuple[Chip, ...]
    plots: tuple[Plot, ...]
    untested: tuple[tuple[str, str, str], ...]
    alike: str
    figures: tuple[Figure, ...]
    disagreements: Sequence[Counterpart]

    def has(self, *words: Word) -> bool:
        """Whether a case of it has one of these verdicts."""
        return any(case.row.verdict in words for plot in self.plots for case in plot.cases)


def sources_of(table: Table, tiers: Mapping[str, str]) -> list[Source]:
    """Return the columns."""
    return [
        Source(letter, name, tiers.get(name, ""), table.counts(name))
        for letter, name in zip(letters(len(table.sources)), table.sources, strict=True)
    ]


@dataclass(frozen=True)
class Claims:
    """Puts the claims of a table together; ``runs`` are by source and key, ``figures`` what each claim stands on."""

    table: Table
    register: Register
    sources: Sequence[Source]
    figures: Mapping[str, Sequence[FigureRow]]
    runs: Mapping[tuple[str, str], Run]
    nights: Nights
    disagreements: Mapping[str, Sequence[Counterpart]]

    def sections(self) -> Iterator[tuple[str, list[Entry]]]:
        """Yield the sections of the document, each with its claims."""
        for section, claims in groupby(self.table.claims, key=self.register.section_of.__getitem__):
            yield section, [self._entry(id) for id in claims]

    def _entry(self, id: str) -> Entry:
        cells = [(source, self.table.cell(id, source.name)) for source in self.sources]
        rows = [(source, row) for source, cell in cells for row in cell.rows]
        alike, figures = self._figures(id)
        return Entry(
            id=id,
            claim=self.register[id],
            places=", ".join(dict.fromkeys(row.place for _, row in rows if row.place)),
            chips=tuple(_chip(source, cell) for source, cell in cells),
            plots=tuple(self._plots(rows)),
            untested=tuple(_untested(row for _, row in rows)),
            alike=alike,
            figures=figures,
            disagreements=self.disagreements.get(id, ()),
        )

    def _plots(self, rows: Sequence[tuple[Source, VerdictRow]]) -> Iterator[Plot]:
        judged = [(source, row) for source, row in rows if row.verdict is not Word.UNTESTABLE]
        for unit in dict.fromkeys(row.unit for _, row in judged):
            alike = [(source, row) for source, row in judged if row.unit == unit]
            axis = axis_of((row for _, row in alike), unit)
            yield Plot(axis, tuple(self._case(source, row, axis) for source, row in alike))

    def _case(self, source: Source, row: VerdictRow, axis: Axis | None) -> Case:
        values = self.nights.get((source.name, f"{EFFECT}@{row.address}"), [])
        return Case(row, source.letter, axis.strip(row) if axis else None, curve_of(values, "night"))

    def _figures(self, id: str) -> tuple[str, tuple[Figure, ...]]:
        """Return what all runs of a claim have in common, and each figure with what its run has apart."""
        named = ((self.runs.get((one.source, one.key)), one) for one in self.figures.get(id, ()))
        found = {(run.anchor, one.metric): (run, one.metric) for run, one in named if run is not None}
        fields = [set(run.fields.items()) for run, _ in found.values()]
        alike = set.intersection(*fields) if fields else set()
        return listed(alike), tuple(_figure(run, metric, alike) for run, metric in found.values())


def _chip(source: Source, cell: Cell) -> Chip:
    departed = any(row.departure not in (None, Departure.NEW) or row.changes for row in cell.rows)
    return Chip(source, cell.word, "" if cell.word in (Word.UNTESTABLE, Word.ERROR) else cell.effects, departed)


def _untested(rows: Iterable[VerdictRow]) -> Iterator[tuple[str, str, str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.verdict is Word.UNTESTABLE:
            found.setdefault((row.source, row.reason), []).append(row.case)
    for (source, reason), cases in found.items():
        yield source, reason, ", ".join(filter(None, cases))


def _figure(run: Run, metric: str, alike: set[tuple[str, str]]) -> Figure:
    value, place = next(((one.value, one.place) for one in run.metrics if one.name == metric), ("", ""))
    return Figure(run, metric, value or run.outcome, place or run.place, listed(set(run.fields.items()) - alike))


def grouped(figures: Iterable[FigureRow]) -> dict[str, list[FigureRow]]:
    """Return figures by the claim that stands on them."""
    found: dict[str, list[FigureRow]] = {}
    for figure in figures:
        found.setdefault(figure.claim, []).append(figure)
    return found
