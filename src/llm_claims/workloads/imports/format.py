"""A format: how the logs or results of one program are read as runs of one kind of workload."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

UNITS = {("ms", "s"): 1e-3}
"""Factors between the unit that a program prints and that of a metric; what is not here is not converted."""


@dataclass(frozen=True)
class Figure:
    """What a file says of one metric.

    ``values`` are in ``unit``. ``resolution`` is the worth of the last digit printed; ``None`` of a count. ``cut`` says
    that what printed it cuts digits off and does not round. ``place`` is where in the file.
    """

    values: tuple[float, ...]
    unit: str
    place: str
    resolution: float | None = None
    cut: bool = False
    note: str = ""

    def converted(self, unit: str) -> Figure:
        """Return it in another unit.

        Raises
        ------
        ValueError
            The table of units has no factor.
        """
        if unit == self.unit:
            return self
        factor = UNITS.get((self.unit, unit))
        if factor is None:
            raise ValueError(f"{self.place}: {self.unit!r} cannot be converted to {unit!r}")
        values = tuple(value * factor for value in self.values)
        resolution = self.resolution and self.resolution * factor
        note = "; ".join(filter(None, (self.note, f"printed in {self.unit}")))
        return Figure(values, unit, self.place, resolution, self.cut, note)


@dataclass
class FoundRun:
    """One run in a file: its ``fields``, its figures by metric, and what was seen and is no figure.

    ``diverged`` says where it stopped giving numbers; such a run has no figures. ``place`` is the run's own.
    """

    place: str
    fields: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    diverged: str = ""
    ignored: set[str] = field(default_factory=set)
    hardware: str = ""
    date: str = ""
    software: dict[str, str] = field(default_factory=dict)


class Format(ABC):
    """Reads what one program writes. Subclass it, and name the class in ``formats`` of a kind of workload."""

    name: ClassVar[str]

    @abstractmethod
    def recognizes(self, beginning: str) -> bool:
        """Whether a file that begins like this (64 KiB at most) is of this format."""

    @abstractmethod
    def read(self, path: Path) -> list[FoundRun]:
        """Return the runs of a file, in its order.

        Raises
        ------
        ValueError
            The file is not of this format, or contradicts itself; the text says in which line.
        """


def exact(value: float, unit: str, place: str, note: str = "") -> Figure:
    """Return the figure of a count."""
    return Figure((value,), unit, place, note=note)


def printed(values: Iterable[float], unit: str, place: str, resolution: float, note: str = "") -> Figure:
    """Return a figure that was rounded when it was printed."""
    return Figure(tuple(values), unit, place, resolution, note=note)


def shown_resolution(text: str) -> float:
    """Return the worth of the last digit of a number as it is written: ``2.36`` has 0.01, ``1e-05`` has 1e-05."""
    mantissa, _, exponent = text.strip().lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(10.0 ** (int(exponent or 0) - decimals))


def renamed(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return those fields that are in ``names``, under our names, without those that are empty."""
    return {ours: fields[theirs] for theirs, ours in names.items() if fields.get(theirs) is not None}
