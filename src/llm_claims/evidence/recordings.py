"""Recordings: files of evidence, one a machine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from llm_claims.document.files import try_to_write, write_atomically
from llm_claims.document.validation import read_json, validated
from llm_claims.errors import RecordingError
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.times import Times
from llm_claims.evidence.version1 import upgraded
from llm_claims.workloads.devices import Devices
from llm_claims.workloads.registry import DefaultsByKind

SCHEMA_VERSION: Final = 2
RECORDING_NAME = "[a-z0-9][a-z0-9.-]*"
EMULATED = "emulated SageMaker"
"""How the hardware of an emulator's evidence begins."""


class Recording(BaseModel):
    """Evidence from one machine: of one occasion, or of several that were merged.

    ``documented`` says that these are the document's own figures: then settings are told apart and
    documented sizes are judged. A recording made by running the suite has ``documented`` false, and
    ``measured_on`` names its live source: what that source cannot measure, its recording cannot show.
    ``most_rounds`` is the most rounds that a relation could take while it was made: more than three mean that it was
    looked at several times, and when it is judged, the look that its rounds have reached has its share of the error.
    ``complete`` is false where its run left cases out or had no time for them; ``devices`` are the GPUs;
    ``spent_seconds`` is what its runs took by phase, ``None`` if nobody kept it.
    ``defaults`` are, by kind of workload, what filled open fields; each kind in the evidence has some.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[2] = SCHEMA_VERSION
    name: str = Field(pattern=rf"^{RECORDING_NAME}$")
    title: str
    recorded: date
    documented: bool = False
    measured_on: str | None = None
    # Recordings that do not state it could take five.
    most_rounds: PositiveInt = 5
    complete: bool = True
    devices: Devices | None = None
    spent_seconds: Times | None = None
    defaults: DefaultsByKind
    evidence: tuple[Evidence, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        keys = Counter(entry.key for entry in self.evidence)
        for entry in self.evidence:
            if keys[entry.key] > 1:
                raise ValueError(f"two entries for {entry.describe()}")
        return self

    @model_validator(mode="after")
    def _all_filled(self) -> Self:
        if missing := sorted(self.kinds - self.defaults.keys()):
            raise ValueError(f"defaults: none for {', '.join(missing)}")
        return self

    @property
    def on_instances(self) -> bool:
        """Whether it was measured on cloud instance types, which are what a document names."""
        return not self.documented and all(entry.instance_type for entry in self.evidence)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of workloads that it holds."""
        return frozenset(entry.workload.kind for entry in self.evidence)


def read_recording(path: Path) -> Recording:
    """Read and check one recording.

    Raises
    ------
    RecordingError
        Not JSON, of another schema version, or a field that is wrong; the text names file and field.
    """
    data = read_json(path)
    if not isinstance(data, dict):
        raise RecordingError(f"{path}: a recording is a JSON object, this is a {type(data).__name__}")
    version = data.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, bool) or version not in (1, SCHEMA_VERSION):
        raise RecordingError(
            f"{path}: schema_version is {version!r}, this version of llm-claims reads 1 and {SCHEMA_VERSION}. "
            "Record it again, or install the llm-claims that wrote it."
        )
    recording = validated(Recording, upgraded(data) if version == 1 else data, path)
    faults = list(_faults_of_origin(recording))
    if faults:
        told = "1 fault, mend it" if len(faults) == 1 else f"{len(faults)} faults, mend each"
        raise RecordingError(f"{path}: {told}:\n  " + "\n  ".join(faults))
    return recording


def _faults_of_origin(recording: Recording) -> Iterator[str]:
    """Yield what is wrong with what a file says of the origin of its figures.

    A typed-in figure must never pass for a measurement, and a measured workload must state what its witness confirms.
    """
    if recording.documented == (recording.measured_on is not None):
        yield "documented: a recording is either documented, or names in measured_on the live source that made it"
    owed = "reported" if recording.documented else "measured"
    for number, entry in enumerate(recording.evidence):
        if entry.provenance.kind != owed:
            yield f"evidence[{number}].provenance.kind: must be {owed!r} in a recording of this origin"
        if entry.provenance.hardware.startswith(EMULATED):
            yield f"evidence[{number}].provenance.hardware: it is from an emulator, whose figures are no evidence"
        open_fields = [name for name in entry.workload.must_state if getattr(entry.workload, name) is None]
        if not recording.documented and open_fields:
            yield f"evidence[{number}].workload: a measured workload leaves open {', '.join(open_fields)}"


def read_recordings(paths: Iterable[Path], *, as_columns: bool = True) -> list[Recording]:
    """Read several recordings; ``as_columns`` their names must differ, because a name is a column of the report.

    Raises
    ------
    RecordingError
        One cannot be read or is given twice, or two have one name.
    """
    found: dict[str, Path] = {}
    recordings = []
    held: set[Path] = set()
    for path in paths:
        recording = read_recording(path)
        if path in held:
            raise RecordingError(f"{path} is given twice")
        held.add(path)
        if as_columns and recording.name in found:
            raise RecordingError(
                f"{found[recording.name]} and {path} are both named {recording.name!r}: change one's `name`"
            )
        found[recording.name] = path
        recordings.append(recording)
    return recordings


def unfinished(path: Path) -> Path:
    """Where a run that will record to ``path`` keeps what it has measured so far."""
    return path.with_name(f"{path.name}.partial")


def why_not_writable(path: Path) -> str | None:
    """Say why no new recording can be written to ``path``; ``None`` if one can."""
    try:
        if path.exists() or path.is_symlink():
            return "the file exists, and a recording is never overwritten"
        if (partial := unfinished(path)).exists():
            return (
                f"a run that was cut short, or still goes on, left {partial.name}: rename it to keep it, or remove it"
            )
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        if path.suffix != ".json" or not re.fullmatch(RECORDING_NAME, path.stem):
            return "name it NAME.json; a name has lower-case letters, digits, dots and hyphens"
        try_to_write(path.parent, new=True)
    except OSError as error:
        return f"no new file can be written to {path.parent}: {error.strerror}"
    return None


def write_recording(recording: Recording, path: Path, *, new: bool = True) -> None:
    """Write a recording; an existing file is never overwritten, unless it need not be ``new``.

    Raises
    ------
    RecordingError
        ``path`` exists, or cannot be written.
    """
    try:
        write_atomically(path, recording.model_dump_json(indent=1, exclude_none=True) + "\n", new=new)
    except FileExistsError:
        raise RecordingError(f"{path} exists: a recording is never overwritten. Choose another name.") from None
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None
