"""What every source is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

from llm_claims.document.setting import Setting
from llm_claims.evidence.evidence import Evidence
from llm_claims.workloads.base import Training, Workload

SourceKind = Literal["recording", "cpu", "gpu", "sagemaker"]


@dataclass(frozen=True)
class Placed:
    """A workload with no open field that matters, and the instance type it runs on, if any.

    ``note`` says what the measurement is an analogue of, if it is one. ``asked`` is the workload as the
    claim states it, where that is shorter. ``stand_in`` says that a model of ours stands for the document's:
    its sizes are not the document's on any hardware.
    """

    workload: Workload
    instance: str | None = None
    note: str = field(default="", compare=False)
    asked: Workload | None = field(default=None, compare=False)
    stand_in: bool = field(default=False, compare=False)

    @property
    def key(self) -> str:
        """Name of this placed workload in stores and logs."""
        return self.workload.digest + (f"-{self.instance}" if self.instance else "")

    def describe(self) -> str:
        """One line for people."""
        return (self.asked or self.workload).describe() + (f" on {self.instance}" if self.instance else "")


def is_stand_in(workload: Workload) -> bool:
    """Whether a measured workload starts from what a model of ours has learned: no checkpoint travels with a suite."""
    return isinstance(workload, Training) and workload.initial_weights == "pretrained"


class Source(Protocol):
    """Where evidence comes from. ``name`` is the column in reports and the end of test ids.

    ``measures_as`` is the kind whose limits it shares: for a live source its own, for a recording
    that of the source that made it. ``always_here`` tells sources that every machine has (recordings,
    the processor) from those that may be absent: only an absent one may lose a verdict unnoticed.
    """

    name: str
    kind: SourceKind
    measures_as: SourceKind
    documented: bool
    always_here: bool

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill the open fields of ``workload``; ``on`` demands an instance type.

        Raises
        ------
        Untestable
            This source cannot measure it; the text says why.
        """

    def evidence(self, placed: Placed) -> Evidence:
        """Return the evidence that exists for a placed workload.

        Raises
        ------
        Untestable
            There is none, and this source cannot make any.
        """


class LiveSource(Source, Protocol):
    """A source that measures while the tests run."""

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        """Measure until the placed workloads have ``rounds`` rounds in common.

        Timed, a round is one pass over all of them, alone on the machine, so that whatever disturbs it
        disturbs each alike; passes alternate in order (A B C, C B A, …). Otherwise others may measure
        at the same time, and a round is a seed. A workload that states its seed needs one round. What
        failed is remembered, and raised when its evidence is asked for.
        """

    def has_time_for(self, placed: Sequence[Placed], rounds: int, planned: Collection[Placed]) -> bool:
        """Whether a relation that is open may have ``rounds`` rounds, though some of ``planned`` have not had any."""

    def reused(self, placed: Placed) -> date | None:
        """The day of the oldest evidence that was taken over from an earlier run, if any was."""

    def close(self) -> None:
        """End every process of this source."""


def is_emulated(source: Source) -> bool:
    """Whether a source's figures come from an emulator: they go the whole way, and are evidence of nothing."""
    return bool(getattr(source, "emulated", False))


def rounds_when_recorded(source: Source) -> int | None:
    """The most rounds that a relation could take when a recording was made; ``None`` of what is no recording."""
    most: int | None = getattr(source, "most_rounds", None)
    return most


def refuse_secondary(setting: Setting | None, source: str) -> None:
    """Let a source that cannot tell settings apart measure only a claim's primary setting.

    Raises
    ------
    Untestable
        ``setting`` is not the primary one.
    """
    from llm_claims.errors import Untestable

    if setting is not None and not setting.is_primary:
        raise Untestable(
            f"{source} measures one setting of its own; it stands for this claim in case [{setting.primary}]"
        )
