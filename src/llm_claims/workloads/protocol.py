"""What a program and its caller say to each other: one JSON object a line.

The program writes one `Ready` when it is set up, then answers each `Request` with one `Answer`. Standard output is
the channel; whatever libraries print goes to standard error.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from llm_claims.workloads.base import Workload
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.registry import AnyWitness, AnyWorkload
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

    workload: AnyWorkload
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
    """The metrics of one run, in the units of its kind, and what the run saw of itself.

    A metric is one number; or, where a run has several, the numbers in their order, shape (n,); or what a
    library printed.
    """

    outcome: Outcome = Outcome()
    metrics: dict[str, FiniteFloat | tuple[FiniteFloat, ...] | Printed] = {}
    witness: AnyWitness | None = None

    @field_validator("witness", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Read the witness of the kind that was asked for; `read_answer` names it."""
        return witness_of(value, (info.context or {}).get("kind", Workload))


def witness_of(value: Any, kind: type[Workload]) -> Any:
    """Return a witness, as it is or from its JSON object, as a witness of ``kind``.

    Raises
    ------
    ValueError
        It is none, or of another kind.
    """
    if isinstance(value, Witness) and not isinstance(value, kind.Witness):
        raise ValueError(
            f"a run of {kind.__name__} shows a {kind.Witness.__qualname__}, not a {type(value).__qualname__}"
        )
    return kind.Witness.model_validate_json(json.dumps(value), strict=True) if isinstance(value, dict) else value


def read_answer(line: str, kind: type[Workload]) -> Answer:
    """Read the answer to a request for a workload of ``kind``.

    Raises
    ------
    pydantic.ValidationError
        It is none.
    """
    return Answer.model_validate_json(line, context={"kind": kind})
