"""How speeds follow the number of GPUs: training by ranks, serving by tensor parallel degree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from llm_claims.evidence.evidence import Evidence
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.training.workload import Training

_Row = tuple[str, str | None, int]
"""The digest of what a row has in common, the instance type, and the occasion."""


@dataclass(frozen=True)
class ScalingTable:
    """One table: what it shows of which source, how its columns are headed, and for each row its name and cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def scaling_tables(source: str, evidence: Iterable[Evidence]) -> Iterator[ScalingTable]:
    """Yield a table for training and one for serving, if ``source`` measured anything on several GPUs.

    Figures are medians of rounds. A row is a configuration that is alike in all but the number of GPUs. What a document
    printed is not measured, and has no table.
    """
    entries = [one for one in evidence if (one.outcome.kind, one.provenance.kind) == ("completed", "measured")]
    yield from _table(f"training by number of ranks, {source}", "ranks", entries, Training, _of_training)
    title = f"latency by tensor parallel degree, {source}"
    yield from _table(title, "tensor_parallel_degree", entries, Generation, _of_serving)


def scaling_lines(table: ScalingTable) -> Iterator[str]:
    """Yield a table as aligned lines of text."""
    lines = [("", *table.columns), *((name, *cells) for name, cells in table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    yield f"scaling: {table.title}"
    for cells in lines:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _table(
    title: str, field: str, evidence: Iterable[Evidence], kind: type, cell: Callable[[Evidence], str | None]
) -> Iterator[ScalingTable]:
    by_row: dict[_Row, dict[int, str]] = {}
    fields_of: dict[_Row, dict[str, Any]] = {}
    for entry in evidence:
        if isinstance(entry.workload, kind) and (text := cell(entry)):
            # The number of samples follows the ranks.
            alike = entry.workload.model_copy(update=dict.fromkeys({field, "samples"} & set(vars(entry.workload))))
            row = alike.digest, entry.instance_type, entry.occasion
            where = {"instance": entry.instance_type, "occasion": entry.occasion}
            fields_of[row] = alike.model_dump(exclude_none=True) | where
            by_row.setdefault(row, {})[getattr(entry.workload, field) or 1] = text
    # What was measured on one GPU alone says nothing of scaling.
    rows = {row: cells for row, cells in by_row.items() if max(cells) > 1}
    if rows:
        counts = sorted({count for cells in rows.values() for count in cells})
        names = _told_apart({row: (_name(fields_of[row], field), fields_of[row]) for row in rows})
        columns = tuple(_count(count, "GPU") for count in counts)
        yield ScalingTable(title, columns, tuple(sorted((names[row], _cells(rows[row], counts)) for row in rows)))


def _told_apart(rows: Mapping[_Row, tuple[str, Mapping[str, Any]]]) -> dict[_Row, str]:
    """Return the names of rows, each with what tells it apart from those of the same name."""
    found: dict[_Row, str] = {}
    for row, (name, fields) in rows.items():
        others = [those for same, those in rows.values() if same == name]
        apart = [key for key in fields if any(those.get(key) != fields[key] for those in others)]
        found[row] = ", ".join([name, *(f"{key}={fields[key]}" for key in apart)])
    return found


def _cells(row: Mapping[int, str], counts: Iterable[int]) -> tuple[str, ...]:
    return tuple(row.get(count, "") for count in counts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _name(fields: Mapping[str, Any], field: str) -> str:
    """What the configurations of a row have in common, as far as configurations of a table differ in it."""
    if field == "ranks":
        names = (fields.get("model"), f"ZeRO-{fields['zero_stage']}" if fields.get("zero_stage") else "no ZeRO")
        return " ".join(filter(None, (*names, fields.get("precision"), fields.get("transport"))))
    request = f"{fields.get('input_tokens')}+{fields.get('new_tokens')} tokens, {_count(fields['prompts'], 'prompt')}"
    if fields.get("batch_size"):
        request += f" in batches of {fields['batch_size']}"
    stack = " ".join(filter(None, (fields.get(name) for name in ("model", "engine", "precision", "api"))))
    return f"{stack}, {request}"


def _of_training(entry: Evidence) -> str | None:
    """Of runs at scale: those of small models show what the host takes."""
    if "model_flops_utilisation" not in entry.metrics:
        return None
    parts = [f"{_median(entry, 'step_seconds'):.3g} s/step", f"{_median(entry, 'model_flops_utilisation'):.0%} MFU"]
    for metric, words in (("communication_share", "communication"), ("compute_share", "computing")):
        if metric in entry.metrics:
            parts.append(f"{_median(entry, metric):.0%} {words}")
    return ", ".join(parts)


def _of_serving(entry: Evidence) -> str | None:
    return f"{_median(entry, 'latency_seconds'):.3g} s" if "latency_seconds" in entry.metrics else None


def _median(entry: Evidence, metric: str) -> float:
    return median(entry.metrics[metric].samples)
