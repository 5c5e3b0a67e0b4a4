"""How a kind's figures are shown beyond its verdicts: near the device's own ceilings, and by the number of GPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ceiling:
    """How near runs come to what the device itself can do.

    ``share`` is the metric of a run, ``of`` that of the ceiling, shown in ``unit``, of which one is ``scale`` of the
    metric's own. ``words`` begin the line.
    """

    share: str
    of: str
    words: str
    scale: float
    unit: str


@dataclass(frozen=True)
class Scaling:
    """How a kind's figures follow the number of GPUs.

    ``field`` is the field with that number, ``follow`` are fields that change with it. ``row`` names what a row has in
    common; ``cells`` are metrics and how the median of each is written, and a run without ``needed`` has no cell.
    """

    title: str
    field: str
    row: Callable[[Any], str]
    cells: tuple[tuple[str, str], ...]
    needed: str
    follow: tuple[str, ...] = ()


def count(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
