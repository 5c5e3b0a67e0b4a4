"""A run that a file tells of, as far as it tells: its figures, its configuration, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

from pydantic import ValidationError

from llm_claims.errors import RecordingError
from llm_claims.evidence.evidence import Samples
from llm_claims.evidence.importers.digits import Resolution
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.registry import kind_named

UNITS = {"ms": ("s", -3), "ms/token": ("s/token", -3), "MB": ("bytes", 6)}
"""What is converted: a printed unit, the unit that metrics have for it, and the power of ten between them."""


class Printed(NamedTuple):
    """A number as a file has it, and its line; ``unit`` is named where it is not the metric's own."""

    text: str
    line: int
    unit: str | None = None

    @property
    def value(self) -> Decimal:
        """The number; it may be NaN or infinite.

        Raises
        ------
        decimal.InvalidOperation
            The text is no number.
        """
        return Decimal(self.text)


@dataclass
class Run:
    """One run in a file.

    ``metrics`` are in the units of the kind; ``fields`` are the fields of its workload that the file states, and
    ``provenance`` those of the evidence's provenance, each with its line. ``number`` tells it from other runs of its
    file, and is 0 where there are none. ``left_out`` names what the file has and the
    kind has no metric for. ``last`` is the line with the end of the run.
    """

    path: Path
    format: str
    kind: str
    last: int = 0
    number: int = 0
    metrics: dict[str, Samples] = field(default_factory=dict)
    fields: dict[str, tuple[Any, int]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    left_out: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file, and which of its runs it is, if it has several: "run.log#2"."""
        return f"{self.path}#{self.number}" if self.number else str(self.path)

    @property
    def place(self) -> str:
        """Where the run ends, for people."""
        return at(self.path, self.last)

    def add(
        self,
        metric: str,
        *printed: Printed,
        resolution: Resolution | None,
        rounding: Literal["nearest", "down"] = "nearest",
        note: str | None = None,
    ) -> None:
        """Keep the figures of one metric; without ``resolution`` they are counts, which are exact.

        Of several figures the resolution is the coarsest.

        Raises
        ------
        RecordingError
            One is no finite number, or a duration is not positive; the text names file and line.
        """
        numbers = [finite(self.path, metric, one) for one in printed]
        unit, shift = kind_named(self.kind).metric(metric).unit, 0
        if (said := printed[0].unit) not in (None, unit):
            known, shift = UNITS.get(str(said), ("", 0))
            if known != unit:
                fault(self.path, printed[0].line, f"{metric} is in {said}, which cannot be converted to {unit}")
            note = "; ".join(filter(None, (f"printed as {printed[0].text} {said}", note)))
        worth = None if resolution is None else max(resolution(str(number)) for number in numbers)
        try:
            self.metrics[metric] = Samples(
                unit=unit,
                spread="exact" if worth is None else "printed",
                samples=tuple(float(number.scaleb(shift)) for number in numbers),
                resolution=None if worth is None else float(worth.scaleb(shift)),
                rounding=rounding,
                place=_lines(self.path, [one.line for one in printed]),
                note=note,
            )
        except ValidationError as error:
            fault(self.path, printed[0].line, f"{metric}: {error.errors()[0]['msg'].removeprefix('Value error, ')}")

    def state(self, name: str, value: Any, line: int) -> None:
        """Keep a field of the workload that the file states.

        Raises
        ------
        RecordingError
            The file has said otherwise before.
        """
        known, before = self.fields.setdefault(name, (value, line))
        if known != value:
            fault(self.path, line, f"{name} is {value!r}, but {known!r} in line {before}")


class Format(NamedTuple):
    """A format: its name, words of which every file of it has one, and what reads the runs of a file."""

    name: str
    signs: tuple[bytes, ...]
    read: Callable[[Path], list[Run]]


def at(path: Path, line: int) -> str:
    """Name a line of a file."""
    return f"{path}, line {line}"


def fault(path: Path, line: int, words: str) -> NoReturn:
    """Refuse a file for what is in one of its lines.

    Raises
    ------
    RecordingError
        Always.
    """
    raise RecordingError(f"{at(path, line)}: {words}")


def finite(path: Path, name: str, printed: Printed) -> Decimal:
    """Return a number that has to be finite.

    Raises
    ------
    RecordingError
        It is not, or is none; the text names the line.
    """
    try:
        number = printed.value
    except InvalidOperation:
        hint = ": write it with a decimal point" if "," in printed.text else ""
        fault(path, printed.line, f"{name} is {printed.text!r}, which is no number{hint}")
    if not number.is_finite():
        fault(path, printed.line, f"{name} is {printed.text}, where a figure is needed")
    return number


def _lines(path: Path, lines: Sequence[int]) -> str:
    return at(path, lines[0]) if lines[0] == lines[-1] else f"{path}, lines {lines[0]} to {lines[-1]}"
