"""How a verdict departs from the accepted one."""

from __future__ import annotations

from enum import StrEnum

from llm_claims.relations.verdict import Word


class Departure(StrEnum):
    """Kinds of departure, those that need the most care first.

    ``LOST``: what was judged is untestable now. ``FLIP``: another word. ``DRIFT``: the same word, and another effect,
    interval or side of a margin. ``NEW``: nobody has accepted a verdict yet.
    """

    LOST = "lost"
    FLIP = "flip"
    DRIFT = "drift"
    NEW = "new"


def departure_of(accepted: str | None, line: str | None) -> Departure | None:
    """Compare an accepted line with today's; ``None`` where they agree, or where there is nothing to accept."""
    if line is None or line == accepted:
        return None
    word = _word(line)
    if accepted is None:
        return None if word == Word.UNTESTABLE else Departure.NEW
    if word == Word.UNTESTABLE:
        return Departure.LOST
    return Departure.DRIFT if word == _word(accepted) else Departure.FLIP


def _word(line: str) -> str:
    return line.partition(" ")[0]
