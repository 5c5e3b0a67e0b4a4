"""Assemble a recording of what was imported, and of what a person states of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llm_claims.errors import RecordingError, UsageError
from llm_claims.evidence.evidence import Evidence, Provenance
from llm_claims.evidence.importers.formats import OURS, format_name, read_runs
from llm_claims.evidence.importers.run import Run
from llm_claims.evidence.importers.settings import Setting, read_settings, state_all
from llm_claims.evidence.recordings import Recording, read_recording
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.registry import kind_named

UNKNOWN_HARDWARE = "not stated"


def imported(
    paths: Sequence[Path], name: str, *, format: str, settings: Iterable[str], title: str | None = None
) -> Recording:
    """Return a recording, named ``name``, of the runs in files of other programs.

    Its figures are a document's: printed, and without a witness. What all runs of a kind have in common fills what a
    claim leaves open.

    Raises
    ------
    RecordingError
        A file cannot be read, or has no run, or one run is there twice.
    UsageError
        A setting is unknown or contradicts a file, or two runs differ in no field.
    """
    if len(set(paths)) < len(paths):
        raise UsageError(f"{max(paths, key=list(paths).count)} is given twice")
    if OURS in (format, *([format_name(paths[0])] if format == "auto" and len(paths) == 1 else [])):
        return _of_ours(paths, name, settings, title)
    runs = read_runs(paths, format)
    given = read_settings(settings, runs)
    for one, other in combinations(runs, 2):
        if _figures(one) == _figures(other):
            raise RecordingError(f"{one.place}, and {other.place}: the same run twice, with the same figures")
    evidence = _completed([_evidence(run, given) for run in runs])
    _check_distinct(runs, evidence)
    return Recording(
        name=name,
        title=title or f"Imported from {', '.join(path.name for path in paths)}",
        recorded=max(entry.provenance.date for entry in evidence),
        documented=True,
        defaults=_defaults(evidence),
        evidence=tuple(evidence),
    )


def shown(recording: Recording) -> Iterator[str]:
    """Yield what was imported, for people: each run, its figures with units and places, and what nothing states."""
    for entry in recording.evidence:
        ending = "" if entry.outcome.kind == "completed" else f" {entry.outcome.kind}: {entry.outcome.signature}"
        yield f"{entry.describe()}:{ending}"
        for name, one in entry.metrics.items():
            figures = f"{one.samples[0]:.7g}" if len(one.samples) == 1 else f"{len(one.samples)} figures"
            where = f" ({one.place})" if one.place else ""
            yield f"  {name} = {figures} {one.unit}{where}"
        if entry.note:
            yield f"  {entry.note}"
        yield f"  open: {', '.join(open_fields(entry.workload)) or 'nothing'}"


def _of_ours(paths: Sequence[Path], name: str, settings: Iterable[str], title: str | None) -> Recording:
    if len(paths) > 1 or any(settings):
        raise UsageError("a recording of llm-claims is imported alone, and as it is: without --set")
    recording = read_recording(paths[0])
    return recording.model_copy(update={"name": name, "title": title or recording.title})


def _figures(run: Run) -> tuple[Any, ...]:
    return run.kind, {name: (one.samples, one.resolution) for name, one in run.metrics.items()}


def _evidence(run: Run, settings: Sequence[Setting]) -> Evidence:
    from_file = sorted(run.fields)
    stated = state_all(run, settings)
    workload = kind_named(run.kind).model_validate({name: value for name, (value, _) in run.fields.items()})
    try:
        provenance = Provenance.model_validate(_provenance(run))
    except ValidationError as error:
        raise UsageError(f"{run.path}: {error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}") from None
    return Evidence(
        workload=workload,
        outcome=run.outcome,
        metrics=run.metrics,
        provenance=provenance,
        place=run.place,
        note=_note(run, from_file, stated),
    )


def _provenance(run: Run) -> dict[str, Any]:
    found = {name: value for name, value in run.provenance.items() if value}
    if "date" not in found:
        found["date"] = datetime.fromtimestamp(run.path.stat().st_mtime, UTC).date()
        run.remarks.append("the date is that of the file")
    return {"kind": "reported", "hardware": UNKNOWN_HARDWARE, **found}


def _note(run: Run, from_file: list[str], stated: list[str]) -> str:
    """Say where each part of the configuration is from."""
    parts = [f"imported from {run.format}"]
    if from_file:
        parts.append(f"the file states {', '.join(from_file)}")
    if stated:
        parts.append(f"set by hand: {', '.join(stated)}")
    parts += run.remarks
    if run.left_out:
        parts.append(f"left out: {', '.join(sorted(run.left_out))}")
    return "; ".join(parts)


def open_fields(workload: Workload) -> list[str]:
    """The fields that nothing states."""
    return [name for name in type(workload).model_fields if getattr(workload, name) is None]


def _check_distinct(runs: Sequence[Run], evidence: Sequence[Evidence]) -> None:
    for (one, first), (other, second) in combinations(zip(runs, evidence, strict=True), 2):
        if first.key == second.key:
            raise UsageError(
                f"{one.place}, and {other.place}: two runs of {first.describe()}; tell them apart, as with "
                f"--set {other.name}:FIELD=VALUE, where FIELD is one of {', '.join(open_fields(first.workload))}"
            )


def _completed(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Fill what follows from the rest, as it will be for a claim: training with one rank is in one process."""
    defaults = _defaults(evidence)
    return [
        entry.model_copy(
            update={"workload": entry.workload.filled(defaults[entry.workload.kind].fields_for(entry.workload))}
        )
        for entry in evidence
    ]


def _defaults(evidence: Sequence[Evidence]) -> dict[str, Defaults[Any]]:
    """What all workloads of a kind state alike, and the instance type that all have."""
    found = {}
    for kind in {entry.workload.kind: None for entry in evidence}:
        of_kind = [entry for entry in evidence if entry.workload.kind == kind]
        defaults = kind_named(kind).defaults_type()
        first, *rest = (entry.workload.stated() for entry in of_kind)
        common = {
            name: value
            for name, value in first.items()
            if name not in defaults.never_filled and all(one.get(name) == value for one in rest)
        }
        instances = {entry.instance_type for entry in of_kind}
        instance = instances.pop() if len(instances) == 1 else None
        found[kind] = defaults.model_validate({"fields": {"kind": kind, **common}, "instance": instance})
    return found
