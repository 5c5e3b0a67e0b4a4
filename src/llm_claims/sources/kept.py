"""Live evidence that is kept for a later run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from llm_claims.document.files import write_atomically
from llm_claims.errors import RecordingError
from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.fingerprint import Fingerprint
from llm_claims.sources.base import Placed

Name = tuple[str, str]
"""A source, and the key of a placed workload."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeptEntry(_Model):
    """What a source measured of one placed workload.

    ``alone`` tells that every round was part of a pass that had the machine alone: such rounds pair up
    by their numbers, and no others do by their times. ``since`` is the day of the oldest round.
    """

    source: str
    alone: bool
    since: date
    evidence: Evidence

    @property
    def name(self) -> Name:
        """What tells this entry from all others."""
        return self.source, Placed(self.evidence.workload, self.evidence.instance_type).key

    def later(self, rounds: int) -> KeptEntry:
        """Number the rounds of passes from another start; those of seeds keep theirs, since seeds follow from them."""
        if not self.alone:
            return self
        numbers = tuple(number + rounds for number in self.evidence.rounds)
        return self.model_copy(update={"evidence": self.evidence.model_copy(update={"rounds": numbers})})


class KeptEvidence(_Model):
    """All sound evidence of earlier runs that share one fingerprint; a number of a pass is of one pass only."""

    schema_version: Literal[1] = 1
    fingerprint: Fingerprint
    entries: tuple[KeptEntry, ...]

    @property
    def latest_round(self) -> int:
        """The highest number of a round, 0 if there is none."""
        return max((number for entry in self.entries for number in entry.evidence.rounds), default=0)

    def updated(self, entries: Iterable[KeptEntry], lost: Collection[Name]) -> KeptEvidence:
        """Return this with newer entries in place of older ones, and without those that are ``lost``."""
        merged = {entry.name: entry for entry in (*self.entries, *entries)}
        kept = tuple(entry for name, entry in merged.items() if name not in lost)
        return self.model_copy(update={"entries": kept})


def read_kept(path: Path) -> KeptEvidence:
    """Read what was kept.

    Raises
    ------
    RecordingError
        The file cannot be read, or holds something else; the text says what.
    """
    try:
        return KeptEvidence.model_validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise RecordingError(f"{path}: {f'{where}: ' if where else ''}{fault['msg']}") from None


def write_kept(kept: KeptEvidence, path: Path) -> None:
    """Write what is to be kept: whole, or not at all.

    Raises
    ------
    OSError
        The file cannot be written; what was kept before is then as it was.
    """
    write_atomically(path, kept.model_dump_json(exclude_none=True) + "\n")
