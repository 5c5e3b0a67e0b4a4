"""A claim of another document that says otherwise, with what is found of it."""

from __future__ import annotations

from dataclasses import dataclass

from llm_claims.document.documents import Document
from llm_claims.document.register import Claim
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import Table
from llm_claims.report.files import page_of


@dataclass(frozen=True)
class Counterpart:
    """``cells`` are a source, its verdict and its effects each, of the sources on which the claim was judged."""

    id: str
    document: str
    statement: str
    link: str
    cells: tuple[tuple[str, Word, str], ...]


def counterpart(claim: Claim, id: str, document: Document, table: Table) -> Counterpart:
    """Return a claim as the page of another document shows it."""
    found = ((source, table.cell(id, source)) for source in table.sources)
    return Counterpart(
        id=id,
        document=document.register.document,
        statement=claim.statement,
        link=f"{page_of(document.name)}#{id}",
        cells=tuple(
            (source, cell.word, cell.effects) for source, cell in found if cell.word not in (None, Word.UNTESTABLE)
        ),
    )
