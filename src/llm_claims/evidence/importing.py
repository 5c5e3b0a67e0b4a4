"""Turn what other programs printed or saved into a recording."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llm_claims.errors import UsageError
from llm_claims.evidence.evidence import Evidence, Provenance, Samples
from llm_claims.evidence.recordings import Recording, read_recording
from llm_claims.workloads.base import Workload
from llm_claims.workloads.imports.format import Figure, Format, FoundRun
from llm_claims.workloads.outcome import Outcome, first_fault
from llm_claims.workloads.registry import kinds
from llm_claims.workloads.shown import count

AUTO = "auto"
ITSELF = "llm-claims"
"""The format of recordings: those of another repository are taken as they are."""
_BEGINNING = 1 << 16


@dataclass(frozen=True)
class Imported:
    """A run with the file that it is from, and what is told of it: fields of the file, of the user, and open ones."""

    number: int
    path: Path
    kind: type[Workload]
    run: FoundRun
    entry: Evidence
    set_by_hand: tuple[str, ...]

    @property
    def open_fields(self) -> tuple[str, ...]:
        """What a measured run would have to state, and this one does not."""
        return tuple(name for name in self.kind.must_state if getattr(self.entry.workload, name) is None)


def formats() -> dict[str, tuple[Format, type[Workload]]]:
    """Every format by name, with the kind of workload whose runs it reads."""
    return {one.name: (one, kind) for kind in kinds() for one in kind.formats}


def imported(format: str, paths: Sequence[Path], settings: Sequence[str], hardware: str | None) -> list[Imported]:
    """Read the runs of files.

    Parameters
    ----------
    format : a name of `formats`, or "auto".
    settings : ``FIELD=VALUE`` for all runs, or ``NUMBER:FIELD=VALUE`` for one, counted from 1.
    hardware : where they ran, in words.

    Raises
    ------
    UsageError
        A file cannot be read, or contradicts a setting; a field is unknown; two runs cannot be told apart.
    """
    runs = [(path, kind, run) for path in paths for kind, run in _runs(format, path)]
    wanted = [_Setting.parsed(text, len(runs)) for text in settings]
    found = []
    for number, (path, kind, run) in enumerate(runs, start=1):
        mine = [one for one in wanted if one.run in (None, number)]
        found.append(_imported(number, path, kind, run, mine, hardware))
    _check_apart(found)
    return found


def recording_of(found: Sequence[Imported], into: Path) -> Recording:
    """Return a recording of figures that were reported; what all runs of a kind state fills what claims leave open."""
    by_kind: dict[type[Workload], list[dict[str, Any]]] = {}
    for one in found:
        by_kind.setdefault(one.kind, []).append(one.entry.workload.stated())
    defaults = {}
    for kind, stated in by_kind.items():
        alike = {name: value for name, value in stated[0].items() if all(one.get(name) == value for one in stated)}
        defaults[kind.model_fields["kind"].default] = kind.defaults_type()(fields=kind.model_validate(alike))
    names = ", ".join(dict.fromkeys(one.path.name for one in found))
    return Recording(
        name=into.stem,
        title=f"Imported from {names}",
        recorded=datetime.now(UTC).date(),
        documented=True,
        defaults=defaults,
        evidence=tuple(one.entry for one in found),
    )


def own_recording(path: Path, into: Path) -> Recording:
    """Return another repository's recording, under the name of the new file."""
    return read_recording(path).model_copy(update={"name": into.stem})


def detected(path: Path) -> str:
    """Return the name of a file's format.

    Raises
    ------
    UsageError
        It has none, or several.
    """
    try:
        with path.open("rb") as stream:
            begins = stream.read(_BEGINNING).decode(errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    known = formats()
    fitting = [name for name, (format, _) in known.items() if format.recognizes(begins)]
    if '"schema_version"' in begins and '"evidence"' in begins:
        fitting = [ITSELF]
    if len(fitting) != 1:
        what = f"it looks like {' and '.join(fitting)}" if fitting else "its beginning is of no known format"
        raise UsageError(f"{path}: {what}: name the format, one of {', '.join([*known, ITSELF])}")
    return fitting[0]


def _runs(format: str, path: Path) -> Iterator[tuple[type[Workload], FoundRun]]:
    name, known = (detected(path) if format == AUTO else format), formats()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f": did you mean {near[0]!r}?" if near else f"; known are {', '.join([*known, ITSELF])}"
        raise UsageError(f"unknown format {name!r}{hint}")
    reader, kind = known[name]
    try:
        for run in reader.read(path):
            yield kind, run
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        told = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{path}, as {name}: {told}. Nothing was written.") from None


@dataclass(frozen=True)
class _Setting:
    run: int | None
    field: str
    value: str

    @classmethod
    def parsed(cls, text: str, runs: int) -> _Setting:
        name, is_one, value = text.partition("=")
        number, colon, field = name.rpartition(":")
        if not (is_one and field) or (colon and not number.isdigit()):
            raise UsageError(f"--set {text}: write FIELD=VALUE, or NUMBER:FIELD=VALUE for one run")
        if colon and not 1 <= int(number) <= runs:
            raise UsageError(f"--set {text}: the files have {count(runs, 'run')}")
        return cls(int(number) if colon else None, field, value)


def _imported(
    number: int, path: Path, kind: type[Workload], run: FoundRun, settings: Sequence[_Setting], hardware: str | None
) -> Imported:
    instance, fields = None, dict(run.fields)
    for one in settings:
        if one.field == "instance":
            instance = one.value
            continue
        value = _value(kind, one)
        if one.field in run.fields and run.fields[one.field] != value:
            raise UsageError(
                f"--set {one.field}={one.value}: {path} says {one.field}={run.fields[one.field]} ({run.place})"
            )
        fields[one.field] = value
    workload = _workload(kind, fields, path)
    by_hand = tuple(dict.fromkeys(one.field for one in settings))
    entry = Evidence(
        workload=workload,
        outcome=Outcome(kind="failed", signature=f"diverged: {run.diverged}") if run.diverged else Outcome(),
        metrics={name: _samples(kind, name, figure, path) for name, figure in run.figures.items()},
        provenance=_provenance(run, path, hardware, instance),
        place=f"{path.name}, {run.place}",
        note=f"set by hand: {', '.join(by_hand)}" if by_hand else None,
    )
    return Imported(number, path, kind, run, entry, by_hand)


def _value(kind: type[Workload], setting: _Setting) -> Any:
    """Read a value as text or, where the field takes no text, as JSON: ``true``, ``3``."""
    if setting.field not in kind.model_fields or setting.field == "kind":
        near = get_close_matches(setting.field, kind.model_fields, n=1)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"--set {setting.field}: {kind.__name__} has no such field{hint}")
    for value in _readings(setting.value):
        try:
            return getattr(kind.model_validate({setting.field: value}), setting.field)
        except ValidationError as error:
            fault = first_fault(error)
    raise UsageError(f"--set {setting.field}={setting.value}: {fault}")


def _readings(text: str) -> Iterator[Any]:
    yield text
    with suppress(ValueError):
        yield json.loads(text)


def _workload(kind: type[Workload], fields: Mapping[str, Any], path: Path) -> Workload:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_fault(error)}") from None


def _samples(kind: type[Workload], name: str, figure: Figure, path: Path) -> Samples:
    try:
        here = figure.converted(kind.metric(name).unit)
        return Samples(
            unit=here.unit,
            spread="exact" if here.resolution is None else "printed",
            samples=here.values,
            resolution=here.resolution,
            rounding="down" if here.cut else "nearest",
            place=f"{path.name}, {here.place}",
            note=here.note or None,
        )
    except ValidationError as error:
        raise UsageError(f"{path}, {figure.place}: {first_fault(error)}. Nothing was written.") from None
    except ValueError as error:
        raise UsageError(f"{path}: {error}. Nothing was written.") from None


def _provenance(run: FoundRun, path: Path, hardware: str | None, instance: str | None) -> Provenance:
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    return Provenance(
        kind="reported",
        hardware=hardware or run.hardware or "not stated",
        instance_type=instance,
        software=run.software,
        # A file that does not say when was at the latest changed then.
        date=date.fromisoformat(run.date) if run.date else changed,
    )


def _check_apart(found: Iterable[Imported]) -> None:
    seen: dict[str, Imported] = {}
    for one in found:
        other = seen.setdefault(one.entry.key, one)
        if other is one:
            continue
        runs = f"run {other.number} ({other.entry.place}) and run {one.number} ({one.entry.place})"
        if other.entry.metrics == one.entry.metrics or _figures(other) == _figures(one):
            raise UsageError(f"{runs} are the same")
        raise UsageError(
            f"{runs} state the same: say in what they differ, with --set {one.number}:FIELD=VALUE. Nothing was written."
        )


def _figures(one: Imported) -> dict[str, tuple[float, ...]]:
    return {name: samples.samples for name, samples in one.entry.metrics.items()}
