"""The report folder: verdicts.json, figures.json and index.html."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_claims.document.files import try_to_write, write_atomically
from llm_claims.document.register import Register
from llm_claims.errors import UsageError
from llm_claims.judging.rows import FigureList, FigureRow, VerdictList
from llm_claims.report.cells import Table
from llm_claims.report.html import page
from llm_claims.report.scaling import ScalingTable

VERDICTS, FIGURES, PAGE = "verdicts.json", "figures.json", "index.html"
PART = "part"
"""The folder, within that of the reports, for those of a part of the suite."""


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
    table: Table,
    figures: Sequence[FigureRow],
    register: Register,
    remarks: Sequence[str] = (),
    scaling: Sequence[ScalingTable] = (),
    *,
    part: bool = False,
) -> Path:
    """Write every report; each file is whole or not there. ``remarks`` and ``scaling`` are on the whole run.

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
    write_atomically(folder / VERDICTS, VerdictList(list(table.rows)).model_dump_json(indent=1) + "\n")
    write_atomically(folder / FIGURES, FigureList(list(figures)).model_dump_json(indent=1) + "\n")
    write_atomically(folder / PAGE, page(table, register, remarks, scaling, part=part))
    return folder
