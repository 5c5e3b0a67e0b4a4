"""Merging: recordings that one machine made on several occasions become one, a column of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from llm_claims.devices import Devices
from llm_claims.errors import RecordingError
from llm_claims.evidence import Evidence
from llm_claims.recordings import Recording
from llm_claims.sources.base import Placed


def merged(recordings: Sequence[Recording], name: str) -> Recording:
    """Return one recording, named ``name``, of all that ``recordings`` hold, given in the order they were made.

    What two of them measured is taken from the later one. Rounds are numbered on from one recording to the next:
    samples pair up by their rounds, so those of two occasions never do. Counts and endings have no rounds, and may be
    compared.

    Raises
    ------
    RecordingError
        They are not of one machine, its software, one live source and one reference configuration; the text says what
        differs, and between which of them.
    """
    if len(recordings) < 2:
        raise RecordingError("a merge is of two recordings or more")
    first, last = recordings[0], recordings[-1]
    faults = [fault for one, later in combinations(recordings, 2) for fault in _differences(one, later)]
    if faults:
        raise RecordingError("these are not of one machine and configuration:\n  " + "\n  ".join(faults))
    evidence: dict[str, Evidence] = {}
    for recording in recordings:
        evidence |= _continued(recording.evidence, after=_latest_round(evidence))
    return Recording(
        name=name,
        title=last.title,
        recorded=max(one.recorded for one in recordings),
        measured_on=last.measured_on,
        most_rounds=max(one.most_rounds for one in recordings),
        complete=all(one.complete for one in recordings),
        devices=_spanning(first.devices, last.devices),
        reference=last.reference,
        evidence=tuple(evidence.values()),
    )


def _continued(entries: Sequence[Evidence], after: int) -> Iterator[tuple[str, Evidence]]:
    """Yield evidence by what it was placed as, its rounds numbered on from ``after``."""
    for entry in entries:
        rounds = tuple(number + after for number in entry.rounds)
        yield Placed(entry.workload, entry.instance_type).key, entry.model_copy(update={"rounds": rounds})


def _latest_round(evidence: Mapping[str, Evidence]) -> int:
    return max((number for entry in evidence.values() for number in entry.rounds), default=0)


def _spanning(first: Devices | None, last: Devices | None) -> Devices | None:
    return first and first.model_copy(update={"end": last.end if last else ()})


def _differences(first: Recording, later: Recording) -> Iterator[str]:
    """Name what keeps two recordings from being one."""
    both = f"{first.name} and {later.name}"
    if first.documented or later.documented:
        yield f"documented: {both}: a document's figures are one recording, typed in whole"
        return
    if first.measured_on != later.measured_on:
        yield f"measured_on: {both}: {first.measured_on} and {later.measured_on}"
    if _hardware(first.devices) != _hardware(later.devices):
        yield f"devices: {both}: {_described(first.devices)} and {_described(later.devices)}, or joined otherwise"
    for kind in sorted(first.kinds | later.kinds):
        if first.reference.of_kind(kind) != later.reference.of_kind(kind):
            yield f"reference: {both}: they fill what a {kind} workload leaves open with different fields"
    for place, (one, other) in _of_both(first, later):
        if one != other:
            yield f"evidence: {both}: {place} ran on {one}, then on {other}"


def _hardware(devices: Devices | None) -> Devices | None:
    return devices and devices.model_copy(update={"start": (), "end": ()})


def _described(devices: Devices | None) -> str:
    return devices.describe() if devices else "no GPUs"


def _of_both(first: Recording, later: Recording) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each kind of run, and place, that both have, with what it ran on in each."""
    one, other = _machines(first), _machines(later)
    for place in sorted(one.keys() & other.keys()):
        yield place, (one[place], other[place])


def _machines(recording: Recording) -> dict[str, str]:
    """Hardware and software by kind of run and instance type; programs of one source and kind share theirs."""
    found: dict[str, set[str]] = {}
    for entry in recording.evidence:
        place = f"{entry.workload.kind}{f' on {entry.instance_type}' if entry.instance_type else ''}"
        software = ", ".join(f"{package} {version}" for package, version in sorted(entry.provenance.software.items()))
        found.setdefault(place, set()).add(f"{entry.provenance.hardware} with {software or 'no package named'}")
    return {place: " or ".join(sorted(machines)) for place, machines in found.items()}
