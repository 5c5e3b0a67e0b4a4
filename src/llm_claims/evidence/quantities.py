"""Quantities: what relations compare, computed when a relation asks, so that a live source can add samples before."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Protocol

from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.series import Series, combine, quotient
from llm_claims.evidence.units import over, times


class Measured(Protocol):
    """A workload on a source: the evidence as it stands now."""

    @property
    def evidence(self) -> Evidence:
        """The evidence gathered so far."""


class Quantity:
    """A number with a unit that is computed from measurements when a relation asks.

    ``read`` computes the samples; ``operands`` are the quantities it reads. ``reads`` are the metrics behind it, each
    with its measurement; those of the operands are added.
    """

    def __init__(
        self, read: Callable[[], Series], *operands: Quantity, reads: Iterable[tuple[Measured, str]] = ()
    ) -> None:
        self._read = read
        of_operands = (one for operand in operands for one in operand.reads)
        self.reads: tuple[tuple[Measured, str], ...] = tuple(dict.fromkeys((*reads, *of_operands)))

    @property
    def measurements(self) -> tuple[Measured, ...]:
        """The measurements it depends on: a live source draws their rounds interleaved."""
        return tuple(dict.fromkeys(measurement for measurement, _ in self.reads))

    def series(self) -> Series:
        """Return the samples that exist now.

        Raises
        ------
        EvidenceError
            A metric is missing, or the run behind it did not complete.
        """
        return self._read()

    def __mul__(self, other: Quantity | float) -> Quantity:
        """Product, sample by sample; a plain number is exact and has no unit."""
        return _joined(self, _lifted(other), _product)

    def __sub__(self, other: Quantity | float) -> Quantity:
        """Difference, sample by sample, in the unit of this quantity."""
        return _joined(self, _lifted(other), lambda a, b: combine(a, b, operator.sub, a.unit))

    def __truediv__(self, other: Quantity | float) -> Quantity:
        """Quotient, sample by sample; a plain number is exact and has no unit."""
        return _joined(self, _lifted(other), lambda a, b: quotient(a, b, over(a.unit, b.unit)))

    def __rtruediv__(self, other: float) -> Quantity:
        """Quotient of a plain number and this quantity."""
        return _lifted(other) / self

    __rmul__ = __mul__


def known(value: float, unit: str = "1", *, resolution: float | None = None) -> Quantity:
    """Build a quantity that is not measured: a count, or (with ``resolution``) a printed figure."""
    if resolution is None:
        return Quantity(lambda: Series.exact(value, unit=unit))
    return Quantity(lambda: Series.printed((value,), unit, resolution))


def as_printed(value: float, unit: str = "ratio") -> Series:
    """Take a number as a document prints it: its last digit is its resolution (``3.33`` has 0.01)."""
    exponent = Decimal(repr(value)).as_tuple().exponent
    assert isinstance(exponent, int)
    whole = float(value).is_integer()
    return Series.printed((float(value),), unit, 1.0 if whole else 10.0**exponent)


def _lifted(value: Quantity | float) -> Quantity:
    return value if isinstance(value, Quantity) else known(float(value))


def _joined(a: Quantity, b: Quantity, join: Callable[[Series, Series], Series]) -> Quantity:
    return Quantity(lambda: join(a.series(), b.series()), a, b)


def _product(a: Series, b: Series) -> Series:
    return combine(a, b, operator.mul, times(a.unit, b.unit), power=1)
