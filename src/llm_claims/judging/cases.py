"""Cases: what a run is to judge, known when its tests are collected, and the row of one that was not judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from llm_claims.document.files import write_atomically
from llm_claims.judging.marks import claim_of
from llm_claims.judging.rehearsal import SOURCE_PARAMETER
from llm_claims.judging.rows import VerdictRow
from llm_claims.relations.verdict import Word

NOT_RUN = "not run because"
"""How the reason of an error begins, where the case's test was not run at all."""
_FILE = "collected.json"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Case(_Model):
    """One case of one claim on one source, and the id of its test item."""

    nodeid: str
    claim: str
    case: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other case of the suite."""
        return self.claim, self.case, self.source

    @property
    def label(self) -> str:
        """The case's name in messages."""
        return f"{self.claim}{f' [{self.case}]' if self.case else ''} on {self.source}"

    def error(self, reason: str) -> VerdictRow:
        """The row of this case where it has no verdict."""
        return VerdictRow(
            claim=self.claim, case=self.case, source=self.source, verdict=Word.ERROR, reason=reason, test=self.nodeid
        )


def case_of(item: pytest.Item) -> Case | None:
    """Return the case that an item judges; ``None`` where it judges none."""
    claim, callspec = claim_of(item), getattr(item, "callspec", None)
    if claim is None or callspec is None or SOURCE_PARAMETER not in callspec.params:
        return None
    source = str(callspec.params[SOURCE_PARAMETER])
    case = callspec.id.removesuffix(source).removesuffix("-")
    return Case(nodeid=item.nodeid, claim=claim, case=case, source=source)


class Collected(_Model):
    """What a process found when it collected.

    ``cases`` are those that the run is to judge. ``left_out`` says in words what of the suite is not among them: if
    anything is, the run judges a part. ``faults`` fail the run, ``refusal`` is why it may not begin.
    """

    cases: tuple[Case, ...] = ()
    left_out: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    refusal: str | None = None

    def keep(self, folder: Path) -> None:
        """Write it where the controller of xdist's workers, which collects nothing, reads it."""
        write_atomically(folder / _FILE, self.model_dump_json())


def read_collected(folder: Path) -> Collected:
    """Read what the workers of a run found; all of them collect the same."""
    path = folder / _FILE
    return Collected.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else Collected()
