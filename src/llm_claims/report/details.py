"""What the terminal shows of every case, with ``-v``: effects, reasons, notes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from llm_claims.judging.cases import NOT_RUN
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import Table, effect_text
from llm_claims.workloads.shown import count


def detailed_lines(table: Table) -> Iterator[str]:
    """Yield the table claim × source, then what deserves a reading: reasons, notes, and counts by verdict."""
    yield from _grid(table)
    yield ""
    yield from _notable(table)
    yield from _disagreements(table)
    yield from _analogues(table)
    yield from _without_verdict(table)
    yield ""
    yield f"{count(len(table.claims), 'claim')}, {count(len(table.rows), 'case')}"
    for source in table.sources:
        counts = ", ".join(f"{number} {word}" for word, number in table.counts(source).items())
        yield f"  {source}: {counts}"


def _grid(table: Table) -> Iterator[str]:
    header = ["claim", *table.sources]
    body = [[claim, *(table.cell(claim, source).text for source in table.sources)] for claim in table.claims]
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]
    for cells in (header, ["-" * width for width in widths], *body):
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _name(row: VerdictRow) -> str:
    return f"{row.claim}{f' [{row.case}]' if row.case else ''}, {row.source}"


def _notable(table: Table) -> Iterator[str]:
    for row in table.rows:
        if row.reason.startswith(NOT_RUN):
            continue
        if row.verdict in (Word.ERROR, Word.CONTRADICTED, Word.WEAKENED, Word.INCONCLUSIVE):
            span = f" [{row.interval[0]:.4g}, {row.interval[1]:.4g}]" if row.interval else ""
            effect = f" {effect_text(row)}{span} n={row.n}" if row.effect is not None else ""
            yield f"{row.verdict}: {_name(row)}:{effect} {row.reason}".replace(":  ", ": ")


def _disagreements(table: Table) -> Iterator[str]:
    for claim in table.claims:
        for source in table.sources:
            disagreement = table.cell(claim, source).disagreement
            if disagreement:
                yield f"cases disagree: {claim}, {source}: {disagreement}"


def _analogues(table: Table) -> Iterator[str]:
    for claim in table.claims:
        for source in table.sources:
            for note in table.cell(claim, source).notes:
                yield f"analogue: {claim}, {source}: {note}"


def _without_verdict(table: Table) -> Iterator[str]:
    """Yield the reasons for which cases are untestable or were not run, each once a source."""
    reasons: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for row in table.rows:
        if row.verdict is Word.UNTESTABLE:
            reasons["untestable on", row.source, row.reason][row.claim] = None
        elif row.reason.startswith(NOT_RUN):
            reasons["without a verdict on", row.source, row.reason][row.claim] = None
    for (what, source, reason), claims in reasons.items():
        who = next(iter(claims)) if len(claims) == 1 else f"{len(claims)} claims"
        yield f"{what} {source}: {who}: {reason}"
