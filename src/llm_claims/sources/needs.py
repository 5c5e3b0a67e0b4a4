"""What the selected cases are going to ask of a source, known before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass

from llm_claims.sources.base import Placed


@dataclass(frozen=True)
class Need:
    """What one case asks.

    ``timed`` tells whether it reads times, ``varying`` whether another round would say something new;
    ``reason`` is why the source cannot measure the case, ``None`` where it can.
    """

    case: str
    claim: str
    placed: tuple[Placed, ...]
    timed: bool = True
    varying: bool = True
    reason: str | None = None
