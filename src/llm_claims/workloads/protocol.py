"""What a program and its caller say to each other: one JSON object a line.

The program writes one `Ready` when its model stands, then answers each `Request` with one
`Answer`. Standard output is the channel; whatever libraries print goes to standard error.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt

from llm_claims.evidence.evidence import Outcome
from llm_claims.workloads.base import Workload
from llm_claims.workloads.witness import Witness


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ready(_Message):
    """The program is set up: what it runs on, and the versions of what it runs with."""

    hardware: str
    software: dict[str, str]
    setup_seconds: FiniteFloat


class Request(_Message):
    """Run ``workload`` once, as measuring round ``round``; all randomness comes from ``seed``."""

    workload: Workload
    round: PositiveInt
    seed: int


class Printed(_Message):
    """A number as a library prints it, ``resolution`` being the worth of its last digit."""

    value: FiniteFloat
    resolution: FiniteFloat = Field(gt=0)
    rounding: Literal["nearest", "down"] = "nearest"


Figure = float | tuple[float, ...] | Printed
"""The value of one metric in an answer."""


class Answer(_Message):
    """The metrics of one run (see `llm_claims.workloads.metrics` for units), and what the run saw of itself.

    A metric is one number; or, where it is one of `llm_claims.workloads.metrics.SERIES`, the numbers of the
    run in their order, shape (n,); or what a library printed.
    """

    outcome: Outcome = Outcome()
    metrics: dict[str, FiniteFloat | tuple[FiniteFloat, ...] | Printed] = {}
    witness: Witness | None = None
