"""Merge recordings that one machine made on several occasions into one, a column of the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from itertools import combinations, pairwise

from llm_claims.errors import RecordingError
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import Recording
from llm_claims.evidence.times import Times
from llm_claims.workloads.devices import Devices


def merged(recordings: Sequence[Recording], name: str) -> Recording:
    """Return one recording, named ``name``, of all that ``recordings`` hold, given in the order they were made.

    Each entry keeps the number of its occasion, and figures of two occasions are never compared. A workload that two
    recordings hold is taken from the later one.

    Raises
    ------
    RecordingError
        They are not of one machine, its software, one live source and one reference configuration, or not in order;
        the text says what differs, and between which of them.
    """
    if len(recordings) < 2:
        raise RecordingError("a merge is of two recordings or more")
    for one, later in pairwise(recordings):
        if later.recorded < one.recorded:
            raise RecordingError(
                f"{later.name} was recorded before {one.name}: name recordings in the order they were made"
            )
    faults = [fault for one, later in combinations(recordings, 2) for fault in _differences(one, later)]
    if faults:
        raise RecordingError("these are not of one machine and configuration:\n  " + "\n  ".join(faults))
    evidence: dict[str, Evidence] = {}
    for recording in recordings:
        evidence |= _of_further_occasions(recording, after=max((one.occasion for one in evidence.values()), default=0))
    last = recordings[-1]
    return Recording(
        name=name,
        title=last.title,
        recorded=last.recorded,
        measured_on=last.measured_on,
        most_rounds=max(one.most_rounds for one in recordings),
        complete=all(one.complete for one in recordings),
        devices=_devices(recordings),
        spent_seconds=_spent(recordings),
        defaults={kind: fields for one in recordings for kind, fields in one.defaults.items()},
        evidence=tuple(evidence.values()),
    )


def measured_again(recordings: Sequence[Recording]) -> Iterator[str]:
    """Yield a line for each workload that several recordings hold, and say which one the merge takes it from."""
    last: dict[str, str] = {}
    for recording in recordings:
        for entry in recording.evidence:
            place = entry.describe()
            if place in last:
                yield f"taken from {recording.name}, not from {last[place]}: {place}"
            last[place] = recording.name


def _of_further_occasions(recording: Recording, after: int) -> dict[str, Evidence]:
    """Evidence by its key, with its occasions numbered on from ``after``."""
    return {entry.key: entry.model_copy(update={"occasion": entry.occasion + after}) for entry in recording.evidence}


def _devices(recordings: Sequence[Recording]) -> Devices | None:
    """The GPUs of all, from the first one's start to the last one's end."""
    known = [one.devices for one in recordings if one.devices]
    links: tuple[tuple[str, ...], ...] = next((one.links for one in known if one.links), ())
    return known[0].model_copy(update={"links": links, "end": known[-1].end}) if known else None


def _spent(recordings: Sequence[Recording]) -> Times | None:
    """What they took together; ``None`` if one of them does not say."""
    known = [one.spent_seconds for one in recordings if one.spent_seconds]
    if len(known) < len(recordings):
        return None
    return Times(*(sum(phase) for phase in zip(*map(astuple, known), strict=True)))


def _differences(one: Recording, later: Recording) -> Iterator[str]:
    """Yield the reasons why two recordings cannot be merged."""
    both = f"{one.name} and {later.name}"
    if one.documented or later.documented:
        yield f"documented: {both}: a document's figures are one recording, typed in whole"
        return
    if one.measured_on != later.measured_on:
        yield f"measured_on: {both}: {one.measured_on} and {later.measured_on}"
    if not _alike(one.devices, later.devices):
        yield f"devices: {both}: {_described(one.devices)} and {_described(later.devices)}, or joined otherwise"
    for kind in sorted(one.kinds | later.kinds):
        if kind in one.kinds & later.kinds and one.defaults[kind] != later.defaults[kind]:
            yield f"defaults: {both}: they fill what a {kind} workload leaves open with different fields"
    ours, theirs = _machines(one), _machines(later)
    for what in sorted(ours.keys() & theirs.keys()):
        if ours[what] != theirs[what]:
            yield f"evidence: {both}: {what}: {_listed(ours[what])}, then {_listed(theirs[what])}"


def _alike(one: Devices | None, later: Devices | None) -> bool:
    """Whether they are the same GPUs, joined alike, as far as both recordings say how."""
    if one is None or later is None:
        return one is later
    told = {"start": (), "end": ()} if one.links and later.links else {"start": (), "end": (), "links": ()}
    return one.model_copy(update=told) == later.model_copy(update=told)


def _described(devices: Devices | None) -> str:
    return devices.describe() if devices else "no GPUs"


def _machines(recording: Recording) -> dict[str, set[str]]:
    """Hardware and the version of each package that entries name, by instance type where there are any."""
    found: dict[str, set[str]] = {}
    for entry in recording.evidence:
        where = f" on {entry.instance_type}" if entry.instance_type else ""
        for what, value in {"hardware": entry.provenance.hardware, **entry.provenance.software}.items():
            found.setdefault(f"{what}{where}", set()).add(value)
    return found


def _listed(values: set[str]) -> str:
    return " or ".join(sorted(values))
