"""What every source is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable, UsageError
from llm_claims.evidence.evidence import Evidence, key_of
from llm_claims.evidence.times import Times
from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.devices import Devices
from llm_claims.workloads.registry import kinds


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
        return key_of(self.workload, self.instance)

    def describe(self) -> str:
        """One line for people."""
        return (self.asked or self.workload).describe() + (f" on {self.instance}" if self.instance else "")


@dataclass(frozen=True)
class Need:
    """What one selected case asks of a source, known before anything is measured.

    ``timed`` tells whether it reads times, ``varies`` whether another round would say something new;
    ``reason`` is why the source cannot measure the case, ``None`` where it can.
    """

    case: str
    claim: str
    placed: tuple[Placed, ...]
    timed: bool = True
    varies: bool = True
    reason: str | None = None


@dataclass(frozen=True)
class Cost:
    """What rounds of some workloads take, all together: ``first`` with its set-up, and a ``later`` one; in seconds."""

    first: float
    later: float

    def rounds_in(self, seconds: float) -> float:
        """How many rounds there are, if those after the first may take so long together."""
        return 1 + seconds // self.later if self.later > 0 else math.inf


class Source(ABC):
    """Where evidence comes from. Subclass it, and return yours from the hook ``pytest_claims_sources``.

    Only `place` and `evidence` must be written; the rest is for sources that measure while the tests run.

    - ``name`` is the column in reports and the end of test ids.
    - ``markers`` are those of its cases, by which ``pytest -m`` selects them.
    - ``measures_as`` is the name under which the register says what it cannot measure: its own, or for a recording
      that of the source that made it.
    - ``live``: it measures while the tests run, so its verdicts are accepted without their figures.
    - ``documented``: it runs on the document's own hardware, so settings are told apart and sizes are judged.
    - ``always_here``: every machine has it. A source that may be absent may lose a verdict unnoticed.
    - ``emulated``: its figures come from an emulator, and are evidence of nothing.
    - ``most_rounds`` is the most rounds that a relation could take when its evidence was recorded; ``None`` where
      the run's own limit holds.
    """

    name: str
    markers: tuple[str, ...] = ("live",)
    live: bool = False
    documented: bool = False
    always_here: bool = True
    emulated: bool = False
    most_rounds: int | None = None

    @property
    def measures_as(self) -> str:
        """The name under which the register says what it cannot measure."""
        return self.name

    @abstractmethod
    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill the open fields of ``workload``; ``on`` demands an instance type, named without ``ml.``.

        Raises
        ------
        Untestable
            This source cannot measure it; the text says why.
        """

    def check_timed(self, placed: Placed) -> None:
        """Check that times of a placed workload mean something here; called where a relation reads one.

        Raises
        ------
        Untestable
            They mean nothing; the text says why.
        """
        return

    @abstractmethod
    def evidence(self, placed: Placed) -> Evidence:
        """Return the evidence that exists for a placed workload.

        Raises
        ------
        Untestable
            There is none, and this source cannot make any.
        """

    def entries(self) -> list[Evidence]:
        """All evidence that it has by now."""
        return []

    def expect(self, needs: Sequence[Need]) -> None:
        """Learn what the selected cases are going to ask."""
        return

    def draw(self, placed: Sequence[Placed], rounds: int, *, timed: bool) -> None:
        """Measure until the placed workloads have ``rounds`` rounds in common.

        Timed, a round is one pass over all of them, alone on the machine, so that whatever disturbs it
        disturbs each alike; passes alternate in order (A B C, C B A, …). Otherwise others may measure
        at the same time, and a round is a seed. A workload that states its seed needs one round. What
        failed is remembered, and raised when its evidence is asked for.
        """
        return

    def cost(self, placed: Sequence[Placed]) -> Cost | None:
        """What rounds of these workloads cost, which bounds how many are drawn; ``None`` if it is not known."""
        return None

    def has_time_for(self, placed: Sequence[Placed], rounds: int, planned: Collection[Placed]) -> bool:
        """Whether a relation that is open may have ``rounds`` rounds, though some of ``planned`` have not had any."""
        return True

    def defaults(self) -> Mapping[str, Defaults[Any]]:
        """What fills open fields, by kind of workload, for the recording of a live source.

        Raises
        ------
        Untestable
            The machine has no such hardware.
        """
        return {}

    def devices(self) -> Devices | None:
        """The GPUs that it measured on in this run, if any."""
        return None

    @property
    def is_complete(self) -> bool:
        """Whether it measured all that was asked for."""
        return True

    def times(self) -> Times | None:
        """What it spent its time on in this run, if it measured and knows."""
        return None

    def remarks(self) -> Iterator[str]:
        """Yield what a report has to say of how it measured."""
        yield from ()

    def close(self) -> None:
        """End every process of this source."""
        return


def refuse_secondary(setting: Setting | None, source: str) -> None:
    """Let a source that cannot tell settings apart measure only a claim's primary setting.

    Raises
    ------
    Untestable
        ``setting`` is not the primary one.
    """
    if setting is not None and not setting.is_primary:
        raise Untestable(
            f"{source} measures one setting of its own; it stands for this claim in case [{setting.primary}]"
        )


def within_setting(workload: Workload, setting: Setting | None, on: str | None) -> tuple[Workload, str | None]:
    """Fill open fields with what a setting holds constant; return the workload, and the instance type it is to run on.

    Raises
    ------
    UsageError
        The setting holds what is a field of no kind of workload.
    """
    if setting is None:
        return workload, on
    for name in setting.fields():
        if not any(name in kind.model_fields for kind in kinds()):
            raise UsageError(f"setting {setting.id!r} holds {name!r}, which no kind of workload has")
    known = type(workload).model_fields
    held = {name: value for name, value in setting.fields().items() if name in known}
    return workload.filled(held), on or setting.instance
