"""The closing lines in the terminal: what departs from the accepted verdicts first, then the matrix and the counts."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import pytest

from llm_claims.document.register import Register
from llm_claims.judging.cases import NOT_RUN
from llm_claims.judging.rows import FigureRow, VerdictRow
from llm_claims.relations.verdict import Word
from llm_claims.report.cells import SYMBOLS, Cell, Table, letters
from llm_claims.report.changes import changes_of
from llm_claims.workloads.shown import count

AGAINST = (Word.CONTRADICTED, Word.WEAKENED)
COLOURS = {Word.REPRODUCED: "green", Word.CONTRADICTED: "red", Word.WEAKENED: "yellow", Word.ERROR: "red"}
ASCII = str.maketrans({"✓": "+", "✗": "x", "·": "-", "×": "x", "–": "-", "→": ">", "…": "~"})
MOST = 20
"""Cases that are told one by one; a review lists them all."""


class Piece(NamedTuple):
    """A part of a line, and pytest's name of its colour; empty for none."""

    text: str
    colour: str = ""


Line = tuple[Piece, ...]


def closing_lines(
    table: Table, documents: Sequence[tuple[Register, Table]], figures: Sequence[FigureRow], width: int
) -> Iterator[Line]:
    """Yield the closing lines, none wider than ``width`` characters (of at least 40).

    ``table`` has the cases of all ``documents``; each of these has a matrix of its own.
    """
    changes = changes_of(table, figures)
    if changes.cases:
        yield (Piece(f"changed: {count(len(changes.cases), 'case')}", "red"),)
        for told in changes.figures:
            yield from _wrapped(told, width)
        yield from _listed(map(_departure, changes.cases), len(changes.cases), width)
    if changes.nights:
        yield (Piece(f"changed since earlier nights: {count(len(changes.nights), 'figure')}", "red"),)
        yield from _listed(changes.nights, len(changes.nights), width)
    errors = [row for row in table.rows if row.verdict is Word.ERROR and not row.reason.startswith(NOT_RUN)]
    if errors:
        yield (Piece(f"failed: {count(len(errors), 'case')}", "red"),)
        yield from _listed((f"{_name(row)}: {row.reason}" for row in errors), len(errors), width)
    yield from _against(table, width)
    for register, of_one in documents:
        if len(documents) > 1:
            yield ()
            yield (Piece(register.document[:width], "bold"),)
        yield from _matrix(of_one, register, width)
        yield from _counts(of_one, width)


def _name(row: VerdictRow) -> str:
    return f"{row.claim}{f' [{row.case}]' if row.case else ''} on {row.source}"


def _departure(row: VerdictRow) -> str:
    return f"{row.departure}: {_name(row)}: {row.accepted} → {row.line}"


def _listed(texts: Iterable[str], number: int, width: int) -> Iterator[Line]:
    for _, text in zip(range(MOST), texts, strict=False):
        yield from _wrapped(text, width)
    if number > MOST:
        yield (Piece(f"  and {number - MOST} more: llm-claims review"),)


def _wrapped(text: str, width: int, most: int = 3) -> Iterator[Line]:
    wrapper = textwrap.TextWrapper(width, max_lines=most, placeholder=" …", break_on_hyphens=False)
    wrapper.initial_indent, wrapper.subsequent_indent = "  ", "    "
    for line in wrapper.wrap(text):
        yield (Piece(line),)


def _against(table: Table, width: int) -> Iterator[Line]:
    """Yield one line for each claim that is contradicted or weakened somewhere: where, and by which effect."""
    found = []
    for claim in table.claims:
        cells = {source: table.cell(claim, source) for source in table.sources}
        told = [f"{source} {cell.effects}".strip() for source, cell in cells.items() if cell.word in AGAINST]
        if told:
            words = sorted({str(cell.word) for cell in cells.values() if cell.word in AGAINST})
            found.append(f"{claim}: {' or '.join(words)} on {', '.join(told)}")
    if found:
        yield (Piece(f"contradicted or weakened: {count(len(found), 'claim')}", "yellow"),)
        for text in found:
            yield from _wrapped(text, width, most=2)


def _matrix(table: Table, register: Register, width: int) -> Iterator[Line]:
    """Yield a row for each claim, a column for each source; with effects where these fit."""
    columns = letters(len(table.sources))
    shown = [[_shown(table.cell(claim, source)) for source in table.sources] for claim in table.claims]
    widths = [max(len(_sign(*cell)) for cell in column) for column in zip(*shown, strict=True)]
    names = max(map(len, table.claims))
    if names + 2 + sum(widths) + 2 * len(widths) > width:
        shown = [[(word, "") for word, _ in cells] for cells in shown]
        widths, names = [len(letter) for letter in columns], min(names, width - 2 - 2 * len(columns))
    heads = " ".join(f"{letter:<{w}}" for letter, w in zip(columns, widths, strict=True)).rstrip()
    yield (Piece(f"{'':{names + 2}}{heads}"),)
    section = ""
    for claim, cells in zip(table.claims, shown, strict=True):
        if (now := register.section_of[claim]) != section:
            section = now
            yield (Piece(section, "bold"),)
        name = claim if len(claim) <= names else f"{claim[: names - 1]}…"
        *most, last = _pieces(cells, widths)
        yield (Piece(f"{name:<{names + 2}}"), *most, Piece(last.text.rstrip(), last.colour))


def _shown(cell: Cell) -> tuple[Word | None, str]:
    return cell.word, cell.effects if cell.word not in (None, Word.UNTESTABLE, Word.ERROR) else ""


def _pieces(cells: Sequence[tuple[Word | None, str]], widths: Sequence[int]) -> Iterator[Piece]:
    for (word, text), width in zip(cells, widths, strict=True):
        yield Piece(f"{_sign(word, text):<{width + 1}}", COLOURS.get(word, "") if word else "")


def _sign(word: Word | None, text: str) -> str:
    return f"{SYMBOLS[word] if word else ' '} {text}".rstrip(" ") or " "


def _counts(table: Table, width: int) -> Iterator[Line]:
    """Yield what each letter stands for, and how many cases have each verdict."""
    words = [word for word in SYMBOLS if any(word in table.counts(source) for source in table.sources)]
    names = max(map(len, table.sources))
    yield ()
    yield from _wrapped(", ".join(f"{SYMBOLS[word]} {word}" for word in words), width)
    head = "".join(f"{SYMBOLS[word]:>6}" for word in words)
    room = max(width - 5 - 6 * len(words), 8)
    heading = f"{count(len(table.claims), 'claim')}, {count(len(table.rows), 'case')}"
    names = min(max(names, len(heading)), room)
    yield (Piece(f"     {heading:<{names}}{head}"),)
    for letter, source in zip(letters(len(table.sources)), table.sources, strict=True):
        counts = table.counts(source)
        numbers = "".join(f"{counts.get(word, 0):>6}" for word in words)
        name = source if len(source) <= room else f"{source[: room - 1]}…"
        yield (Piece(f"  {letter}  {name:<{names}}{numbers}"),)


def write_line(terminalreporter: pytest.TerminalReporter, line: Line) -> None:
    """Write a line in its colours; a terminal that cannot show our signs shows letters."""
    for text, colour in line:
        shown = text if _can_show(text) else text.translate(ASCII)
        terminalreporter.write(shown, **({colour: True} if colour else {}))
    terminalreporter.write_line("")


def _can_show(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
