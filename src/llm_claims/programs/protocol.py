"""What a program and its caller say to each other: one JSON object a line.

The program writes one `Ready` when its model stands, then answers each `Request` with one
`Answer`. Standard output is the channel; whatever libraries print goes to standard error.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, FiniteFloat, PositiveInt

from llm_claims.evidence import Outcome
from llm_claims.witness import Witness
from llm_claims.workloads import Workload


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


class Answer(_Message):
    """One sample of each metric (see `llm_claims.metrics` for units), and what the run saw of itself.

    A metric that is a count is exact; one that is a duration is a sample of a noisy quantity.
    """

    outcome: Outcome = Outcome()
    metrics: dict[str, FiniteFloat] = {}
    witness: Witness | None = None
