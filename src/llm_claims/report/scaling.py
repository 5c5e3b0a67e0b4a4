"""How figures follow one field, such as the number of GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from llm_claims.evidence.evidence import Evidence
from llm_claims.workloads.base import Workload
from llm_claims.workloads.registry import kinds
from llm_claims.workloads.shown import Scaling, count

K = TypeVar("K")
_Row = tuple[str, str | None, int]
"""The digest of what a row has in common, the instance type, and the occasion."""


@dataclass(frozen=True)
class ScalingTable:
    """One table: what it shows of which source, how its columns are headed, and for each row its name and cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def scaling_tables(source: str, evidence: Iterable[Evidence]) -> Iterator[ScalingTable]:
    """Yield the tables of each kind of workload that have a row of what ``source`` measured.

    Figures are medians of rounds. A row is a configuration that is alike in all but the table's field. What a document
    printed is not measured, and has no table.
    """
    entries = [one for one in evidence if (one.outcome.kind, one.provenance.kind) == ("completed", "measured")]
    for kind in kinds():
        for scaling in kind.scalings:
            yield from _table(source, kind, scaling, entries)


def scaling_lines(table: ScalingTable) -> Iterator[str]:
    """Yield a table as aligned lines of text."""
    lines = [("", *table.columns), *((name, *cells) for name, cells in table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    yield f"scaling: {table.title}"
    for cells in lines:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _table(source: str, kind: type[Workload], scaling: Scaling, evidence: Iterable[Evidence]) -> Iterator[ScalingTable]:
    by_row: dict[_Row, dict[int, str]] = {}
    alike_in: dict[_Row, Workload] = {}
    for entry in evidence:
        if isinstance(entry.workload, kind) and scaling.needed in entry.metrics:
            alike = entry.workload.model_copy(update=dict.fromkeys((scaling.field, *scaling.follow)))
            row = alike.digest, entry.instance_type, entry.occasion
            alike_in[row] = alike
            by_row.setdefault(row, {})[getattr(entry.workload, scaling.field) or 1] = _cell(entry, scaling)
    # What was measured on one GPU alone says nothing of scaling.
    rows = {row: cells for row, cells in by_row.items() if max(cells) > 1 and len(cells) >= scaling.least}
    if rows:
        counts = sorted({number for cells in rows.values() for number in cells})
        names = told_apart({row: (scaling.row(alike_in[row]), _fields(row, alike_in[row])) for row in rows})
        columns = tuple(count(number, scaling.noun) for number in counts)
        shown = sorted((names[row], tuple(cells.get(number, "") for number in counts)) for row, cells in rows.items())
        yield ScalingTable(f"{scaling.title}, {source}", columns, tuple(shown))


def _cell(entry: Evidence, scaling: Scaling) -> str:
    return ", ".join(form.format(entry.median(name)) for name, form in scaling.cells if name in entry.metrics)


def _fields(row: _Row, alike: Workload) -> dict[str, Any]:
    _, instance, occasion = row
    return {**alike.stated(), "instance": instance, "occasion": occasion}


def told_apart(rows: Mapping[K, tuple[str, Mapping[str, Any]]]) -> dict[K, str]:
    """Return the names of rows, each with what tells it apart from those of the same name."""
    found: dict[K, str] = {}
    for row, (name, fields) in rows.items():
        others = [those for same, those in rows.values() if same == name]
        apart = [key for key in fields if any(those.get(key) != fields[key] for those in others)]
        found[row] = ", ".join([name, *(f"{key}={fields[key]}" for key in apart)])
    return found
