"""What reports show of a kind besides verdicts: figures relative to device limits, by one field, and as a cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ceiling:
    """A line of a report: which share of the device's own limit runs reach.

    ``share`` is the metric with that share, ``of`` the metric with the limit. The limit is divided by ``scale`` and
    shown in ``unit``. ``words`` begin the line.
    """

    share: str
    of: str
    words: str
    scale: float
    unit: str


@dataclass(frozen=True)
class Scaling:
    """A table of a report: how figures change with one field, such as the number of GPUs.

    ``field`` is that field, ``follow`` are fields that change with it; ``noun`` names what it counts. ``row`` returns
    the title of a workload's row; ``cells`` are metrics, each with the format of its median. Runs without the metric
    ``needed`` are left out, and so are rows with fewer than ``least`` cells.
    """

    title: str
    field: str
    row: Callable[[Any], str]
    cells: tuple[tuple[str, str], ...]
    needed: str
    follow: tuple[str, ...] = ()
    noun: str = "GPU"
    least: int = 1


@dataclass(frozen=True)
class Priced:
    """A table of a report: what 1,000 of something cost by instance type.

    ``seconds`` is the metric with the time that a run takes, ``field`` the field with how many ``noun`` it makes in it.
    """

    seconds: str
    field: str
    noun: str
    row: Callable[[Any], str]


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one: "1 claim", "2 claims"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
