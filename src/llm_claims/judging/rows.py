"""Rows: what a trial hands over to every report."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, RootModel

from llm_claims.relations.verdict import Word

ROW, FIGURES = "llm_claims_row", "llm_claims_figures"
"""Names of the report properties in which a trial hands over its row and its figures."""


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
    note: str = Field(default="", description="what the measurement is an analogue of, if it is one")


class FigureRow(BaseModel):
    """One figure that a case's verdict stands on, as ``report/figures.json`` lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: str
    case: str
    source: str
    workload: str = Field(description="the workload and its place, for people")
    key: str = Field(description="digest of the workload, and its instance type if it has one")
    metric: str = Field(description="metric name, or outcome")


class FigureList(RootModel[list[FigureRow]]):
    """The content of ``report/figures.json``."""


class VerdictList(RootModel[list[VerdictRow]]):
    """The content of ``report/verdicts.json``."""
