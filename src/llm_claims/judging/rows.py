"""Rows: what a trial hands over to every report."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, RootModel

from llm_claims.judging.departure import Departure, departure_of
from llm_claims.relations.verdict import Word

_HANDED = "llm_claims"
"""The attribute of a test report that has a trial's row and figures; it goes with the report from a worker."""


class FigureChange(BaseModel):
    """A change in a figure since earlier nights, as the history tells it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str = Field(description="metric@key")
    told: str = Field(description="in words: how much, since when, after how many quiet nights")


class VerdictRow(BaseModel):
    """One case of one claim on one source, as ``report/verdicts.json`` lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str = Field(description="permanent id of the claim")
    case: str = Field(description="parameters of the case, empty if the claim has one case")
    source: str = Field(description="name of the recording or of the live source")
    verdict: Word
    effect: FiniteFloat | None = None
    interval: tuple[FiniteFloat, FiniteFloat] | None = None
    n: NonNegativeInt = 0
    unit: str = "ratio"
    reason: str = ""
    smallest: FiniteFloat | None = Field(
        default=None,
        description="the smallest relative difference that the interval could have told apart, 0.05 for 5%",
    )
    spread: str = Field(default="", description="from what else than its samples the interval's width was taken")
    note: str = Field(default="", description="what the measurement is an analogue of, if it is one")
    test: str = Field(default="", description="id of the test, as pytest takes it")
    command: str = Field(default="", description="what judges this case again, as a shell reads it")
    document: str = Field(default="", description="the claim's document, where the suite has several")
    place: str = Field(default="", description="where the document makes the claim")
    accepted: str | None = Field(default=None, description="the accepted verdict as its file has it, if there is one")
    because: str = Field(default="", description="the reason that was given when it was accepted")
    changes: tuple[FigureChange, ...] = Field(
        default=(), description="changes since earlier nights in the figures it stands on"
    )
    line: str | None = Field(default=None, description="what there is to accept now, if the verdict can be accepted")

    @property
    def departure(self) -> Departure | None:
        """How it departs from the accepted verdict, if it does."""
        return departure_of(self.accepted, self.line)

    @property
    def address(self) -> str:
        """The case in one word, as ``llm-claims review --accept`` takes it: ``claim[case-source]``."""
        return f"{self.claim}[{'-'.join(filter(None, (self.case, self.source)))}]"


class FigureRow(BaseModel):
    """One figure that a case's verdict stands on, as ``report/figures.json`` lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str
    case: str
    source: str
    workload: str = Field(description="the workload and its place, for people")
    key: str = Field(description="digest of the workload, and its instance type if it has one")
    metric: str = Field(description="metric name, or outcome")
    change: str = Field(
        default="", description="place, value in the last commit and now, where a recording was changed"
    )


class FigureList(RootModel[list[FigureRow]]):
    """The content of ``report/figures.json``."""


class VerdictList(RootModel[list[VerdictRow]]):
    """The content of ``report/verdicts.json``."""


def hand_over(report: pytest.TestReport, row: VerdictRow, figures: list[FigureRow]) -> None:
    """Give a test report the row of its case, and the figures that the row stands on."""
    handed = {"row": row.model_dump(mode="json"), "figures": FigureList(figures).model_dump(mode="json")}
    setattr(report, _HANDED, handed)


def handed_over(report: pytest.TestReport) -> tuple[VerdictRow, list[FigureRow]] | None:
    """Take the row and the figures from a test report, if it has them."""
    handed: dict[str, Any] | None = getattr(report, _HANDED, None)
    if handed is None:
        return None
    return VerdictRow.model_validate(handed["row"]), FigureList.model_validate(handed["figures"]).root


def properties_of(row: VerdictRow) -> list[tuple[str, object]]:
    """Return a row as JUnit's properties of a test case, one each; what a row lacks is empty."""
    named = ["claim", "case", "source", "verdict", "effect", "interval", "n", "smallest", "reason", "spread", "note"]
    named += ["place", "accepted", "because", *(["document"] if row.document else [])]
    values = row.model_dump(mode="json")
    return [(name, "" if values[name] is None else str(values[name])) for name in named]
