"""The pages of one run: one for each document, and of several, before them, the page that leads to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from llm_claims.document.documents import Document, Documents
from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.history.night import Acceptance, Night
from llm_claims.judging.rows import FigureRow
from llm_claims.report.cells import Table, table_of
from llm_claims.report.comment import comment
from llm_claims.report.files import PAGE, page_of
from llm_claims.report.page.counterpart import Counterpart, counterpart
from llm_claims.report.page.overview import Chapter, overview
from llm_claims.report.page.render import page
from llm_claims.report.scaling import ScalingTable
from llm_claims.sources.base import Source


def tables_of(table: Table, documents: Documents) -> list[tuple[Document, Table]]:
    """Return the part of a table that each document has, if it has any; the table itself where one has all."""
    claims = {one.name: [id for id in table.claims if id in one.register.claims] for one in documents.held}
    holding = [one for one in documents.held if claims[one.name]]
    if len(holding) == 1:
        return [(holding[0], table)]
    return [
        (one, table_of([row for row in table.rows if row.claim in held], held, table.sources))
        for one in holding
        if (held := claims[one.name])
    ]


@dataclass(frozen=True)
class Pages:
    """Makes the pages of ``table``, which has the cases of all documents.

    ``figures`` are what its cases stand on, ``scaling`` the tables of each source, ``nights`` the history before this
    run; ``remarks`` are what a reader has to know of the whole run. ``part`` says that it judged a part of the suite.
    """

    table: Table
    documents: Documents
    sources: Mapping[str, Source]
    figures: Sequence[FigureRow]
    scaling: Mapping[str, Sequence[ScalingTable]]
    nights: Iterable[Night | Acceptance]
    remarks: Sequence[str]
    part: bool

    def by_file(self) -> dict[str, str]:
        """The text of each page by the name of its file; with one document that of its page alone."""
        if len(self._tables) == 1:
            return {PAGE: self._page(*self._tables[0])}
        pages = {page_of(document.name): self._page(document, table) for document, table in self._tables}
        return {PAGE: self._overview(), **pages}

    def comment(self) -> str:
        """The comment for a pull request, with a section for each document."""
        return "\n".join(
            comment(table, self._figures_of(table), document.register.document, part=self.part)
            for document, table in self._tables
        )

    @cached_property
    def _tables(self) -> list[tuple[Document, Table]]:
        return tables_of(self.table, self.documents)

    def _figures_of(self, table: Table) -> list[FigureRow]:
        return [figure for figure in self.figures if figure.claim in table.claims]

    def _overview(self) -> str:
        chapters = [
            Chapter(document.register.document, page_of(document.name), table, self._figures_of(table))
            for document, table in self._tables
        ]
        statements = {id: self.documents[id].statement for id in self.table.claims}
        return overview(chapters, self._disagreements, statements, remarks=self.remarks, part=self.part)

    def _page(self, document: Document, table: Table) -> str:
        alone = table is self.table
        return page(
            table,
            document.register,
            self._figures_of(table),
            self._evidence_of(table),
            tiers={name: _tier(self.sources[name]) for name in table.sources},
            nights=self.nights,
            remarks=self.remarks if alone else (),
            scaling=[one for name in table.sources for one in self.scaling.get(name, ())],
            part=self.part,
            first=None if alone else PAGE,
            disagreements=self._disagreements,
        )

    def _evidence_of(self, table: Table) -> dict[str, list[Evidence]]:
        """The runs that a page shows, by source.

        A live source measured for every document: the page of one shows the runs that its claims stand on.
        """
        evidence = {name: self.sources[name].entries() for name in table.sources}
        if table is self.table:
            return evidence
        keys = {(figure.source, figure.key) for figure in self._figures_of(table)}
        return {
            name: [one for one in entries if not self.sources[name].live or (name, one.key) in keys]
            for name, entries in evidence.items()
        }

    @cached_property
    def _disagreements(self) -> dict[str, list[Counterpart]]:
        """What other documents say otherwise, by the claim that they say it of."""
        documents = self.documents
        found = {id: documents.disagreeing(id) for id in self.table.claims}
        return {
            id: [counterpart(documents[other], other, documents.of_claim[other], self.table) for other in others]
            for id, others in found.items()
            if others
        }


def _tier(source: Source) -> str:
    """What a source is, in a word or two: "live: gpu", "recorded: gpu"; "recorded" of a document's own figures."""
    return f"{'live' if source.live else 'recorded'}: {source.measures_as}".removesuffix(": recording")
