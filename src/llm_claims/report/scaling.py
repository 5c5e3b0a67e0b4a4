"""How speeds follow the number of GPUs: training by ranks, serving by tensor parallel degree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from llm_claims.evidence import Evidence
from llm_claims.workloads import Generation, Training


@dataclass(frozen=True)
class ScalingTable:
    """One table: what it shows of which source, how its columns are headed, and for each row its name and cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def scaling_tables(source: str, evidence: Iterable[Evidence]) -> Iterator[ScalingTable]:
    """Yield a table for training and one for serving, if ``source`` measured anything on several GPUs.

    Figures are medians of rounds. A row is a configuration that is alike in all but the number of GPUs.
    """
    entries = [entry for entry in evidence if entry.outcome.kind == "completed"]
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
    by_row: dict[str, dict[int, str]] = {}
    for entry in evidence:
        if isinstance(entry.workload, kind) and (text := cell(entry)):
            fields = entry.workload.model_dump(exclude_none=True)
            by_row.setdefault(_name(fields, field), {})[fields.get(field, 1)] = text
    counts = sorted({count for cells in by_row.values() for count in cells})
    # What was measured on one GPU alone says nothing of scaling.
    rows = {name: cells for name, cells in by_row.items() if max(cells) > 1}
    if rows:
        columns = tuple(_count(count, "GPU") for count in counts)
        yield ScalingTable(title, columns, tuple((name, _cells(rows[name], counts)) for name in sorted(rows)))


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
