"""The report folder: index.html, a page for each document where there are several, and the same in other forms."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from llm_claims.document.files import try_to_write, write_atomically
from llm_claims.errors import UsageError
from llm_claims.judging.rows import FigureList, FigureRow, VerdictList, VerdictRow

VERDICTS, FIGURES, PAGE, TABLE, COMMENT = "verdicts.json", "figures.json", "index.html", "verdicts.csv", "comment.md"
PART = "part"
"""The folder, within that of the reports, for those of a part of the suite."""


def page_of(document: str) -> str:
    """The file with the page of one of several documents."""
    return f"{document}.html"


def check_writable(folder: Path) -> None:
    """Make sure, before anything is measured, that the reports can be written.

    Raises
    ------
    UsageError
        The folder cannot be made or written.
    """
    try:
        try_to_write(folder)
    except OSError as error:
        raise UsageError(
            f"the report folder {folder} cannot be written ({error.strerror}): choose another with --report-dir"
        ) from None


def write_reports(
    folder: Path,
    rows: Sequence[VerdictRow],
    figures: Sequence[FigureRow],
    pages: Mapping[str, str],
    markdown: str,
    *,
    part: bool,
) -> Path:
    """Write every report; each file is whole or not there. ``pages`` are texts by the names of their files.

    Those of a part of the suite go to a folder of their own, and replace no others.

    Returns
    -------
    Path
        The folder with the files.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    folder = folder / PART if part else folder
    write_atomically(folder / VERDICTS, VerdictList(list(rows)).model_dump_json(indent=1) + "\n")
    write_atomically(folder / FIGURES, FigureList(list(figures)).model_dump_json(indent=1) + "\n")
    write_atomically(folder / TABLE, csv_of(rows))
    write_atomically(folder / COMMENT, markdown)
    for name, html in pages.items():
        write_atomically(folder / name, html)
    return folder


def csv_of(rows: Sequence[VerdictRow]) -> str:
    """Return rows as CSV with a head; what spreadsheets would take for a formula is led by an apostrophe."""
    text = StringIO()
    names = [name for name in VerdictRow.model_fields if name not in ("interval", "changes")]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, "lower", "upper", "departure"])
    for row in rows:
        held = row.model_dump(mode="json")
        values = [*(held[name] for name in names), *(row.interval or ("", "")), row.departure or ""]
        writer.writerow([_inert(value) for value in values])
    return text.getvalue()


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
