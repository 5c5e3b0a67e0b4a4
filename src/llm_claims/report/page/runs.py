"""The runs that verdicts stand on: what was asked, what the run saw of itself, and its figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median

from llm_claims.evidence.evidence import Evidence, Samples
from llm_claims.judging.history.night import Night
from llm_claims.report.page.curve import Curve, curve_of
from llm_claims.workloads.shown import count

SCALES = {"bytes": (2.0**30, "GiB"), "bytes/s": (1e9, "GB/s"), "flop/s": (1e12, "Tflop/s")}
"""How large amounts are written: the divisor, and the unit then."""
Nights = Mapping[tuple[str, str], list[float]]
"""The values of each figure over nights, by source and figure."""


@dataclass(frozen=True)
class Metric:
    """One metric of a run: its value with unit, where the document has it, and curves if there is what to draw."""

    name: str
    value: str
    place: str
    curve: Curve | None
    nights: Curve | None


@dataclass(frozen=True)
class Run:
    """One entry of evidence: ``anchor`` is its place on the page, ``fields`` what it stated, ``seen`` its witness.

    ``apart`` are the fields in which it differs from other runs of its kind and source.
    """

    anchor: str
    source: str
    kind: str
    key: str
    place: str
    fields: dict[str, str]
    apart: str
    outcome: str
    metrics: tuple[Metric, ...]
    seen: dict[str, str]
    origin: dict[str, str]
    note: str

    @property
    def name(self) -> str:
        """Its place in the document, or else its kind."""
        return self.place or self.kind


def nights_of(entries: Iterable[object]) -> dict[tuple[str, str], list[float]]:
    """Return the values of each figure, in the order of the nights."""
    found: dict[tuple[str, str], list[float]] = {}
    for night in entries:
        if isinstance(night, Night):
            for figure in night.figures:
                found.setdefault((night.source, figure.id), []).append(figure.value)
    return found


def runs_of(source: str, letter: str, evidence: Iterable[Evidence], nights: Nights) -> list[Run]:
    """Return the runs of one source, in its order."""
    runs = [_run(source, f"page-run-{letter}{i}", entry, nights) for i, entry in enumerate(evidence, start=1)]
    of_kind: dict[str, list[set[tuple[str, str]]]] = {}
    for run in runs:
        of_kind.setdefault(run.kind, []).append(set(run.fields.items()))
    alike = {kind: set.intersection(*fields) if len(fields) > 1 else set() for kind, fields in of_kind.items()}
    return [replace(run, apart=listed(set(run.fields.items()) - alike[run.kind])) for run in runs]


def listed(fields: Iterable[tuple[str, str]]) -> str:
    """Write fields as one line."""
    return ", ".join(f"{name}={value}" for name, value in sorted(fields))


def _run(source: str, anchor: str, entry: Evidence, nights: Nights) -> Run:
    metrics = (
        _metric(name, samples, nights.get((source, f"{name}@{entry.key}"), []))
        for name, samples in entry.metrics.items()
    )
    witness = entry.witness.model_dump(exclude_none=True) if entry.witness else {}
    signature = f": {entry.outcome.signature}" if entry.outcome.signature else ""
    instance = {"instance type": entry.instance_type} if entry.instance_type else {}
    return Run(
        anchor=anchor,
        source=source,
        kind=entry.workload.kind,
        key=entry.key,
        place=entry.place or "",
        fields=_texts({**instance, **entry.workload.stated()}),
        apart="",
        outcome=f"{entry.outcome.kind}{signature}".replace("_", " "),
        metrics=tuple(metrics),
        seen=_texts(witness),
        origin=_origin(entry),
        note=entry.note or "",
    )


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    return {name: ", ".join(map(str, v)) if isinstance(v, list | tuple) else str(v) for name, v in fields.items()}


def _origin(entry: Evidence) -> dict[str, str]:
    provenance = entry.provenance
    found = {
        "evidence": provenance.kind,
        "hardware": provenance.hardware,
        "software": ", ".join(f"{name} {version}" for name, version in provenance.software.items()),
        "date": str(provenance.date),
        "commit": provenance.commit or "",
        "seeds": ", ".join(map(str, provenance.seeds)),
        "command": provenance.command or "",
        "rounds": str(len(entry.rounds)),
    }
    return {name: text for name, text in found.items() if text}


def _metric(name: str, samples: Samples, nights: list[float]) -> Metric:
    steps = curve_of(samples.samples, "value") if samples.spread == "exact" else None
    return Metric(name, value_of(samples), samples.place or "", steps, curve_of(nights, "night"))


def value_of(samples: Samples) -> str:
    """Write the median with its unit, and how far the samples lie apart or how finely they were printed."""
    values = samples.samples
    if samples.spread == "printed" and samples.resolution is not None:
        return f"{', '.join(amount(one, samples.unit) for one in values)}, printed to {samples.resolution:g}"
    text = amount(median(values), samples.unit)
    if samples.spread == "exact" and len(values) > 1:
        return f"{text} (median of {len(values)})"
    if len(values) == 1:
        return text
    ends = f"{amount(min(values), samples.unit)} to {amount(max(values), samples.unit)}"
    return f"{text} ({ends}, {count(len(values), 'round')})"


def amount(value: float, unit: str) -> str:
    """Write a number with its unit: ``13.2 GiB``."""
    scale, shown = SCALES.get(unit, (1.0, unit))
    return f"{value / scale:.4g}{'' if shown in ('1', 'ratio') else ' ' + shown}"
