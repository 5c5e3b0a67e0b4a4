"""How a run ends, and the outcome of an error."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

Ending = Literal["completed", "out_of_memory", "failed"]

# What PyTorch's allocator for host memory says in an error that is otherwise a plain RuntimeError.
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
    """An error of which every line counts: it signs its outcome with all of them, not with the first alone."""


def outcome_of(error: Exception) -> Outcome:
    """Return the outcome of a run that ended in ``error``, and its signature."""
    signed = signature(error)
    first, _, _ = signed.partition("\n")
    # PyTorch's own OutOfMemoryError is known by its name: this module has to work without PyTorch.
    exhausted = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if exhausted or (isinstance(error, RuntimeError) and any(words in first for words in _NO_HOST_MEMORY)):
        return Outcome(kind="out_of_memory", signature=signed)
    return Outcome(kind="failed", signature=signed)


def signature(error: BaseException) -> str:
    """Sign an error with its type and the first line of its text; with the whole text where every line counts."""
    text = first_fault(error) if isinstance(error, ValidationError) else str(error).strip()
    if not isinstance(error, MultilineError):
        text = text.partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def first_fault(error: ValidationError) -> str:
    """Say where the first fault of a message is, and what."""
    faults = error.errors()
    # A metric may have several forms, and is at fault in each: not to be finite is the fault that it has itself.
    fault = next((one for one in faults if one["type"] == "finite_number"), faults[0])
    where = fault["loc"][:2] if fault["loc"][:1] == ("metrics",) else fault["loc"]
    return f"{'.'.join(map(str, where)) or 'the line'}: {fault['msg']}"
