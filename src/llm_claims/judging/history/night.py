"""A night: what one run measured on one source. An acceptance: that a person has accepted a change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, RootModel

from llm_claims.evidence.evidence import Evidence
from llm_claims.judging.rows import VerdictRow

EFFECT = "effect"
"""In place of a metric: the effect of a case, whose address is the key."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Model):
    """One number of a night: the median of a run's rounds, or the effect of a case."""

    key: str = Field(description="digest of the workload, and its instance type if it has one; or a case's address")
    metric: str = Field(description="metric name, or effect")
    unit: str
    value: FiniteFloat
    what: str = Field(description="the workload, for people")

    @property
    def id(self) -> str:
        """How a person names it."""
        return f"{self.metric}@{self.key}"


class Night(_Model):
    """What one run measured on one source and machine; a run that was cut short is not ``complete``."""

    kind: Literal["night"] = "night"
    run: str
    time: AwareDatetime
    source: str
    hardware: str
    software: dict[str, str] = {}
    commit: str | None = None
    complete: bool = True
    figures: tuple[Figure, ...]


class Acceptance(_Model):
    """A change of one figure that somebody accepted: from then on it is compared with the nights since the change."""

    kind: Literal["acceptance"] = "acceptance"
    time: AwareDatetime
    source: str
    hardware: str
    figure: str = Field(description="metric@key")
    because: str
    author: str


class Line(RootModel[Night | Acceptance]):
    """One line of a history."""


def night_of(
    source: str, evidence: Iterable[Evidence], rows: Iterable[VerdictRow], *, run: str, now: datetime, complete: bool
) -> Night | None:
    """Return what a live source measured in this run; ``None`` if it measured nothing that varies."""
    entries = list(evidence)
    figures = [figure for entry in entries for figure in figures_of(entry)]
    figures += [
        Figure(key=row.address, metric=EFFECT, unit=row.unit, value=row.effect, what=row.address)
        for row in rows
        if row.source == source and row.effect is not None and row.effect > 0 and row.n > 1
    ]
    if not figures:
        return None
    provenance = entries[0].provenance
    return Night(
        run=run,
        time=now,
        source=source,
        hardware=provenance.hardware,
        software={name: version for entry in entries for name, version in entry.provenance.software.items()},
        commit=provenance.commit,
        complete=complete,
        figures=tuple(figures),
    )


def figures_of(entry: Evidence) -> list[Figure]:
    """Return the numbers of one workload that vary from run to run; without those that are not positive."""
    return [
        Figure(key=entry.key, metric=name, unit=samples.unit, value=entry.median(name), what=entry.describe())
        for name, samples in entry.metrics.items()
        if samples.spread == "sampled" and entry.median(name) > 0
    ]
