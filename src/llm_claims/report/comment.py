"""A comment for a pull request, in Markdown: what changed first, and no more than one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llm_claims.judging.rows import FigureRow, VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import GRAVITY, Table
from llm_claims.report.changes import changes_of
from llm_claims.workloads.shown import count

MOST = 12
"""Cases that are told one by one."""


def comment(table: Table, figures: Sequence[FigureRow], document: str, *, part: bool = False) -> str:
    """Return the comment."""
    return "\n".join(_lines(table, figures, document, part=part)) + "\n"


def _lines(table: Table, figures: Sequence[FigureRow], document: str, *, part: bool) -> Iterator[str]:
    changes = changes_of(table, figures)
    number = len(changes.cases) + len(changes.nights)
    told = count(number, "change") if number else "nothing changed"
    yield f"### {_plain(document)}{': a part' if part else ''}: {told}"
    yield ""
    yield from (f"- changed figure: {_plain(told)}" for told in changes.figures[:MOST])
    yield from (
        f"- **{row.departure}** {_name(row)}: {_plain(row.accepted)} → {_plain(row.line)}"
        for row in changes.cases[:MOST]
    )
    yield from (f"- {_plain(told)}" for told in changes.nights[:MOST])
    if left := max(len(changes.cases) - MOST, 0) + max(len(changes.nights) - MOST, 0):
        yield f"- and {left} more: `llm-claims review`"
    if changes.new:
        yield f"- {count(changes.new, 'verdict')} that nobody has accepted yet: `llm-claims review`"
    errors = [row for row in table.rows if row.verdict is Word.ERROR]
    yield from (f"- **failed** {_name(row)}: {_plain(row.reason[:200])}" for row in errors[:MOST])
    if len(errors) > MOST:
        yield f"- and {len(errors) - MOST} more without a verdict"
    yield ""
    words = [word for word in GRAVITY if any(word in table.counts(source) for source in table.sources)]
    yield f"| source | {' | '.join(words)} |"
    yield f"|---|{'---:|' * len(words)}"
    for source in table.sources:
        counts = table.counts(source)
        yield f"| {_plain(source)} | {' | '.join(str(counts.get(word, '')) for word in words)} |"


def _name(row: VerdictRow) -> str:
    return f"`{row.claim}{f' [{row.case}]' if row.case else ''}` on {_plain(row.source)}"


def _plain(text: str | None) -> str:
    """Text from a file, so that it is shown and neither set nor followed."""
    kept = " ".join((text or "").split())
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#@" else sign for sign in kept)
