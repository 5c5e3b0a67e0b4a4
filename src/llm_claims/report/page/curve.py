"""A small curve: losses step by step, effects night by night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 240, 48
"""The size that points are given in."""
MOST = 240
"""Points that are drawn of a longer series: one a unit of width."""


@dataclass(frozen=True)
class Curve:
    """A polyline's ``points``, as SVG takes them, and what it says in words."""

    points: str
    words: str


def curve_of(values: Sequence[float], each: str) -> Curve | None:
    """Draw values from left to right, the largest on top; ``None`` for fewer than two. ``each`` names one: "night"."""
    if len(values) < 2:
        return None
    drawn = [values[round(i * (len(values) - 1) / (MOST - 1))] for i in range(MOST)] if len(values) > MOST else values
    least, most = min(values), max(values)
    rise = (most - least) or 1.0
    across = WIDTH / (len(drawn) - 1)
    points = (f"{i * across:.4g},{HEIGHT * (1 - (value - least) / rise):.4g}" for i, value in enumerate(drawn))
    words = f"{len(values)} {each}s: {values[0]:.4g} to {values[-1]:.4g}, least {least:.4g}, most {most:.4g}"
    return Curve(" ".join(points), words)
