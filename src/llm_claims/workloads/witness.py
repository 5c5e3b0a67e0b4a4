"""The witness: what a run itself observed about its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, PositiveInt

if TYPE_CHECKING:
    from llm_claims.workloads.base import Workload


class Witness(BaseModel):
    """Observations of a run; ``None`` says that the run did not look.

    A kind of workload has a witness of its own, with a field for everything that its runs must show. What is
    here any run may show: ``device`` is where it ran, as PyTorch names it; ``threads`` are those of one process.

    ``owed_by_failures`` names what a run that ended early must show all the same; ``may_omit_device`` says that
    what is measured does not depend on the device, so that a run on a GPU need not show it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    owed_by_failures: ClassVar[frozenset[str]] = frozenset()

    may_omit_device: ClassVar[bool] = False

    device: str | None = None
    threads: PositiveInt | None = None

    @property
    def names_the_culprit(self) -> bool:
        """Whether it tells whose code a failed run was in; without that, a failure proves nothing."""
        return False

    def faults(self, figures: Mapping[str, float]) -> Iterator[str]:
        """Yield where the last figure of a metric contradicts what the run saw of itself."""
        yield from ()


def differences(workload: Workload, witness: Witness | None, *, ended_early: bool = False) -> list[str]:
    """Name every difference between what a workload states and what its run saw of itself.

    An observation that the run owes and did not make is a difference too; a run that ``ended_early`` owes
    only what its kind says. An empty list means that the witness matches.
    """
    if witness is None:
        return ["the run carries no witness"]
    found = []
    for name, asked in workload.expected():
        seen = getattr(witness, name)
        if ended_early and seen is None and name not in witness.owed_by_failures:
            continue
        if asked is not None and seen != asked:
            found.append(f"{name}: asked {asked!r}, the run saw {seen!r}")
    return found


def is_usable_failure(ending: str, witness: Witness | None) -> bool:
    """Whether a run that did not complete is usable evidence.

    It is if memory ran out, or if its witness tells whose code failed; and it needs a witness for either.
    """
    if witness is None or ending == "completed":
        return False
    return ending == "out_of_memory" or witness.names_the_culprit
