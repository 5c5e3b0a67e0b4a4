"""Whether a figure has changed over the nights, and what else changed then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llm_claims.errors import RecordingError
from llm_claims.judging.history.night import Acceptance, Figure, Night

if TYPE_CHECKING:
    from llm_claims.judging.change import Change

BUDGET, HORIZON = 0.05, 100
"""False alarms in so many nights: of all figures of a machine together, as long as these are no more than fifty."""
LEAST_BUDGET = 1e-5 * HORIZON
"""Of one figure: rarer alarms were not simulated, and hardly anything would raise one."""


@dataclass(frozen=True)
class Series:
    """One figure of one source and machine over its nights; ``values`` has ``None`` for a night without it.

    ``accepted`` are the numbers of nights after which a change was accepted.
    """

    figure: Figure
    source: str
    nights: tuple[Night, ...]
    values: tuple[float | None, ...]
    accepted: tuple[int, ...] = ()

    @property
    def id(self) -> tuple[str, str]:
        """Source and figure."""
        return self.source, self.figure.id

    def change(self, budget: float) -> Change | None:
        """The change that stands after the last night, with a budget of false alarms in `HORIZON` nights."""
        from llm_claims.judging.change import ChangeDetector

        detector = ChangeDetector(budget, HORIZON, worse=worse_of(self.figure.unit))
        standing = None
        for number, value in enumerate(self.values, start=1):
            standing = detector.update(value)
            if number in self.accepted and standing is not None:
                detector.accept()
                standing = None
        return standing

    def told(self, change: Change) -> str:
        """A change in words: how much, since when, after how many quiet nights, and what else changed then."""
        date = self.nights[change.since].time.date()
        words = f"{self.figure.metric} of {self.figure.what} on {self.source} {change.amount} since {date}, "
        return f"{words}after {change.before} quiet nights{self._beside(change.since)}"

    def _beside(self, since: int) -> str:
        """What of software and commit changed in the first changed night."""
        before, after = (provenance(self.nights[number]) for number in (max(since - 1, 0), since))
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        told = ", ".join(f"{name} {before.get(name, 'none')} → {after.get(name, 'none')}" for name in names)
        return f"; that night came {told}" if told else ""


def provenance(night: Night) -> Mapping[str, str]:
    """What may explain a change: software by name, and the commit."""
    return {**night.software, **({"commit": night.commit[:10]} if night.commit else {})}


def worse_of(unit: str) -> Literal["rise", "fall"] | None:
    """Which change of a figure is for the worse, by its unit: rates fall, all else that has a unit rises."""
    if unit in ("ratio", "share", "1"):
        return None
    return "fall" if unit.endswith("/s") else "rise"


def budget_of(number: int) -> float:
    """Share the budget of false alarms among so many figures."""
    return max(BUDGET / max(number, 1), LEAST_BUDGET)


def series_of(entries: Iterable[Night | Acceptance]) -> list[Series]:
    """Return every figure over its nights; another machine under the same name is another series.

    Raises
    ------
    RecordingError
        A figure has two units.
    """
    by_machine: dict[tuple[str, str], list[Night]] = {}
    accepted: dict[tuple[str, str, str], list[int]] = {}
    for entry in entries:
        nights = by_machine.setdefault((entry.source, entry.hardware), [])
        if isinstance(entry, Night):
            nights.append(entry)
        else:
            accepted.setdefault((entry.source, entry.hardware, entry.figure), []).append(len(nights))
    return [
        one for (source, hardware), nights in by_machine.items() for one in _series(source, hardware, nights, accepted)
    ]


def _series(
    source: str, hardware: str, nights: Sequence[Night], accepted: Mapping[tuple[str, str, str], list[int]]
) -> Iterator[Series]:
    by_night = [{figure.id: figure for figure in night.figures} for night in nights]
    for id, figure in {id: figure for figures in by_night for id, figure in figures.items()}.items():
        held = [figures.get(id) for figures in by_night]
        first = next(number for number, one in enumerate(held) if one is not None)
        units = {one.unit for one in held if one is not None}
        if len(units) > 1:
            raise RecordingError(f"{id} on {source} is in {' and in '.join(sorted(units))}: a figure has one unit")
        after = tuple(number - first for number in accepted.get((source, hardware, id), ()))
        values = tuple(one.value if one else None for one in held[first:])
        yield Series(figure, source, tuple(nights[first:]), values, after)
