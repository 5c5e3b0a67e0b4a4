"""How a run ends, and the outcome of an error."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

Ending = Literal["completed", "out_of_memory", "failed"]

# PyTorch reports that host memory ran out as a plain RuntimeError with these words.
_NO_HOST_MEMORY = ("DefaultCPUAllocator", "not enough memory")


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


class MultilineError(RuntimeError):
    """An error whose signature is its whole text, and not only the first line."""


def outcome_of(error: Exception) -> Outcome:
    """Return the outcome, out of memory or failed, of a run that raised ``error``."""
    signed = signature(error)
    first, _, _ = signed.partition("\n")
    # Compared by name, because this module must work without PyTorch.
    exhausted = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if exhausted or (isinstance(error, RuntimeError) and any(words in first for words in _NO_HOST_MEMORY)):
        return Outcome(kind="out_of_memory", signature=signed)
    return Outcome(kind="failed", signature=signed)


def signature(error: BaseException) -> str:
    """Return the type of an error and the first line of its text; for a `MultilineError`, the whole text."""
    text = first_fault(error) if isinstance(error, ValidationError) else str(error).strip()
    if not isinstance(error, MultilineError):
        text = text.partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def first_fault(error: ValidationError) -> str:
    """Say where the first fault in a message is, and what it is."""
    faults = error.errors()
    # pydantic reports a fault for each form that a metric may have; that it is not finite is the real one.
    fault = next((one for one in faults if one["type"] == "finite_number"), faults[0])
    where = fault["loc"][:2] if fault["loc"][:1] == ("metrics",) else fault["loc"]
    return f"{'.'.join(map(str, where)) or 'the line'}: {fault['msg']}"
