"""The first page of a report on several documents: what changed in each, what is contradicted, where they disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from llm_claims.judging.rows import FigureRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import GRAVITY, SYMBOLS, Cell, Table
from llm_claims.report.changes import Changes, changes_of
from llm_claims.report.page.counterpart import Counterpart
from llm_claims.report.page.render import now, template, text_of

AGAINST = (Word.CONTRADICTED, Word.WEAKENED)


@dataclass(frozen=True)
class Chapter:
    """One document: its title, the file of its page, its cases, and the figures that these stand on."""

    title: str
    link: str
    table: Table
    figures: Sequence[FigureRow]

    @cached_property
    def changes(self) -> Changes:
        """What changed in it."""
        return changes_of(self.table, self.figures)

    @property
    def counts(self) -> Counter[Word]:
        """How many of its cases have each verdict."""
        return Counter(row.verdict for row in self.table.rows)

    def cells(self, claim: str, *words: Word) -> list[tuple[str, Cell]]:
        """The sources on which a claim has one of these verdicts, and what each found."""
        found = [(source, self.table.cell(claim, source)) for source in self.table.sources]
        return [(source, cell) for source, cell in found if cell.word in words]

    def judged(self, claim: str) -> list[tuple[str, Cell]]:
        """The sources that judged a claim, and what each found."""
        return self.cells(claim, *set(Word) - {Word.UNTESTABLE})

    @property
    def against(self) -> list[tuple[str, list[tuple[str, Cell]]]]:
        """Its claims that are contradicted or weakened somewhere, each with where and by what."""
        return [(claim, cells) for claim in self.table.claims if (cells := self.cells(claim, *AGAINST))]


def overview(
    chapters: Sequence[Chapter],
    disagreements: Mapping[str, Sequence[Counterpart]],
    statements: Mapping[str, str],
    *,
    remarks: Sequence[str] = (),
    part: bool = False,
) -> str:
    """Render the page; everything from files is escaped.

    Parameters
    ----------
    chapters : the documents.
    disagreements : what other documents say otherwise, by the claim that they say it of.
    statements : of those claims.
    remarks : what a reader has to know of the whole run.
    part : whether the run judged a part of the suite.
    """
    seen: set[str] = set()
    pairs = []
    for chapter in chapters:
        for id in chapter.table.claims:
            others = [other for other in disagreements.get(id, ()) if other.id not in seen]
            seen.add(id)
            if others:
                pairs.append((chapter, id, statements[id], others))
    return template("overview.html.j2").render(
        chapters=chapters,
        changed=any(chapter.changes for chapter in chapters),
        pairs=pairs,
        words=[word for word in GRAVITY if any(chapter.counts[word] for chapter in chapters)],
        symbols=SYMBOLS,
        remarks=remarks,
        part=part,
        style=text_of("page.css"),
        made=now(),
    )
