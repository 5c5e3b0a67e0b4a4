"""How a run ends."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

Ending = Literal["completed", "out_of_memory", "failed"]


class Outcome(BaseModel):
    """How a run ended; one that did not complete shows the signature of its failure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Ending = "completed"
    signature: str | None = None

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.kind != "completed" and not self.signature:
            raise ValueError(f"an outcome of {self.kind!r} needs the signature of the failure")
        return self
