"""The messages between a program and its caller: one JSON object a line.

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
    NonNegativeFloat,
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


class Spent(_Message):
    """What a program spent its time on, in s; the phases do not overlap.

    Set-up is all that comes before the first measured step or request, but for compiling, which has warm-up with it.
    Measuring lasts from the first to the last that counts. What is left of a run came after it.
    """

    setup_seconds: NonNegativeFloat = 0.0
    compiling_seconds: NonNegativeFloat = 0.0
    measuring_seconds: NonNegativeFloat = 0.0

    def __add__(self, more: Spent) -> Spent:
        """Add, phase by phase, what another part of a run spent."""
        return Spent(
            setup_seconds=self.setup_seconds + more.setup_seconds,
            compiling_seconds=self.compiling_seconds + more.compiling_seconds,
            measuring_seconds=self.measuring_seconds + more.measuring_seconds,
        )


class Ready(_Message):
    """The program is set up: its hardware, and the versions of its software."""

    hardware: str
    software: dict[str, str]
    setup_seconds: FiniteFloat
    spent: Spent | None = None


class Request(_Message):
    """Run ``workload`` once, in round ``round``; all randomness comes from ``seed``."""

    workload: AnyWorkload
    round: PositiveInt
    seed: int


class Printed(_Message):
    """A number as a library prints it; ``resolution`` is the value of one unit in its last digit."""

    value: FiniteFloat
    resolution: FiniteFloat = Field(gt=0)
    rounding: Literal["nearest", "down"] = "nearest"


Figure = float | tuple[float, ...] | Printed
"""The value of one metric in an answer."""


class Answer(_Message):
    """The metrics of one run, in the units of its kind, its outcome and its witness.

    A metric is one number, or a list of numbers in order, shape (n,), or a number as a library printed it.
    ``unsupported`` is why the program cannot run this workload at all, where it said so. ``spent`` may be left out.
    """

    outcome: Outcome = Outcome()
    metrics: dict[str, FiniteFloat | tuple[FiniteFloat, ...] | Printed] = {}
    witness: AnyWitness | None = None
    unsupported: str | None = None
    spent: Spent | None = None

    @field_validator("witness", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Read the witness as that of the requested kind, which `read_answer` puts into the context."""
        return witness_of(value, (info.context or {}).get("kind", Workload))


def witness_of(value: Any, kind: type[Workload]) -> Any:
    """Return a witness of ``kind``, given as such or as its JSON object.

    Raises
    ------
    ValueError
        It is the witness of another kind, or has a wrong field.
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
        The line is not a valid answer.
    """
    return Answer.model_validate_json(line, context={"kind": kind})
