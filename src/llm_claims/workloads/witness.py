"""The witness: what a run itself observed about its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, PositiveInt


class Witness(BaseModel):
    """What a run observed about itself; ``None`` means that it made no such observation.

    Each kind of workload has a subclass, with a field for everything that its runs must show. The fields of this
    class are common to all: ``device`` is where the run was, in PyTorch's name for it; ``threads`` counts those of
    one process.

    ``owed_by_failures`` names the observations that even a run that did not complete must have made.
    ``may_omit_device`` says that metrics do not depend on the device, so that a run on a GPU need not show it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    owed_by_failures: ClassVar[frozenset[str]] = frozenset()

    may_omit_device: ClassVar[bool] = False

    device: str | None = None
    threads: PositiveInt | None = None

    @property
    def identifies_failure(self) -> bool:
        """Whether it says whose code a failed run failed in; only then is the failure usable evidence."""
        return False

    def faults(self, figures: Mapping[str, float]) -> Iterator[str]:
        """Yield each contradiction between ``figures``, the last value of each metric, and this witness."""
        yield from ()


def is_usable_failure(ending: str, witness: Witness | None) -> bool:
    """Whether a run that did not complete is usable evidence.

    It is if it has a witness, and either memory ran out or the witness says whose code failed.
    """
    if witness is None or ending == "completed":
        return False
    return ending == "out_of_memory" or witness.identifies_failure
